// Sweeps over one row and reductions whose order does not depend on the register width.
#ifndef HADRON_LIB_KERNELS_ROWPIECES_H
#define HADRON_LIB_KERNELS_ROWPIECES_H

#include "hadron/Kernels/Pieces.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace hadron::kernels {

/// Sums over a row run in 32 lanes (two vectors of 16) on every instruction set, so all of them give the same bits.
constexpr int64_t kRowLanes = 16;

/// Calls `body(offset, valid, accumulator)` for each run of 16 numbers of [0, width), in two alternating accumulators;
/// the last run may have fewer valid lanes. Returns both.
Pieces::Values
sweepRow(Pieces &p, int64_t width, mlir::Value init,
         llvm::function_ref<mlir::Value(mlir::Value offset, int64_t valid, mlir::Value accumulator)> body);
void sweepRow(Pieces &p, int64_t width, llvm::function_ref<void(mlir::Value offset, int64_t valid)> body);

/// Folds the lanes of a vector: halves first, always in this order.
mlir::Value foldLanes(Pieces &p, mlir::Value vector, llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
inline mlir::Value sumLanes(Pieces &p, mlir::Value vector) {
  return foldLanes(p, vector, [&](mlir::Value x, mlir::Value y) { return p.addF(x, y); });
}

/// Zero in lanes [valid, …).
mlir::Value zeroBeyond(Pieces &p, mlir::Value vector, int64_t valid);

/// max of non-negative numbers as i32 bits: NaN and infinity are greater than every number, so they survive.
inline mlir::Value maxBits(Pieces &p, mlir::Value x, mlir::Value y) {
  return mlir::arith::MaxSIOp::create(p.b, p.loc, x, y);
}
mlir::Value absBits(Pieces &p, mlir::Value x);

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_ROWPIECES_H
