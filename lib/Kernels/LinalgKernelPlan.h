// How the results of a linalg kernel are divided into loops and work items. No code is emitted here.
#ifndef HADRON_LIB_KERNELS_LINALGKERNELPLAN_H
#define HADRON_LIB_KERNELS_LINALGKERNELPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineExpr.h"

namespace hadron::kernels {

/// A reduction that a result needs, at an index that is known as expressions in the result's dimensions.
struct Use {
  mlir::linalg::LinalgOp op;
  llvm::SmallVector<mlir::AffineExpr> index;
};

/// One result of the kernel.
struct Root {
  unsigned result;
  mlir::Value tensor;
  mlir::RankedTensorType type;
  llvm::SmallVector<Use> uses; // producers first
  /// Dimensions that some reduction depends on; without reductions: all that are not the inner loop.
  llvm::SmallVector<unsigned> outer;
  /// Without reductions: how many trailing dimensions are one loop.
  unsigned collapsed = 1;
};

enum class Mode {
  Blocks,  // one loop over all elements; an item is `kBlock` of them
  Rows,    // an item is one point of the outer dimensions; reductions once per item, vectors along the last dimension
  Columns, // reductions depend on the last dimension and not on all: an item is `kColumns` of it at one outer point
  Tile,    // reductions depend on all dimensions: an item is a tile of the last two
};

/// Results that share work items.
struct Group {
  Mode mode;
  std::string key; // what must be equal for a result to join
  llvm::SmallVector<Root> roots;
  /// Tile: vectors lie along the last dimension (else along the reduction), and rows share operands.
  bool lanesLast = false, reuse = false;
};

constexpr int64_t kBlock = 1024;
constexpr int64_t kColumns = 64;
constexpr int64_t kTileRows = 8, kTileColumns = 256;

llvm::SmallVector<Group> planKernel(mlir::func::FuncOp kernel);
/// True if the body of a kernel uses functions that take many registers.
bool isHeavy(mlir::func::FuncOp kernel);

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_LINALGKERNELPLAN_H
