// Passes between `raise` and `schedule`, and `schedule` itself.
#ifndef HADRON_TRANSFORMS_PASSES_H
#define HADRON_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace hadron {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "hadron/Transforms/Passes.h.inc"

} // namespace hadron

#endif // HADRON_TRANSFORMS_PASSES_H
