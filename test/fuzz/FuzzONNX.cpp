// Fuzzes reading ONNX models, up to the raised module: any bytes give a module that verifies, or an error.
#include "hadron/Import/ONNX.h"
#include "hadron/Pipelines/Compile.h"
#include "hadron/Raise/Raise.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string path = "/tmp/hadron-fuzz-" + std::to_string(getpid()) + ".onnx";
  {
    std::error_code code;
    llvm::raw_fd_ostream file(path, code);
    file.write(reinterpret_cast<const char *>(data), size);
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  hadron::prepareContext(context);
  bool said = false;
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    said |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    return mlir::success();
  });
  hadron::ImportOptions options;
  options.requireWeights = false;
  mlir::OwningOpRef<mlir::ModuleOp> module = hadron::importONNX(&context, path, options);
  bool done = module && mlir::succeeded(mlir::verify(*module)) &&
              mlir::succeeded(hadron::raise(*module, hadron::RaiseOptions())) && mlir::succeeded(mlir::verify(*module));
  unlink(path.c_str());
  // What fails says why.
  if (!done && !said)
    __builtin_trap();
  return 0;
}
