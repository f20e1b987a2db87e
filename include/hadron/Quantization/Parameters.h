// Evaluation of parameters: from the expression of a `hadron.param` to the bytes that kernels read.
//
// One parameter at a time, in bounded memory: files are mapped, their pages dropped after use; rows are worked on in
// parallel, and leave as they are done. The result does not depend on the number of threads.
//
// Arithmetic: movements, casts and packing are exact. Rotations add in f64, and round once to f32 (twice when a weight
// is rotated on both sides). Sums and products of elements are f32. What has no fast path here, and is small, is left
// to the reference interpreter.
#ifndef HADRON_QUANTIZATION_PARAMETERS_H
#define HADRON_QUANTIZATION_PARAMETERS_H

#include "Hadron/IR/Hadron.h"
#include "hadron/Support/MappedFile.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace hadron {

/// Bytes of a value of this type in a weights file: a packed weight in the execution layout, a tensor dense, row-major,
/// little-endian (elements of fewer than 8 bits take a byte).
int64_t parameterBytes(mlir::Type type);

/// Takes bytes of a parameter's value, which start at `offset`. Called from several threads, for different bytes.
using ParameterSink = llvm::function_ref<llvm::Error(int64_t offset, llvm::ArrayRef<char> bytes)>;

/// Evaluates a parameter into `sink`. Errors name the parameter, and the operation that failed.
llvm::Error evaluateParameter(ParamOp param, MappedFiles &files, unsigned threads, ParameterSink sink);

/// The same into memory.
llvm::Expected<std::vector<char>> evaluateParameter(ParamOp param, MappedFiles &files, unsigned threads = 1);

} // namespace hadron

#endif // HADRON_QUANTIZATION_PARAMETERS_H
