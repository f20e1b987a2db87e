// What every kernel emitter works with: where to emit, for which instruction set, and the values of the calling
// convention (docs/architecture.md, "Calling convention of a kernel body").
#ifndef HADRON_KERNELS_BODY_H
#define HADRON_KERNELS_BODY_H

#include "hadron/Target/CPU.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace hadron::kernels {

/// Values that an emitter may use while it fills one body. `slots` follow the kernel's operands, then its results: i64
/// for an index, !llvm.ptr for everything else. Work items are the half-open range [begin, end) (i64).
struct Body {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  const cpu::Target &target;
  mlir::Value begin, end;
  llvm::ArrayRef<mlir::Value> slots;
};

/// A kernel as the emitters see it. `slotIsIndex[i]`: slot i is an i64, else a pointer. `emitBody` is called once per
/// target; `emitWork` fills a function from the slots to the number of work items and returns it.
struct Kernel {
  std::string name;
  llvm::SmallVector<bool> slotIsIndex;
  llvm::function_ref<mlir::LogicalResult(Body &)> emitBody;
  llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, llvm::ArrayRef<mlir::Value> slots)> emitWork;
};

/// Adds to `module` the functions and the table of one kernel: NAME.<isa>, NAME.<isa>.task, NAME.table, NAME.work.
mlir::LogicalResult emitKernel(mlir::ModuleOp module, const Kernel &kernel,
                               llvm::ArrayRef<const cpu::Target *> targets);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_BODY_H
