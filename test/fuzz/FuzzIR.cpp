// Fuzzes the parser of our dialects, their verifiers, and the passes from `rotate` to `schedule`: what verifies goes
// through every pass, or is refused with an error, and verifies after each.
#include "Hadron/IR/Hadron.h"
#include "hadron/Pipelines/Compile.h"
#include "hadron/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// Upstream operations have crashes of their own; the passes see what compilations have.
static bool isOurs(ModuleOp module) {
  bool ours = true;
  module.walk([&](Operation *op) {
    ours &= isa<ModuleOp, func::FuncOp, func::ReturnOp>(op) ||
            llvm::is_contained({"hadron", "arith", "tensor", "linalg"}, op->getName().getDialectNamespace());
  });
  return ours;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  hadron::prepareContext(context);
  bool said = false;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    said |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
    return success();
  });
  auto module = parseSourceString<ModuleOp>(StringRef(reinterpret_cast<const char *>(data), size), &context);
  if (!module || !isOurs(*module))
    return 0;
  (*module)->setAttr(hadron::HadronDialect::kChecked, UnitAttr::get(&context));
  if (failed(verify(*module)))
    return 0;
  said = false;
  PassManager pm(&context);
  pm.addPass(hadron::createFoldNormGains());
  pm.addPass(hadron::createPlaceRotations());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(hadron::createQuantizeWeights({"int4", {}}));
  pm.addPass(hadron::createEraseBasis());
  pm.addPass(hadron::createQuantizeActivations());
  pm.addNestedPass<func::FuncOp>(hadron::createFuseMatmul());
  pm.addNestedPass<func::FuncOp>(hadron::createLowerAttention());
  pm.addNestedPass<func::FuncOp>(hadron::createFusePrologue());
  pm.addNestedPass<func::FuncOp>(hadron::createConvertElementwise());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(hadron::createOutlineKernels());
  if (failed(pm.run(*module)) && !said)
    __builtin_trap();
  return 0;
}
