// Calls, blocks, parameters, symbols, control flow.
#include "Evaluator.h"

#include "hadron/Support/MappedFile.h"
#include "hadron/Support/SymbolicSize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

llvm::Error reference::fail(Operation *op, const Twine &reason) {
  std::string text;
  llvm::raw_string_ostream(text) << op->getName() << " (at " << op->getLoc() << "): " << reason;
  return llvm::make_error<llvm::StringError>(text, std::make_error_code(std::errc::invalid_argument));
}

//===----------------------------------------------------------------------===//
// The evaluator
//===----------------------------------------------------------------------===//

static const HandlerTable &handlers() {
  static const HandlerTable table = [] {
    HandlerTable t;
    addControlHandlers(t);
    addTensorHandlers(t);
    addRotationHandlers(t);
    addWeightHandlers(t);
    addNormHandlers(t);
    addAttentionHandlers(t);
    return t;
  }();
  return table;
}

SmallVector<int64_t> Evaluator::sizes(ArrayRef<OpFoldResult> mixed) {
  return llvm::map_to_vector(mixed, [&](OpFoldResult size) {
    if (auto attribute = dyn_cast<Attribute>(size))
      return cast<IntegerAttr>(attribute).getInt();
    return (*this)[cast<mlir::Value>(size)].getInt(0);
  });
}

/// An arith or math operation, element by element; operands without axes go with every element.
static Result elementwise(Evaluator &e, Operation *op, const ScalarFunction &f) {
  SmallVector<RefValue> operands;
  const RefValue *shaped = nullptr;
  for (mlir::Value operand : op->getOperands()) {
    operands.push_back(e[operand]);
    if (!operands.back().isTensor())
      return fail(op, "works on tensors and scalars");
  }
  for (const RefValue &operand : operands)
    if (!shaped || operand.getRank() > shaped->getRank())
      shaped = &operand;
  for (const RefValue &operand : operands)
    if (operand.getRank() && operand.getShape() != shaped->getShape())
      return fail(op, "the operands' shapes differ");
  RefValue value(getElementTypeOrSelf(op->getResult(0).getType()), shaped->getShape());
  std::vector<Scalar> &to = value.edit();
  SmallVector<Scalar> x(operands.size());
  for (int64_t i = 0, n = value.size(); i < n; ++i) {
    for (auto [o, operand] : llvm::enumerate(operands))
      x[o] = operand[operand.getRank() ? i : 0];
    to[i] = f(x);
  }
  return value;
}

llvm::Error Evaluator::run(Operation *op) {
  if (const Handler *handler = handlers().find(op))
    return (*handler)(*this, op);
  if (isa<linalg::LinalgOp>(op))
    return runStructured(*this, op);
  ScalarFunction f = scalarFunction(op);
  if (!f)
    return fail(op, "the reference interpreter does not know this operation");
  Result value = elementwise(*this, op, f);
  if (!value)
    return value.takeError();
  set(op->getResult(0), std::move(*value));
  return llvm::Error::success();
}

llvm::Expected<std::vector<RefValue>> Evaluator::run(Block &block, ArrayRef<RefValue> arguments) {
  for (auto [argument, value] : llvm::zip_equal(block.getArguments(), arguments))
    set(argument, value);
  for (Operation &op : block.without_terminator())
    if (llvm::Error error = run(&op))
      return std::move(error);
  std::vector<RefValue> results;
  for (mlir::Value operand : block.getTerminator()->getOperands())
    results.push_back((*this)[operand]);
  return results;
}

//===----------------------------------------------------------------------===//
// Functions and symbols
//===----------------------------------------------------------------------===//

static std::string nameOf(func::FuncOp function, unsigned argument) {
  auto name = function.getArgAttrOfType<StringAttr>(argument, HadronDialect::kName);
  return name ? name.str() : "argument " + std::to_string(argument);
}

llvm::Error Evaluator::bindSymbols(func::FuncOp function, ArrayRef<RefValue> arguments) {
  struct Check {
    unsigned argument;
    size_t dim;
    SymbolicSize size;
    int64_t found;
  };
  std::vector<Check> checks;
  std::map<std::string, unsigned> boundBy;
  auto add = [&](unsigned argument, size_t dim, StringRef text, int64_t found) -> llvm::Error {
    auto size = SymbolicSize::parse(text);
    if (!size)
      return fail(function, "'" + nameOf(function, argument) + "': '" + text + "' is no size");
    if (auto symbol = size->getSymbol(); symbol && frame->symbols.try_emplace(*symbol, found).second)
      boundBy[*symbol] = argument;
    checks.push_back({argument, dim, *size, found});
    return llvm::Error::success();
  };
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (arguments[i].isState()) {
      const State &state = arguments[i].getState();
      auto attribute = function.getArgAttrOfType<DictionaryAttr>(i, HadronDialect::kState);
      // The batch of a state that nothing was appended to is open.
      for (auto [dim, name, found] : {std::tuple(0, "batch", state.batch), std::tuple(2, "length", state.length)})
        if (auto text = attribute ? attribute.getAs<StringAttr>(name) : StringAttr(); text && (dim || state.batch))
          if (llvm::Error error = add(i, dim, text.getValue(), found))
            return error;
    }
    auto shape = function.getArgAttrOfType<ArrayAttr>(i, HadronDialect::kShape);
    if (!shape)
      continue;
    SmallVector<int64_t> found;
    if (arguments[i].isState())
      found = {arguments[i].getState().length};
    else if (arguments[i].isTensor())
      found.assign(arguments[i].getShape().begin(), arguments[i].getShape().end());
    if (found.size() != shape.size())
      return fail(function, "'" + nameOf(function, i) + "' has " + Twine(found.size()) + " axes, and sizes for " +
                                Twine(shape.size()));
    for (auto [d, attribute] : llvm::enumerate(shape))
      if (llvm::Error error = add(i, d, cast<StringAttr>(attribute).getValue(), found[d]))
        return error;
  }
  for (const Check &check : checks) {
    auto value = check.size.evaluate([&](StringRef symbol) -> std::optional<int64_t> {
      auto it = frame->symbols.find(symbol.str());
      return it == frame->symbols.end() ? std::nullopt : std::optional(it->second);
    });
    // A size with a symbol that no input has by itself cannot be checked.
    if (!value || *value == check.found)
      continue;
    std::string others;
    for (const std::string &symbol : check.size.getSymbols())
      others += ", " + symbol + " = " + std::to_string(frame->symbols[symbol]) + " by '" +
                nameOf(function, boundBy[symbol]) + "'";
    return fail(function, "axis " + Twine(check.dim) + " of '" + nameOf(function, check.argument) + "' is '" +
                              check.size.str() + "' = " + Twine(*value) + "; found " + Twine(check.found) + others);
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<RefValue>> Evaluator::call(func::FuncOp function, ArrayRef<RefValue> arguments) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return fail(function, "calls need a function with one block");
  if (function.getNumArguments() != arguments.size())
    return fail(function,
                "takes " + Twine(function.getNumArguments()) + " arguments; found " + Twine(arguments.size()));
  Frame inner, *outer = std::exchange(frame, &inner);
  llvm::scope_exit restore([&] { frame = outer; });
  // A function without sizes of its own is a part of its caller.
  if (outer)
    inner.symbols = outer->symbols;
  if (llvm::Error error = bindSymbols(function, arguments))
    return std::move(error);
  return run(function.getBody().front(), arguments);
}

Result Evaluator::parameter(ParamOp param) {
  auto it = parameters.find(param);
  if (it != parameters.end())
    return it->second;
  Frame inner, *outer = std::exchange(frame, &inner);
  llvm::scope_exit restore([&] { frame = outer; });
  auto results = run(param.getBody().front(), {});
  if (!results)
    return results.takeError();
  parameters[param] = results->front();
  return results->front();
}

llvm::Expected<std::vector<RefValue>> Evaluator::single(Operation *op,
                                                        const llvm::DenseMap<mlir::Value, RefValue> &known) {
  Frame inner, *outer = std::exchange(frame, &inner);
  llvm::scope_exit restore([&] { frame = outer; });
  inner.values = known;
  if (llvm::Error error = run(op))
    return std::move(error);
  std::vector<RefValue> results;
  for (mlir::Value result : op->getResults())
    results.push_back((*this)[result]);
  return results;
}

llvm::Expected<std::vector<RefValue>> reference::interpret(func::FuncOp function, std::vector<RefValue> inputs,
                                                           const Options &options) {
  for (RefValue &input : inputs)
    if (input.isState())
      input.getState().entryLength = input.getState().length;
  return Evaluator(options).call(function, inputs);
}

Result reference::evaluate(ParamOp param, const Options &options) { return Evaluator(options).parameter(param); }
llvm::Expected<std::vector<RefValue>>
reference::evaluate(Operation *op, const llvm::DenseMap<mlir::Value, RefValue> &known, const Options &options) {
  return Evaluator(options).single(op, known);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Result reference::constant(Operation *op, TypedAttr attribute) {
  Scalar x{};
  if (auto integer = dyn_cast<IntegerAttr>(attribute)) {
    x.i = wrapTo(integer.getType(), integer.getType().isIndex() ? integer.getInt() : integer.getValue().getSExtValue());
    return RefValue::scalar(integer.getType(), x);
  }
  if (auto number = dyn_cast<FloatAttr>(attribute)) {
    x.f = number.getValueAsDouble();
    return RefValue::scalar(number.getType(), x);
  }
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  if (!elements) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(attribute);
    if (!resource || !resource.getRawHandle().getBlob())
      return fail(op, "holds no elements that can be read");
    return fromBytes(cast<RankedTensorType>(resource.getType()), resource.getRawHandle().getBlob()->getData());
  }
  Type element = elements.getElementType();
  RefValue value(element, elements.getType().getShape());
  std::vector<Scalar> &to = value.edit();
  int64_t i = 0;
  if (isa<FloatType>(element)) {
    for (llvm::APFloat f : elements.getValues<llvm::APFloat>()) {
      bool inexact;
      f.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
      to[i++].f = f.convertToDouble();
    }
  } else if (element.isIntOrIndex()) {
    for (const llvm::APInt &n : elements.getValues<llvm::APInt>())
      to[i++].i = wrapTo(element, n.getSExtValue());
  } else {
    return fail(op, "has elements of no number");
  }
  return value;
}

namespace {

Result arithConstant(Evaluator &, arith::ConstantOp op) { return constant(op, op.getValue()); }

Result fileSlice(Evaluator &e, FileSliceOp op) {
  MappedFiles files(e.options.folder);
  int64_t rows = op.getRows() ? *op.getRows() : 1, piece = op.getLength() / rows;
  std::vector<char> bytes;
  for (int64_t r = 0; r < rows; ++r) {
    auto part = files.slice(op.getFile(), op.getOffset() + r * (op.getStride() ? *op.getStride() : 0), piece);
    if (!part)
      return fail(op, llvm::toString(part.takeError()));
    bytes.insert(bytes.end(), part->begin(), part->end());
  }
  return fromBytes(cast<RankedTensorType>(op.getType()), bytes);
}

Result paramGet(Evaluator &e, ParamGetOp op) {
  auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(op, op.getParamAttr());
  if (!param)
    return fail(op, "there is no parameter " + op.getParam());
  return e.parameter(param);
}

Result symbol(Evaluator &e, SymbolOp op) {
  auto it = e.getFrame().symbols.find(op.getSymbol().str());
  if (it == e.getFrame().symbols.end())
    return fail(op, "no input binds '" + op.getSymbol() + "'");
  return RefValue::index(op.getContext(), it->second);
}

llvm::Error setAll(Evaluator &e, Operation *op, llvm::Expected<std::vector<RefValue>> values) {
  if (!values)
    return values.takeError();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *values))
    e.set(result, value);
  return llvm::Error::success();
}

llvm::Error call(Evaluator &e, func::CallOp op) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  if (!callee)
    return fail(op, "there is no function " + op.getCallee());
  SmallVector<RefValue> arguments;
  for (mlir::Value operand : op.getOperands())
    arguments.push_back(e[operand]);
  return setAll(e, op, e.call(callee, arguments));
}

llvm::Error ifOp(Evaluator &e, scf::IfOp op) {
  Region &region = e[op.getCondition()].getInt(0) ? op.getThenRegion() : op.getElseRegion();
  if (region.empty())
    return llvm::Error::success();
  return setAll(e, op, e.run(region.front(), {}));
}

llvm::Error forOp(Evaluator &e, scf::ForOp op) {
  int64_t low = e[op.getLowerBound()].getInt(0), high = e[op.getUpperBound()].getInt(0),
          step = e[op.getStep()].getInt(0);
  if (step < 1)
    return fail(op, "the step is positive; found " + Twine(step));
  std::vector<RefValue> carried;
  for (mlir::Value init : op.getInitArgs())
    carried.push_back(e[init]);
  Type type = op.getInductionVar().getType();
  for (int64_t i = low; i < high; i += step) {
    SmallVector<RefValue> arguments;
    Scalar x;
    x.i = i;
    arguments.push_back(RefValue::scalar(type, x));
    llvm::append_range(arguments, carried);
    auto results = e.run(*op.getBody(), arguments);
    if (!results)
      return results.takeError();
    carried = std::move(*results);
  }
  return setAll(e, op, std::move(carried));
}

Result linalgIndex(Evaluator &e, linalg::IndexOp op) {
  return RefValue::index(op.getContext(), (*e.getFrame().iterations.back())[op.getDim()]);
}

Result linalgSoftmax(Evaluator &e, linalg::SoftmaxOp op) { return softmax(e, op); }

} // namespace

void reference::addControlHandlers(HandlerTable &table) {
  table.add(arithConstant);
  table.add(fileSlice);
  table.add(paramGet);
  table.add(symbol);
  table.add(call);
  table.add(ifOp);
  table.add(forOp);
  table.add(linalgIndex);
  table.add(linalgSoftmax);
}
