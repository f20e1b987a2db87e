// From an ONNX graph to the hadron dialect and linalg.
#ifndef HADRON_RAISE_RAISE_H
#define HADRON_RAISE_RAISE_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace hadron {

/// On a raised module: the least accuracy_level of the graph's products with quantized weights (4: activations may be
/// rounded to int8). Absent: none has one, or there are none.
inline constexpr llvm::StringLiteral kAccuracyLevel = "hadron.accuracy_level";

struct RaiseOptions {
  /// `hadron.library` of the module; empty: "model".
  std::string library;
  /// Past inputs that become present outputs are states of the library. Off: they stay tensors.
  bool states = true;
};

/// Replaces the module's `onnx.graph` by a `func.func` of the same name that is an entry point of the library, with
/// parameters for the weights. Every unsupported operator of the graph is named in one error; on failure every error
/// has been emitted, and the module is not usable.
mlir::LogicalResult raise(mlir::ModuleOp module, const RaiseOptions &options = {});

} // namespace hadron

#endif // HADRON_RAISE_RAISE_H
