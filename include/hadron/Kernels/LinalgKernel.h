// CPU bodies of kernels given as linalg on tensors: elementwise work, rows with reductions, small contractions, and the
// movement of data.
//
// A kernel is a func.func whose arguments are indices (sizes) and tensors, whose body is a graph of linalg operations
// (named or generic), tensor movement (extract_slice, insert_slice, concat, pad, expand_shape, collapse_shape, splat),
// elementwise arith/math on tensors and constants, and which returns tensors. `hadron.shape` on tensor arguments and
// results names dynamic sizes ("s0": the first index argument). Slots: the arguments in order, then the results;
// tensors are dense and row-major, an i1 is a byte, an index eight bytes.
//
// Producers are evaluated where they are used; a reduction is evaluated once per point of its parallel dimensions,
// ahead of the loops it does not depend on. Reductions are reassociated (vector accumulators) and their a b + c is
// fused where the target has FMA; every other operation rounds as its type says (f16 and bf16 after each operation). A
// work item is a block of the result's leading dimensions; every split gives the same bits.
#ifndef HADRON_KERNELS_LINALGKERNEL_H
#define HADRON_KERNELS_LINALGKERNEL_H

#include "hadron/Kernels/Body.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace hadron::kernels {

/// Why `kernel` has no body here: one sentence that names the operation; empty if it has one.
std::string unsupportedReason(mlir::func::FuncOp kernel);

/// Fills `body`; on failure the error is on the operation that has no body.
mlir::LogicalResult emitLinalgKernel(mlir::func::FuncOp kernel, Body &body);

/// The number of work items (i64).
mlir::Value emitLinalgWork(mlir::func::FuncOp kernel, mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::ArrayRef<mlir::Value> slots);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_LINALGKERNEL_H
