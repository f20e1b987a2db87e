// Imports an ONNX model, or reads onnx IR (.mlir), and prints what came out. For tests.
//
//   hadron-import-print FILE [--no-weights] [--refuse-hard-links] [--no-infer] [--quiet] [--locations]
//
// Diagnostics are printed as `error: …` without a location. Exit status 1 after an error.
#include "ONNX/IR/ONNX.h"
#include "hadron/Import/ONNX.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace hadron;

int main(int argc, char **argv) {
  ImportOptions options;
  StringRef path;
  bool quiet = false, locations = false;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument == "--no-weights")
      options.requireWeights = false;
    else if (argument == "--refuse-hard-links")
      options.refuseHardLinks = true;
    else if (argument == "--no-infer")
      options.inferShapes = false;
    else if (argument == "--quiet")
      quiet = true;
    else if (argument == "--locations")
      locations = true;
    else
      path = argument;
  }
  MLIRContext context;
  context.loadDialect<onnx::ONNXDialect>();
  ScopedDiagnosticHandler handler(&context, [](Diagnostic &diagnostic) {
    llvm::errs() << (diagnostic.getSeverity() == DiagnosticSeverity::Error     ? "error: "
                     : diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning: "
                                                                               : "note: ")
                 << diagnostic << "\n";
  });
  OwningOpRef<ModuleOp> module;
  if (path.ends_with(".mlir")) {
    module = parseSourceFile<ModuleOp>(path, &context);
    if (module && options.inferShapes)
      for (auto graph : module->getOps<onnx::GraphOp>())
        if (failed(onnx::inferShapes(graph)))
          return 1;
  } else {
    module = importONNX(&context, path, options);
  }
  if (!module || failed(verify(*module)))
    return 1;
  if (quiet) {
    // What is not known, and the symbols of what is.
    for (auto graph : module->getOps<onnx::GraphOp>()) {
      unsigned values = 0, unknown = 0;
      graph.walk([&](onnx::NodeOp node) {
        for (Value result : node.getResults()) {
          auto type = dyn_cast<onnx::OnnxTensorType>(result.getType());
          if (!type)
            continue;
          ++values;
          if (!type.hasRank() || !type.hasElementType()) {
            ++unknown;
            llvm::outs() << "unknown: " << node.describe() << " : " << type << "\n";
          }
        }
      });
      llvm::outs() << values << " values, " << unknown << " unknown";
      for (StringRef name : {"symbols", "substitutions", "constraints", "data_dependent"})
        if (Attribute attribute = graph->getAttr(name))
          llvm::outs() << ", " << name << " " << attribute;
      llvm::outs() << "\n";
    }
    return 0;
  }
  OpPrintingFlags flags;
  if (locations)
    flags.enableDebugInfo(true, false);
  module->print(llvm::outs(), flags);
  llvm::outs() << "\n";
  return 0;
}
