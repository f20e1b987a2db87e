// X.weights: the parameters of a library as a safetensors container.
//
//   u64       size of the header
//   header    JSON, filled up with spaces to a page: for each parameter "dtype", "shape", "data_offsets"; packed
//   weights
//             are "U8". "__metadata__" has "format", "hash" (of all data) and "type:NAME", the type as the IR writes
//             it, with format and bases.
//   data      each parameter at a multiple of 64 bytes; "__pad.N" fills the gaps, of which the container has none
//
// Equal parameters are stored once: the table knows all names, the header the first.
#ifndef HADRON_QUANTIZATION_WEIGHTSFILE_H
#define HADRON_QUANTIZATION_WEIGHTSFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hadron {

/// What generated code has to know of a weights file (hadron_rt_weights).
struct WeightsFile {
  struct Entry {
    std::string name;
    int64_t offset; // from the first byte of the file, a multiple of 64
    int64_t bytes;
  };
  int64_t bytes = 0;          // of the file
  int64_t headerHash = 0;     // hadron_rt_hash of the header's size and the header
  std::vector<Entry> entries; // in the module's order
};

/// Evaluates every parameter of the module into the file `path`. Files that parameters name are beneath the folder of
/// `model`, or `model` itself. Errors are diagnostics; the file is removed then. `progress` hears of each parameter,
/// with the share that is done.
mlir::FailureOr<WeightsFile> writeWeights(mlir::ModuleOp module, llvm::StringRef path, llvm::StringRef model,
                                          unsigned threads,
                                          llvm::function_ref<void(llvm::StringRef, double)> progress = nullptr);

} // namespace hadron

#endif // HADRON_QUANTIZATION_WEIGHTSFILE_H
