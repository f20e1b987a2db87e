// The host phase: entry points and the descriptor of a library, as code around the kernels.
#ifndef HADRON_TARGET_HOST_H
#define HADRON_TARGET_HOST_H

#include "hadron/Support/SymbolicSize.h"
#include "hadron/Target/CPU.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace hadron::host {

/// Where a parameter lies in the weights file.
struct Parameter {
  std::string name;
  int64_t offset, bytes;
};

/// The weights file as the descriptor tells it.
struct Weights {
  std::string file;
  int64_t bytes = 0, headerHash = 0;
  std::vector<Parameter> parameters;
};

/// A dimension that is checked when an entry point is called.
struct Check {
  std::string text;
  int64_t input, axis; // input -1: of a state
  SymbolicSize wanted;
  bool lowerBound = false; // at least `wanted`, rather than exactly
};

/// What an entry point takes and gives, in the order of the descriptor.
struct Entry {
  struct Tensor {
    std::string name;
    mlir::RankedTensorType type;
    std::vector<SymbolicSize> shape;
    std::string basis; // text of the rotation, empty in the standard basis
    uint64_t basisHash;
    unsigned argument; // of the function; outputs: its result
  };
  struct State {
    std::string past, present, group, batch, length;
    SymbolicSize newLength;
    int64_t heads, dim;
    mlir::Type element;
    uint64_t basisHash;
    unsigned argument;
  };
  std::string name;
  mutable mlir::func::FuncOp function; // MLIR handles are not const-correct
  std::vector<Tensor> inputs, outputs;
  std::vector<State> states;
  std::vector<Check> checks;
  /// Symbols in the order in which they are found: each is dimension `axis` of `input`, less `rest`; input < 0: batch
  /// (axis 0) or length (axis 1) of state -1 - input.
  struct Binding {
    std::string symbol;
    int64_t input, axis;
    SymbolicSize rest;
  };
  std::vector<Binding> bindings;
};

/// Reads the entry points of a module after `schedule`: names, shapes, how symbols are bound, what is checked. Errors
/// name the input.
mlir::FailureOr<std::vector<Entry>> readEntries(mlir::ModuleOp program);

/// Emits NAME.plan and NAME.run of every entry into `code`, which holds the kernels.
mlir::LogicalResult lowerEntries(llvm::ArrayRef<Entry> entries, const Weights &weights, mlir::ModuleOp code);

/// Emits the descriptor and the function that returns it.
void emitDescriptor(llvm::StringRef library, llvm::StringRef manifest, llvm::ArrayRef<Entry> entries,
                    const Weights &weights, llvm::ArrayRef<const cpu::Target *> targets, mlir::ModuleOp code);

/// The number of ONNX's TensorProto.DataType.
int64_t dataType(mlir::Type element);
/// Bytes of one element; Booleans are bytes.
int64_t elementBytes(mlir::Type element);
/// `name` as a C identifier.
std::string identifier(llvm::StringRef name);

/// The version of Hadron, as it is written into libraries.
llvm::StringRef version();

} // namespace hadron::host

#endif // HADRON_TARGET_HOST_H
