// Shared libraries by lld, in this process: a user's machine needs no linker.
#include "hadron/Target/CPU.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstdlib>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif
#include <dlfcn.h>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace hadron::cpu {
namespace {

/// The file that a function of the running process lies in: how we find the system's libc and libm without a compiler.
std::string libraryOf(const void *symbol) {
  Dl_info info;
  return dladdr(symbol, &info) && info.dli_fname ? info.dli_fname : "";
}

} // namespace

Error linkSharedLibrary(ArrayRef<ArrayRef<char>> objects, StringRef output, StringRef soname) {
  SmallVector<std::string> files;
  llvm::scope_exit cleanup([&] {
    for (const std::string &file : files)
      (void)sys::fs::remove(file);
  });
  for (auto [i, object] : enumerate(objects)) {
    files.push_back((output + "." + Twine(i) + ".o").str());
    std::error_code ec;
    raw_fd_ostream stream(files.back(), ec);
    if (ec)
      return createStringError(ec, "cannot write %s: %s", files.back().c_str(), ec.message().c_str());
    stream.write(object.data(), object.size());
    stream.close();
    if (stream.has_error()) {
      ec = stream.error();
      stream.clear_error();
      return createStringError(ec, "cannot write %s: %s", files.back().c_str(), ec.message().c_str());
    }
  }
  // Not malloc, which a sanitizer or a preloaded allocator may have taken over.
#ifdef __GLIBC__
  std::string libc = libraryOf(reinterpret_cast<const void *>(&gnu_get_libc_version));
#else
  std::string libc = libraryOf(reinterpret_cast<const void *>(&std::abort));
#endif
  std::string libm = libraryOf(reinterpret_cast<const void *>(static_cast<double (*)(double)>(&std::exp)));
  std::string out = output.str(), name = soname.str();
  SmallVector<const char *> args = {"ld.lld",        "-shared",    "-o",          out.c_str(),      "-soname",
                                    name.c_str(),    "-z",         "noexecstack", "--no-undefined", "--hash-style=gnu",
                                    "--gc-sections", "--as-needed"};
  for (const std::string &file : files)
    args.push_back(file.c_str());
  if (!libc.empty())
    args.push_back(libc.c_str());
  if (!libm.empty() && libm != libc)
    args.push_back(libm.c_str());
  std::string messages;
  raw_string_ostream stream(messages);
  static std::mutex oneAtATime; // lld keeps global state
  std::lock_guard<std::mutex> lock(oneAtATime);
  lld::Result result = lld::lldMain(args, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return createStringError("linking %s failed: %s", out.c_str(), messages.c_str());
  return Error::success();
}

} // namespace hadron::cpu
