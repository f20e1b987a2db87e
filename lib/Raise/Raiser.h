// What all converters of nodes share: the values made so far, symbolic sizes as index values, parameters.
#ifndef HADRON_LIB_RAISE_RAISER_H
#define HADRON_LIB_RAISE_RAISER_H

#include "Hadron/IR/Hadron.h"
#include "ONNX/IR/ONNX.h"
#include "hadron/Raise/Raise.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace hadron::raising {

using Sizes = llvm::SmallVector<SymbolicSize>;

/// A domain of our own, for what the recognizers put in place of a subgraph. No file may use it.
inline constexpr llvm::StringLiteral kRaised = "hadron.raised";

/// A tensor with its symbolic sizes. One that has the same element everywhere is no operation until it is asked for.
struct Tensor {
  Tensor() = default;
  Tensor(mlir::Value value, Sizes dims, mlir::Type element, bool isUnsigned = false, mlir::TypedAttr splat = {})
      : value(value), dims(std::move(dims)), element(element), isUnsigned(isUnsigned), splat(splat) {}

  mlir::Value value;
  Sizes dims;
  mlir::Type element; // signless
  bool isUnsigned = false;
  mlir::TypedAttr splat;

  int64_t rank() const { return dims.size(); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element); }
};

/// The cache arguments of the function: by the graph's past input, the state as it is now.
struct State {
  unsigned argument;
  unsigned output; // of the graph: the present
  mlir::Value value;
};

class Raiser {
public:
  Raiser(mlir::ModuleOp module, onnx::GraphOp graph, const RaiseOptions &options)
      : module(module), graph(graph), options(options), builder(module.getContext()), loc(graph.getLoc()) {}

  mlir::ModuleOp module;
  onnx::GraphOp graph;
  const RaiseOptions &options;
  mlir::OpBuilder builder;
  mlir::Location loc;
  /// The node in conversion.
  onnx::NodeOp node;
  llvm::DenseMap<mlir::Value, State> states;

  /// Emits `node 'name' (Op): …`; always failure.
  mlir::LogicalResult error(const llvm::Twine &message);

  //===--- Values -------------------------------------------------------------------------------------------------===//

  /// The tensor of an ONNX value. Never fails: after an error it is a tensor without meaning.
  Tensor get(mlir::Value onnxValue);
  void set(mlir::Value onnxValue, Tensor tensor);
  bool has(unsigned input) { return static_cast<bool>(node.getInput(input)); }
  Tensor in(unsigned input) { return get(node.getInput(input)); }
  void out(unsigned output, Tensor tensor);
  /// Sizes and element type that the graph gives an output.
  Sizes outDims(unsigned output = 0);
  mlir::Type outElement(unsigned output = 0);
  /// An operation for the tensor, also when it is a splat.
  mlir::Value value(const Tensor &tensor);
  /// Does the value depend on weights and constants alone?
  bool isConstant(mlir::Value onnxValue);
  void markConstant(onnx::NodeOp constant) { constants.insert(constant); }
  /// The number, when every element of the constant is the same: from the graph's own text, never from a file.
  std::optional<double> getScalar(mlir::Value onnxValue);

  //===--- Sizes --------------------------------------------------------------------------------------------------===//

  /// The size as a value of type index: arithmetic on symbols at the function's entry.
  mlir::Value size(const SymbolicSize &size);
  mlir::OpFoldResult foldedSize(const SymbolicSize &size);
  mlir::RankedTensorType tensorType(llvm::ArrayRef<SymbolicSize> dims, mlir::Type element);
  llvm::SmallVector<mlir::Value> dynamicSizes(llvm::ArrayRef<SymbolicSize> dims);

  //===--- Parameters ---------------------------------------------------------------------------------------------===//

  /// The parameter that `build` computes, read where the builder stands. Equal expressions are one parameter; `name` is
  /// made unique.
  mlir::Value param(llvm::StringRef name, mlir::Type type, llvm::function_ref<mlir::Value()> build);
  /// Are we inside of a parameter's region?
  bool inParam() const { return insideParam; }
  /// The bytes of a constant as they are stored, as i8 of this shape. Only for initializers, inside of a parameter.
  mlir::Value bytes(onnx::InitializerOp initializer, llvm::ArrayRef<int64_t> shape);
  /// A name for parameters made of this constant.
  std::string nameOf(mlir::Value onnxValue);
  /// The same for a matrix of the node in conversion: exporters that number what they have transposed still say to
  /// which module it belongs.
  std::string weightName(mlir::Value onnxValue);

  //===--- The driver ---------------------------------------------------------------------------------------------===//

  mlir::LogicalResult run();
  bool hasFailed() const { return anyFailed; }

private:
  mlir::LogicalResult convert(onnx::NodeOp node);
  mlir::LogicalResult checkSupported();
  mlir::LogicalResult makeFunction(const llvm::DenseSet<mlir::Operation *> &needed);
  Tensor poison(mlir::Value onnxValue);
  Tensor fromInitializer(onnx::InitializerOp initializer);
  Tensor fromKnownValues(mlir::Value onnxValue, llvm::ArrayRef<SymbolicSize> elements);
  Tensor fromConstantNodes(mlir::Value onnxValue);
  Tensor unpacked(onnx::InitializerOp initializer);

  llvm::DenseMap<mlir::Value, Tensor> values;
  llvm::DenseSet<mlir::Operation *> constants;
  llvm::SmallVector<onnx::NodeOp> nodes; // what outputs need, in order
  mlir::func::FuncOp function;
  llvm::StringMap<mlir::Value> sizes;
  mlir::Operation *lastSize = nullptr;
  llvm::StringMap<mlir::Value> reads;      // parameters read in the function
  llvm::StringMap<std::string> parameters; // by text
  llvm::StringSet<> names;
  mlir::Operation *lastParam = nullptr;
  bool insideParam = false, anyFailed = false;
};

/// The element type that a tensor has in MLIR for one of ONNX: signless, sub-byte integers as i8; null when there is
/// none.
mlir::Type elementOf(mlir::Type onnxElement);
/// Sizes of an ONNX value of known rank.
Sizes dimsOf(mlir::Value onnxValue);
/// A negative axis counts from the end; nothing when it is out of range.
std::optional<int64_t> normalizedAxis(int64_t axis, int64_t rank);
/// The product.
SymbolicSize product(llvm::ArrayRef<SymbolicSize> dims);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_RAISER_H
