// Work on several threads.
#ifndef HADRON_LIB_QUANTIZATION_PARALLEL_H
#define HADRON_LIB_QUANTIZATION_PARALLEL_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace hadron {

/// Calls work(i) for i in [0, count), on up to `threads` threads, the caller's among them. Returns the error of the
/// lowest i that has one; those above it may not have run then.
llvm::Error parallelFor(unsigned threads, int64_t count, llvm::function_ref<llvm::Error(int64_t)> work);

} // namespace hadron

#endif // HADRON_LIB_QUANTIZATION_PARALLEL_H
