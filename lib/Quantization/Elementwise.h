// Elementwise structured operations with any body of scalar arithmetic, lookups included: what unpacking of codes in a
// graph becomes. A strip of elements at a time, operation by operation.
#ifndef HADRON_LIB_QUANTIZATION_ELEMENTWISE_H
#define HADRON_LIB_QUANTIZATION_ELEMENTWISE_H

#include "View.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace hadron {

/// The result of `op`; nothing when the operation is of another kind, or its body uses an operation that has no fast
/// form here. `tensor` gives the value of an operand or of a tensor that the body reads.
llvm::Expected<std::optional<View>> evaluateElementwise(mlir::linalg::LinalgOp op, unsigned threads,
                                                        llvm::function_ref<llvm::Expected<View>(mlir::Value)> tensor);

} // namespace hadron

#endif // HADRON_LIB_QUANTIZATION_ELEMENTWISE_H
