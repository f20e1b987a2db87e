// The sizes of tensors inside a function as sums of products of the function's symbols.
#ifndef HADRON_TRANSFORMS_SIZEANALYSIS_H
#define HADRON_TRANSFORMS_SIZEANALYSIS_H

#include "hadron/Support/SymbolicSize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace hadron {

/// Symbolic sizes of the values of one function. Results are kept, so the analysis is to be thrown away when operations
/// are replaced.
class SizeAnalysis {
public:
  explicit SizeAnalysis(mlir::func::FuncOp function) : function(function) {}

  /// Size of one axis of a tensor (in any basis); invalid when it is no arithmetic on symbols.
  SymbolicSize size(mlir::Value tensor, unsigned axis);
  /// All axes.
  llvm::SmallVector<SymbolicSize> shape(mlir::Value tensor);
  /// Tells that `to` has the sizes of `from`, whose operation is about to go.
  void replace(mlir::Value from, mlir::Value to);
  /// An index value; invalid when it is no arithmetic on symbols.
  SymbolicSize value(mlir::Value index);
  /// `size` as an index value, computed at the start of the function; null when invalid. Equal sizes give one value.
  mlir::Value materialize(const SymbolicSize &size);

private:
  SymbolicSize resultSize(mlir::OpResult result, unsigned axis);

  mlir::func::FuncOp function;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, SymbolicSize> sizes;
  std::map<std::string, mlir::Value> materialized;
  mlir::Operation *last = nullptr; // where the next materialised value goes: behind this operation
};

/// The symbol that stands for the length of a state argument, and for its batch; from its `hadron.state` attribute.
std::string stateSymbol(mlir::BlockArgument state, llvm::StringRef what);

} // namespace hadron

#endif // HADRON_TRANSFORMS_SIZEANALYSIS_H
