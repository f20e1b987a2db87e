// The whole way from a model to a library, phase by phase.
#ifndef HADRON_PIPELINES_COMPILE_H
#define HADRON_PIPELINES_COMPILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hadron {

/// What a model is after each step (docs/architecture.md). Drives --compile-to and --dump-phases-to.
enum class Phase { Import, Raise, Rotate, Quantize, Fuse, Schedule, Kernels, Host, Library };
llvm::ArrayRef<llvm::StringLiteral> phaseNames();
std::optional<Phase> parsePhase(llvm::StringRef name);

struct CompileOptions {
  std::string model;                 // ONNX or hadron IR, known by content
  std::string output;                // folder of the library; created when missing
  std::string name;                  // of the library; empty: the model's file name without its ending
  std::string chip = "native";       // see cpu::parseChip
  std::string weights = "none";      // a format of `hadron formats`, or none: as the model has them
  std::vector<std::string> keep;     // PATTERN=FORMAT, first match wins
  std::string rotate;                // none, online; empty: the default for the weights
  std::string rotationSize = "auto"; // auto or a number
  std::string rounds = "1";
  std::string activations; // f32, int8; empty: the default for the weights
  uint64_t seed = 0;
  unsigned threads = 0; // 0: the cores that this process may use
  Phase to = Phase::Library;
  std::string dumpPhasesTo; // folder for one file a phase; empty: none
  std::string remarks;      // file for remarks as YAML; empty: none
  /// Called with what is being done and the part that is done, 0 … 1, at most some times a second.
  std::function<void(llvm::StringRef what, double done)> progress;
  /// Called with the folders that the compilation makes and removes at its end, and with none after it: a program that
  /// is interrupted meanwhile removes all in the first and, if they are empty then, the others in this order.
  std::function<void(llvm::ArrayRef<std::string> folders)> temporaries;
};

/// Registers what compiling needs. Call once for each context.
void prepareContext(mlir::MLIRContext &context);

/// Reads a model: ONNX or hadron IR. Errors are diagnostics that name file and node; null then.
mlir::OwningOpRef<mlir::ModuleOp> readModel(mlir::MLIRContext &context, llvm::StringRef path);

/// Compiles a model into `options.output`, or up to an earlier phase: then `ir` receives the text. Errors are
/// diagnostics; the folder is then as it was.
mlir::LogicalResult compileModel(mlir::MLIRContext &context, const CompileOptions &options, std::string *ir = nullptr);

} // namespace hadron

#endif // HADRON_PIPELINES_COMPILE_H
