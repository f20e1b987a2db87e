// Feeds files to a fuzzer's function, as a test of what it has found: hadron-replay-X FOLDER|FILE…
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <vector>

namespace fs = llvm::sys::fs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.push_back(argv[i]);
      continue;
    }
    std::error_code code;
    for (fs::directory_iterator it(argv[i], code), end; it != end && !code; it.increment(code))
      files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  for (const std::string &file : files) {
    llvm::errs() << file << "\n"; // the last one named is the one that crashed
    auto bytes = llvm::MemoryBuffer::getFile(file);
    if (!bytes) {
      llvm::errs() << "cannot read it: " << bytes.getError().message() << "\n";
      return 1;
    }
    // A copy of exactly its size: sanitizers see reads behind it.
    std::vector<uint8_t> copy((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
    LLVMFuzzerTestOneInput(copy.data(), copy.size());
  }
  llvm::outs() << "replayed " << files.size() << "\n";
  return files.empty();
}
