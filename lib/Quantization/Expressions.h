// Values inside a parameter's region, as views.
#ifndef HADRON_LIB_QUANTIZATION_EXPRESSIONS_H
#define HADRON_LIB_QUANTIZATION_EXPRESSIONS_H

#include "View.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Quantization/Parameters.h"
#include "llvm/ADT/DenseMap.h"

namespace hadron {

class Expressions {
public:
  Expressions(MappedFiles &files, unsigned threads) : files(files), threads(threads) {}

  /// A tensor. Views share memory with files and with each other where they can.
  llvm::Expected<View> tensor(mlir::Value value);
  /// The bytes of any value, to a sink.
  llvm::Error stream(mlir::Value value, ParameterSink sink);

private:
  llvm::Expected<View> compute(mlir::Operation *op);
  llvm::Expected<View> fileSlice(FileSliceOp op);
  llvm::Expected<View> constant(mlir::Operation *op);
  llvm::Expected<View> extractSlice(mlir::Operation *op);
  llvm::Expected<View> concat(mlir::Operation *op);
  llvm::Expected<View> structured(mlir::Operation *op);
  llvm::Expected<View> elementwise(mlir::Operation *op);
  llvm::Expected<View> castTo(mlir::Operation *op, const View &view, mlir::Type element);
  /// + or *, as `kind` names it, of views of the result's shape.
  llvm::Expected<View> binary(mlir::Operation *op, mlir::Operation *kind, const View &lhs, const View &rhs,
                              mlir::Type element);
  /// The last `span` axes, as one, times a rotation.
  llvm::Expected<View> rotate(mlir::Operation *op, const View &view, RotationAttr rotation, bool inverse, double scale);
  llvm::Expected<View> dequantize(DequantizeOp op);
  llvm::Expected<View> byReference(mlir::Operation *op);

  llvm::Error streamTensor(const View &view, ParameterSink sink);
  llvm::Error streamQuantized(QuantizeOp op, ParameterSink sink);
  llvm::Error streamPacked(PackOp op, ParameterSink sink);

  MappedFiles &files;
  unsigned threads;
  llvm::DenseMap<mlir::Value, View> known;
};

/// "hadron.quantize (at model.onnx:1:1): reason".
llvm::Error failAt(mlir::Operation *op, const llvm::Twine &reason);

} // namespace hadron

#endif // HADRON_LIB_QUANTIZATION_EXPRESSIONS_H
