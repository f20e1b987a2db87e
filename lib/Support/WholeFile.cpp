#include "hadron/Support/WholeFile.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

std::error_code hadron::writeWholeFile(llvm::StringRef path, llvm::StringRef contents) {
  if (path == "-") {
    llvm::outs() << contents;
    return {};
  }
  bool isSpecial = llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path);
  std::string temporary =
      isSpecial ? path.str() : (path + "." + llvm::Twine(llvm::sys::Process::getProcessId()) + ".part").str();
  std::error_code code;
  llvm::raw_fd_ostream file(temporary, code);
  if (code)
    return code;
  file << contents;
  file.close();
  code = file.error();
  file.clear_error();
  if (!code && !isSpecial)
    code = llvm::sys::fs::rename(temporary, path);
  if (code && !isSpecial)
    llvm::sys::fs::remove(temporary);
  return code;
}
