// Fuzzes the reader of .npy files.
#include "hadron/Support/Npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto array = hadron::parseNpy(llvm::StringRef(reinterpret_cast<const char *>(data), size), "fuzz.npy");
  if (!array) {
    llvm::consumeError(array.takeError());
    return 0;
  }
  // What was read is whole.
  if (array->data.size() != static_cast<size_t>(array->size() * array->width))
    __builtin_trap();
  return 0;
}
