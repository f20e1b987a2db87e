// Tensors out of tensors: what most converters are made of.
#ifndef HADRON_LIB_RAISE_BUILD_H
#define HADRON_LIB_RAISE_BUILD_H

#include "Raiser.h"

namespace hadron::raising {

/// Computes one element from the elements of the operands.
using Body = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// Elementwise, with ONNX's (NumPy's) broadcasting to `dims`.
Tensor map(Raiser &r, llvm::ArrayRef<Tensor> operands, llvm::ArrayRef<SymbolicSize> dims, mlir::Type element,
           Body body);
/// The same with f16 and bf16 as f32 in the body, rounded once at the end.
Tensor mapWide(Raiser &r, llvm::ArrayRef<Tensor> operands, llvm::ArrayRef<SymbolicSize> dims, mlir::Type element,
               Body body);
/// f32 for the narrower ones.
mlir::Type wide(mlir::Type element);
/// The element at every index: the body gets the indices, and may read tensors with `elementAt`.
Tensor generate(Raiser &r, llvm::ArrayRef<SymbolicSize> dims, mlir::Type element, Body body);
/// The element of a tensor; the indices are within its sizes.
mlir::Value elementAt(mlir::OpBuilder &b, mlir::Location loc, mlir::Value tensor, mlir::ValueRange indices);
/// Folds the axes in `axes` away, in the type of `init`: accumulator <- combine(element, accumulator).
Tensor reduce(Raiser &r, const Tensor &input, llvm::ArrayRef<int64_t> axes, mlir::TypedAttr init, Body combine);

/// One operand of `fold`: which loop runs along each of its axes; -1: the axis has size 1.
struct Operand {
  Tensor tensor;
  llvm::SmallVector<int64_t> loops;
};
/// A nest of loops over `loops`, of which the first `kept` are the axes of the result: accumulator <-
/// body(elements…, accumulator), starting from `init`.
Tensor fold(Raiser &r, llvm::ArrayRef<Operand> operands, llvm::ArrayRef<SymbolicSize> loops, unsigned kept,
            mlir::TypedAttr init, Body body);

Tensor reshape(Raiser &r, const Tensor &input, llvm::ArrayRef<SymbolicSize> dims);
Tensor transpose(Raiser &r, const Tensor &input, llvm::ArrayRef<int64_t> permutation);
Tensor broadcast(Raiser &r, const Tensor &input, llvm::ArrayRef<SymbolicSize> dims);
/// `size` elements of one axis from `start`.
Tensor slice(Raiser &r, const Tensor &input, int64_t axis, int64_t start, const SymbolicSize &size);
Tensor concat(Raiser &r, llvm::ArrayRef<Tensor> inputs, int64_t axis, llvm::ArrayRef<SymbolicSize> dims);
/// ONNX's Cast.
Tensor converted(Raiser &r, const Tensor &input, mlir::Type element, bool isUnsigned);
/// A tensor that is `number` everywhere.
Tensor splat(Raiser &r, double number, llvm::ArrayRef<SymbolicSize> dims, mlir::Type element);
/// `axis` put back with size 1.
Tensor keepAxes(Raiser &r, const Tensor &input, llvm::ArrayRef<int64_t> axes);

//===--- Scalars, inside of bodies --------------------------------------------------------------------------------===//

mlir::TypedAttr numberAttr(mlir::Type type, double number);
mlir::Value number(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double number);
mlir::Value index(mlir::OpBuilder &b, mlir::Location loc, int64_t number);
mlir::Value castScalar(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, bool fromUnsigned, mlir::Type to,
                       bool toUnsigned);
/// The integer as an index, negative ones counted from `size`, clamped to [0, size).
mlir::Value clampedIndex(mlir::OpBuilder &b, mlir::Location loc, mlir::Value integer, bool isUnsigned,
                         mlir::Value size);
mlir::Value add(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);
mlir::Value mul(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y);
mlir::Value maximum(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y, bool isUnsigned);
mlir::Value minimum(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Value y, bool isUnsigned);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_BUILD_H
