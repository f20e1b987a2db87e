// The machinery of the interpreter: values of a frame, blocks, and a table from operations to what they do.
#ifndef HADRON_LIB_REFERENCE_EVALUATOR_H
#define HADRON_LIB_REFERENCE_EVALUATOR_H

#include "hadron/Reference/Interpreter.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <map>
#include <optional>

namespace hadron::reference {

/// What one call of a function, or one parameter, knows.
struct Frame {
  llvm::DenseMap<mlir::Value, Value> values;
  std::map<std::string, int64_t> symbols;
  /// Where `linalg.index` reads; the innermost structured operation last.
  std::vector<const std::vector<int64_t> *> iterations;
};

class Evaluator {
public:
  explicit Evaluator(const Options &options) : options(options) {}

  const Options &options;

  llvm::Expected<std::vector<Value>> call(mlir::func::FuncOp function, llvm::ArrayRef<Value> arguments);
  llvm::Expected<Value> parameter(ParamOp param);
  /// One operation with operands from elsewhere.
  llvm::Expected<std::vector<Value>> single(mlir::Operation *op, const llvm::DenseMap<mlir::Value, Value> &known);
  /// Runs a block up to its terminator and returns the terminator's operands.
  llvm::Expected<std::vector<Value>> run(mlir::Block &block, llvm::ArrayRef<Value> arguments);
  llvm::Error run(mlir::Operation *op);

  Frame &getFrame() { return *frame; }
  /// By value: a reference would not survive the next set().
  Value operator[](mlir::Value value) { return frame->values.find(value)->second; }
  bool knows(mlir::Value value) { return frame->values.count(value); }
  void set(mlir::Value value, Value result) { frame->values[value] = std::move(result); }
  /// Sizes of a static or dynamic list as numbers.
  llvm::SmallVector<int64_t> sizes(llvm::ArrayRef<mlir::OpFoldResult> mixed);

private:
  llvm::Error bindSymbols(mlir::func::FuncOp function, llvm::ArrayRef<Value> arguments);

  Frame *frame = nullptr;
  llvm::DenseMap<mlir::Operation *, Value> parameters;
};

/// "hadron.attend (at model.mlir:3:5): reason".
llvm::Error fail(mlir::Operation *op, const llvm::Twine &reason);

using Handler = std::function<llvm::Error(Evaluator &, mlir::Operation *)>;

/// Name of an operation → what it does.
class HandlerTable {
public:
  /// An operation with one result.
  template <typename OpT>
  void add(llvm::Expected<Value> (*compute)(Evaluator &, OpT)) {
    table[OpT::getOperationName()] = [compute](Evaluator &e, mlir::Operation *op) -> llvm::Error {
      llvm::Expected<Value> value = compute(e, llvm::cast<OpT>(op));
      if (!value)
        return value.takeError();
      e.set(op->getResult(0), std::move(*value));
      return llvm::Error::success();
    };
  }
  /// An operation that sets its results itself.
  template <typename OpT>
  void add(llvm::Error (*compute)(Evaluator &, OpT)) {
    table[OpT::getOperationName()] = [compute](Evaluator &e, mlir::Operation *op) {
      return compute(e, llvm::cast<OpT>(op));
    };
  }
  const Handler *find(mlir::Operation *op) const {
    auto it = table.find(op->getName().getStringRef());
    return it == table.end() ? nullptr : &it->second;
  }

private:
  llvm::StringMap<Handler> table;
};

void addTensorHandlers(HandlerTable &table);
void addControlHandlers(HandlerTable &table);
void addRotationHandlers(HandlerTable &table);
void addWeightHandlers(HandlerTable &table);
void addNormHandlers(HandlerTable &table);
void addAttentionHandlers(HandlerTable &table);

/// Scalars to a scalar.
using ScalarFunction = std::function<Scalar(llvm::ArrayRef<Scalar>)>;
/// The meaning of an `arith` or `math` operation with one result on scalars; null for others. On tensors it acts
/// element by element.
ScalarFunction scalarFunction(mlir::Operation *op);

/// Any structured operation of linalg.
llvm::Error runStructured(Evaluator &e, mlir::Operation *op);
llvm::Expected<Value> softmax(Evaluator &e, mlir::Operation *op);

/// A constant attribute as a value.
llvm::Expected<Value> constant(mlir::Operation *op, mlir::TypedAttr attribute);

/// Rows of the last `span` axes: calls `change` on each, in f64, and returns the changed value.
Value mapRows(const Value &value, int64_t span, llvm::function_ref<void(llvm::MutableArrayRef<double>)> change);

double silu(double x);
double activate(Activation activation, double x);

} // namespace hadron::reference

#endif // HADRON_LIB_REFERENCE_EVALUATOR_H
