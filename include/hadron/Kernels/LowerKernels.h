// Kernel functions of the dialect → bodies over raw pointers.
#ifndef HADRON_KERNELS_LOWERKERNELS_H
#define HADRON_KERNELS_LOWERKERNELS_H

#include "hadron/Target/CPU.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace hadron {

/// Emits every function with the attribute hadron.kernel of `program` into `code`, a module of the LLVM dialect and
/// structured bodies, for each of `targets`. Slots follow the launch's operands, then its results that are tensors: a
/// state that a kernel returns is the one that it was given.
mlir::LogicalResult lowerKernels(mlir::ModuleOp program, mlir::ModuleOp code,
                                 llvm::ArrayRef<const cpu::Target *> targets);

} // namespace hadron

#endif // HADRON_KERNELS_LOWERKERNELS_H
