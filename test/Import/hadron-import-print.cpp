// Imports an ONNX model, or reads onnx IR (.mlir), and prints what came out. For tests.
//
//   hadron-import-print FILE… [--no-weights] [--refuse-hard-links] [--no-infer] [--quiet] [--locations] [--outputs]
//
// --quiet: what is not known, and the symbols of what is. --outputs: one line a file, the types of the graph's outputs.
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

namespace {
struct Options {
  ImportOptions import;
  bool quiet = false, locations = false, outputs = false;
};
} // namespace

static void printSummary(ModuleOp module) {
  for (auto graph : module.getOps<onnx::GraphOp>()) {
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
}

static bool run(StringRef path, const Options &options) {
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
    if (module && options.import.inferShapes)
      for (auto graph : module->getOps<onnx::GraphOp>())
        if (failed(onnx::inferShapes(graph)))
          return false;
  } else {
    module = importONNX(&context, path, options.import);
  }
  if (!module || failed(verify(*module)))
    return false;
  if (options.outputs) {
    for (auto graph : module->getOps<onnx::GraphOp>())
      llvm::interleave(graph.getReturn().getOperandTypes(), llvm::outs(), "; ");
    llvm::outs() << "\n";
  } else if (options.quiet) {
    printSummary(*module);
  } else {
    OpPrintingFlags flags;
    if (options.locations)
      flags.enableDebugInfo(true, false);
    module->print(llvm::outs(), flags);
    llvm::outs() << "\n";
  }
  return true;
}

int main(int argc, char **argv) {
  Options options;
  SmallVector<StringRef> paths;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument == "--no-weights")
      options.import.requireWeights = false;
    else if (argument == "--refuse-hard-links")
      options.import.refuseHardLinks = true;
    else if (argument == "--no-infer")
      options.import.inferShapes = false;
    else if (argument == "--quiet")
      options.quiet = true;
    else if (argument == "--locations")
      options.locations = true;
    else if (argument == "--outputs")
      options.outputs = true;
    else
      paths.push_back(argument);
  }
  bool succeeded = true;
  for (StringRef path : paths)
    if (!run(path, options)) {
      succeeded = false;
      if (options.outputs)
        llvm::outs() << "error\n";
    }
  return succeeded ? 0 : 1;
}
