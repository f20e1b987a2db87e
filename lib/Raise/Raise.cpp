// The phase: recognise, find what the outputs need, refuse what is not known, convert node after node.
#include "Build.h"
#include "OpTable.h"
#include "Patterns.h"
#include "States.h"
#include "hadron/Raise/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;
using hadron::onnx::OnnxTensorType;

namespace {

std::string qualifiedName(NodeOp node) {
  return node.getDomain().empty() ? node.getOpType().str() : (node.getDomain() + "::" + node.getOpType()).str();
}

/// Whether inference knows all elements of all results: then the node is not computed.
bool isKnown(NodeOp node) {
  return node.getNumResults() && llvm::all_of(node.getResults(), [](Value result) {
           if (isa<NoneType>(result.getType()))
             return true;
           std::optional<Sizes> elements = onnx::getKnownValues(result);
           return elements && llvm::all_of(*elements, [](const SymbolicSize &size) { return size.isValid(); });
         });
}

/// A rank and an element type that a tensor in MLIR can have.
bool isInferred(Value value) {
  auto type = dyn_cast<OnnxTensorType>(value.getType());
  return !type || (type.hasRank() && type.hasElementType() && elementOf(type.getElementType()) &&
                   llvm::all_of(type.getDims(), [](const SymbolicSize &size) { return size.isValid(); }));
}

std::string describeUnsupported(ArrayRef<NodeOp> nodes) {
  std::string text = qualifiedName(nodes.front());
  text += " (" + std::to_string(nodes.size()) + (nodes.size() == 1 ? " node: " : " nodes: ");
  for (auto [i, node] : llvm::enumerate(llvm::to_vector(nodes.take_front(3))))
    text += (i ? ", '" : "'") + (node.getNodeName().empty() ? node.getOutputName(0) : node.getNodeName()).str() + "'";
  return text + (nodes.size() > 3 ? ", …)" : ")");
}

} // namespace

LogicalResult Raiser::checkSupported() {
  std::vector<std::pair<std::string, SmallVector<NodeOp>>> byName;
  bool wrong = false;
  for (NodeOp candidate : nodes) {
    const OpRow *row = candidate.getBodies().empty() ? lookup(candidate) : nullptr;
    if (!row) {
      std::string name = qualifiedName(candidate);
      auto entry = llvm::find_if(byName, [&](const auto &pair) { return pair.first == name; });
      if (entry == byName.end())
        entry = byName.insert(entry, {name, {}});
      entry->second.push_back(candidate);
      continue;
    }
    node = candidate;
    loc = candidate.getLoc();
    for (unsigned i = 0; i < row->required; ++i)
      if (!candidate.getInput(i)) {
        (void)error("input " + Twine(i) + " is missing");
        wrong = true;
      }
    if (!candidate.getOutput(0)) {
      (void)error("the first output is omitted, which is not supported");
      wrong = true;
      continue;
    }
    SmallVector<StringRef> known;
    row->attributes.split(known, ' ');
    for (NamedAttribute attribute : candidate.getOnnxAttributes())
      if (!llvm::is_contained(known, attribute.getName().getValue())) {
        (void)error("attribute '" + attribute.getName().getValue() + "' is not known");
        wrong = true;
      }
    for (Value value :
         llvm::concat<Value>(llvm::to_vector(candidate.getInputs()), llvm::to_vector_of<Value>(candidate.getResults())))
      if (!isInferred(value)) {
        auto diagnostic = emitError(loc) << candidate.describe() << ": ";
        diagnostic << "the shape or type of a value is not known, or not supported: " << value.getType();
        wrong = true;
        break;
      }
  }
  node = {};
  loc = graph.getLoc();
  if (graph.getDataDependent() && byName.empty())
    for (auto symbol : graph.getDataDependent()->getAsRange<StringAttr>()) {
      emitError(loc) << "the size of '" << symbol.getValue()
                     << "' depends on the values of inputs, which is not supported";
      wrong = true;
    }
  if (!byName.empty()) {
    std::string text;
    for (const auto &[name, list] : byName)
      text += "\n  " + describeUnsupported(list);
    emitError(graph.getLoc()) << byName.size() << (byName.size() == 1 ? " operator is" : " operators are")
                              << " not supported:" << text;
    wrong = true;
  }
  return failure(wrong);
}

LogicalResult Raiser::makeFunction(const llvm::DenseSet<Operation *> &needed) {
  MLIRContext *context = module.getContext();
  onnx::ReturnOp ret = graph.getReturn();
  SmallVector<PastPresent> caches = options.states ? findCaches(graph, needed) : SmallVector<PastPresent>();
  llvm::DenseMap<Value, const PastPresent *> byPast;
  llvm::DenseSet<unsigned> presents;
  for (const PastPresent &cache : caches) {
    byPast[cache.past] = &cache;
    presents.insert(cache.output);
  }
  auto shapeAttr = [&](Value onnxValue) {
    SmallVector<Attribute> texts;
    for (const SymbolicSize &size : dimsOf(onnxValue))
      texts.push_back(StringAttr::get(context, size.str()));
    return ArrayAttr::get(context, texts);
  };
  auto named = [&](StringRef key, Attribute value) { return NamedAttribute(StringAttr::get(context, key), value); };

  SmallVector<Type> inputs, outputs;
  SmallVector<DictionaryAttr> inputAttrs, outputAttrs;
  for (auto [i, argument] : llvm::enumerate(graph.getBody()->getArguments())) {
    if (!isInferred(argument))
      return emitError(graph.getLoc()) << "input '" << graph.getInputName(i)
                                       << "' has a type that is not supported: " << argument.getType();
    Type element = elementOf(cast<OnnxTensorType>(argument.getType()).getElementType());
    StringAttr name = StringAttr::get(context, graph.getInputName(i));
    Sizes dims = dimsOf(argument);
    if (const PastPresent *cache = byPast.lookup(argument)) {
      inputs.push_back(StateType::get(context, *dims[1].getConstant(), *dims[3].getConstant(), element, {}));
      StringAttr present = StringAttr::get(context, graph.getOutputName(cache->output));
      auto state = DictionaryAttr::get(
          context, {named("past", name), named("present", present), named("group", StringAttr::get(context, "kv")),
                    named("batch", StringAttr::get(context, dims[0].str())),
                    named("length", StringAttr::get(context, dims[2].str())),
                    named("new_length", StringAttr::get(context, dimsOf(cache->present)[2].str()))});
      inputAttrs.push_back(
          DictionaryAttr::get(context, {named(HadronDialect::kName, name), named(HadronDialect::kState, state)}));
      continue;
    }
    inputs.push_back(tensorType(dims, element));
    inputAttrs.push_back(DictionaryAttr::get(
        context, {named(HadronDialect::kName, name), named(HadronDialect::kShape, shapeAttr(argument))}));
  }
  for (auto [i, result] : llvm::enumerate(ret.getResults())) {
    if (!isInferred(result) || !isa<OnnxTensorType>(result.getType()))
      return emitError(graph.getLoc()) << "output '" << graph.getOutputName(i)
                                       << "' has a type that is not known or not supported: " << result.getType();
    if (presents.contains(i))
      continue;
    outputs.push_back(tensorType(dimsOf(result), elementOf(cast<OnnxTensorType>(result.getType()).getElementType())));
    outputAttrs.push_back(
        DictionaryAttr::get(context, {named(HadronDialect::kName, StringAttr::get(context, graph.getOutputName(i))),
                                      named(HadronDialect::kShape, shapeAttr(result))}));
  }

  builder.setInsertionPointToEnd(module.getBody());
  function =
      func::FuncOp::create(builder, graph.getLoc(), graph.getSymName(), FunctionType::get(context, inputs, outputs));
  function->setAttr(HadronDialect::kEntry, builder.getUnitAttr());
  function.setAllArgAttrs(inputAttrs);
  function.setAllResultAttrs(outputAttrs);
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  for (auto [argument, value] : llvm::zip(graph.getBody()->getArguments(), entry->getArguments())) {
    auto type = cast<OnnxTensorType>(argument.getType());
    if (const PastPresent *cache = byPast.lookup(argument))
      states[argument] = {argument.getArgNumber(), cache->output, value};
    else
      set(argument,
          {value, type.getDims(), elementOf(type.getElementType()), type.getElementType().isUnsignedInteger()});
  }
  names.insert(graph.getSymName());
  return success();
}

LogicalResult Raiser::convert(NodeOp next) {
  Location outerLoc = loc;
  NodeOp outerNode = node;
  loc = next.getLoc();
  node = next;
  LogicalResult result = lookup(next)->convert(*this);
  anyFailed |= failed(result);
  loc = outerLoc;
  node = outerNode;
  return result;
}

LogicalResult Raiser::run() {
  // What the outputs need. Nodes whose elements are known need nothing.
  llvm::DenseSet<Operation *> needed;
  SmallVector<Value> pending = llvm::to_vector(graph.getReturn().getResults());
  while (!pending.empty()) {
    auto producer = pending.pop_back_val().getDefiningOp<NodeOp>();
    if (!producer || isKnown(producer) || !needed.insert(producer).second)
      continue;
    llvm::append_range(pending, producer.getInputs());
  }
  for (NodeOp candidate : graph.getBody()->getOps<NodeOp>())
    if (needed.contains(candidate))
      nodes.push_back(candidate);
  if (failed(checkSupported()) || failed(makeFunction(needed)))
    return failure();

  // Where all inputs are constants the node is part of the parameters that need it.
  for (NodeOp candidate : nodes) {
    bool constant = !candidate.getInputs().empty() && llvm::all_of(candidate.getInputs(), [&](Value input) -> bool {
      return isa<NoneType>(input.getType()) || isConstant(input) || onnx::getConstantValues(input).has_value();
    });
    constant &= llvm::all_of(candidate.getResults(), [](Value result) -> bool {
      return isa<NoneType>(result.getType()) || cast<OnnxTensorType>(result.getType()).getStaticDims().has_value();
    });
    if (constant)
      markConstant(candidate);
  }
  for (NodeOp candidate : nodes)
    if (!isConstant(candidate.getResult(0)))
      (void)convert(candidate);
  if (anyFailed)
    return failure();

  SmallVector<Value> results;
  llvm::DenseSet<unsigned> presents;
  for (auto &[past, state] : states)
    presents.insert(state.output);
  for (auto [i, result] : llvm::enumerate(graph.getReturn().getResults()))
    if (!presents.contains(i))
      results.push_back(value(get(result)));
  if (anyFailed)
    return failure();
  func::ReturnOp::create(builder, graph.getLoc(), results);

  // What layers compute alike, such as positions, is computed once.
  IRRewriter rewriter(builder);
  DominanceInfo dominance(function);
  eliminateCommonSubExpressions(rewriter, dominance, function);
  // Nothing that is not used stays: values that were made for their shape.
  SmallVector<Operation *> operations;
  for (Operation &op : function.getBody().front())
    operations.push_back(&op);
  for (Operation *op : llvm::reverse(operations))
    if (isOpTriviallyDead(op))
      op->erase();
  llvm::DenseSet<StringAttr> read;
  function.walk([&](ParamGetOp get) { read.insert(get.getParamAttr().getAttr()); });
  for (ParamOp param : llvm::make_early_inc_range(module.getOps<ParamOp>()))
    if (!read.contains(param.getSymNameAttr()))
      param.erase();
  return success();
}

LogicalResult hadron::raise(ModuleOp module, const RaiseOptions &options) {
  auto graphs = llvm::to_vector(module.getOps<onnx::GraphOp>());
  if (graphs.size() != 1)
    return module.emitError() << "expected one onnx.graph to raise; found " << graphs.size();
  onnx::GraphOp graph = graphs.front();
  WalkResult foreign = graph.walk([](NodeOp node) {
    if (node.getDomain() != kRaised)
      return WalkResult::advance();
    emitError(node.getLoc()) << node.describe() << ": operators of domain '" << kRaised << "' are not supported";
    return WalkResult::interrupt();
  });
  if (foreign.wasInterrupted() || failed(recognize(graph)))
    return failure();
  std::optional<int64_t> accuracy;
  for (NodeOp node : graph.getBody()->getOps<NodeOp>())
    if (node.is(kMicrosoft, "MatMulNBits"))
      accuracy = std::min(accuracy.value_or(4), node.getInt("accuracy_level", 0));
  Raiser raiser(module, graph, options);
  if (failed(raiser.run()))
    return failure();
  graph.erase();
  OpBuilder builder(module.getContext());
  module->setAttr(HadronDialect::kChecked, builder.getUnitAttr());
  if (accuracy.value_or(0) > 0)
    module->setAttr(kAccuracyLevel, builder.getI64IntegerAttr(*accuracy));
  module->setAttr(HadronDialect::kLibrary, builder.getStringAttr(options.library.empty() ? "model" : options.library));
  return success();
}

namespace {
struct RaisePass : PassWrapper<RaisePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RaisePass)

  RaisePass() = default;
  RaisePass(const RaisePass &other) : PassWrapper(other), options(other.options) {}
  explicit RaisePass(const RaiseOptions &options) : options(options) {}

  StringRef getArgument() const override { return "hadron-raise"; }
  StringRef getDescription() const override { return "onnx.graph to an entry point of hadron and linalg operations"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<HadronDialect, func::FuncDialect, linalg::LinalgDialect, tensor::TensorDialect, arith::ArithDialect,
                    math::MathDialect>();
  }
  void runOnOperation() override {
    if (!library.getValue().empty())
      options.library = library;
    if (failed(raise(getOperation(), options)))
      signalPassFailure();
  }

  RaiseOptions options;
  Option<std::string> library{*this, "library", llvm::cl::desc("Name of the library")};
};
} // namespace

std::unique_ptr<Pass> hadron::createRaisePass(const RaiseOptions &options) {
  return std::make_unique<RaisePass>(options);
}
void hadron::registerRaisePasses() { PassRegistration<RaisePass>(); }
