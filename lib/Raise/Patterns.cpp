#include "Patterns.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;
using hadron::onnx::OnnxTensorType;

NodeOp raising::definedBy(Value value, StringRef op) {
  auto node = value ? value.getDefiningOp<NodeOp>() : NodeOp();
  return node && node.is("", op) ? node : NodeOp();
}

NodeOp raising::raisedBy(Value value, StringRef op) {
  auto node = value ? value.getDefiningOp<NodeOp>() : NodeOp();
  return node && node.is(kRaised, op) ? node : NodeOp();
}

static double numberOf(DenseElementsAttr splat) {
  APFloat number = splat.getSplatValue<APFloat>();
  bool lost;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

/// Exporters compute numbers such as 1/sqrt(d) in the graph.
static std::optional<double> evaluate(Value value, int depth) {
  auto type = value ? dyn_cast<OnnxTensorType>(value.getType()) : OnnxTensorType();
  if (!type || !type.hasRank() ||
      !llvm::all_of(type.getDims(), [](const SymbolicSize &size) { return size.isConstant(1); }))
    return std::nullopt;
  if (auto initializer = value.getDefiningOp<onnx::InitializerOp>()) {
    auto dense = dyn_cast<DenseElementsAttr>(initializer.getData());
    if (dense && dense.isSplat() && isa<FloatType>(dense.getElementType()))
      return numberOf(dense);
  }
  if (auto integers = onnx::getConstantValues(value))
    return integers->size() == 1 ? std::optional<double>((*integers)[0]) : std::nullopt;
  auto node = value.getDefiningOp<NodeOp>();
  if (!node || !node.getDomain().empty() || depth == 0 || node.getInputs().empty() || node.getInputs().size() > 2)
    return std::nullopt;
  auto x = evaluate(node.getInput(0), depth - 1);
  auto y = node.getInput(1) ? evaluate(node.getInput(1), depth - 1) : x;
  if (!x || !y)
    return std::nullopt;
  return llvm::StringSwitch<std::optional<double>>(node.getOpType())
      .Case("Cast", isa<FloatType>(elementTypeOf(value)) ? x : std::nullopt)
      .Cases({"Identity", "Squeeze", "Unsqueeze", "Reshape"}, x)
      .Case("Sqrt", std::sqrt(*x))
      .Case("Reciprocal", 1 / *x)
      .Case("Neg", -*x)
      .Case("Add", *x + *y)
      .Case("Sub", *x - *y)
      .Case("Mul", *x * *y)
      .Case("Div", isa<FloatType>(elementTypeOf(value)) ? std::optional<double>(*x / *y) : std::nullopt)
      .Case("Pow", std::pow(*x, *y))
      .Default(std::nullopt);
}

std::optional<double> raising::scalarOf(Value value) { return evaluate(value, /*depth=*/8); }

bool raising::hasRank(Value value, int64_t rank) {
  auto type = value ? dyn_cast<OnnxTensorType>(value.getType()) : OnnxTensorType();
  return type && type.hasRank() && type.getRank() == rank;
}

Type raising::elementTypeOf(Value value) { return cast<OnnxTensorType>(value.getType()).getElementType(); }

bool raising::isConstantVector(Value value, const SymbolicSize &size) {
  return value && value.getDefiningOp<onnx::InitializerOp>() && hasRank(value, 1) && dimsOf(value)[0] == size;
}

bool raising::reducesLastAxis(NodeOp reduction) {
  if (!reduction.getInt("keepdims", 1))
    return false;
  auto type = cast<OnnxTensorType>(reduction.getInput(0).getType());
  if (!type.hasRank() || type.getRank() == 0)
    return false;
  std::optional<SmallVector<int64_t>> axes;
  if (auto list = reduction.getInts("axes"))
    axes = llvm::to_vector(*list);
  else if (reduction.getInput(1))
    axes = onnx::getConstantValues(reduction.getInput(1));
  return axes && axes->size() == 1 && normalizedAxis((*axes)[0], type.getRank()) == type.getRank() - 1;
}

SmallVector<int64_t> raising::permutationOf(NodeOp transpose) {
  if (auto given = transpose.getInts("perm"))
    return llvm::to_vector(*given);
  auto type = cast<OnnxTensorType>(transpose.getInput(0).getType());
  SmallVector<int64_t> reversed;
  for (int64_t i = type.hasRank() ? type.getRank() : 0; i > 0; --i)
    reversed.push_back(i - 1);
  return reversed;
}

NodeOp raising::createNode(OpBuilder &builder, Location loc, StringRef domain, StringRef op, ValueRange inputs,
                           ArrayRef<NamedAttribute> attributes, TypeRange results, int64_t since) {
  return NodeOp::create(builder, loc, results, builder.getStringAttr(op), builder.getStringAttr(domain),
                        builder.getI64IntegerAttr(since), inputs, builder.getDictionaryAttr(attributes), ArrayAttr(),
                        StringAttr(), ArrayAttr(), ArrayAttr(), /*bodiesCount=*/0);
}

NodeOp raising::createTranspose(OpBuilder &builder, Location loc, Value input, ArrayRef<int64_t> permutation) {
  Sizes dims = dimsOf(input), permuted;
  for (int64_t axis : permutation)
    permuted.push_back(dims[axis]);
  return createNode(builder, loc, "", "Transpose", input,
                    builder.getNamedAttr("perm", builder.getDenseI64ArrayAttr(permutation)),
                    tensorLike(input, permuted), 1);
}

Value raising::noneAt(OpBuilder &builder, Location loc) { return onnx::NoneOp::create(builder, loc); }

Type raising::tensorLike(Value value, ArrayRef<SymbolicSize> dims) {
  return OnnxTensorType::get(value.getContext(), dims, elementTypeOf(value));
}

namespace {

/// Nodes with equal operator, attributes and inputs are one.
void mergeEqualNodes(onnx::GraphOp graph) {
  std::map<std::string, NodeOp> known;
  for (NodeOp node : llvm::make_early_inc_range(graph.getBody()->getOps<NodeOp>())) {
    if (!node.getBodies().empty() || node.getOpType().contains("Random") || node.getOpType() == "Bernoulli" ||
        node.getOpType() == "Multinomial")
      continue;
    std::string key;
    llvm::raw_string_ostream stream(key);
    stream << node.getDomain() << ' ' << node.getOpType() << ' ' << node.getSinceVersion() << ' '
           << node.getOnnxAttributes();
    for (Value input : node.getInputs()) {
      if (isa<NoneType>(input.getType()))
        stream << " none";
      else
        stream << ' ' << input.getAsOpaquePointer();
    }
    for (Type type : node.getResultTypes())
      stream << ' ' << type.getAsOpaquePointer();
    auto [entry, isNew] = known.try_emplace(key, node);
    if (isNew)
      continue;
    node->replaceAllUsesWith(entry->second->getResults());
    node.erase();
  }
}

/// Identity(x) = x
LogicalResult removeIdentity(NodeOp node, PatternRewriter &rewriter) {
  if (node.getNumResults() != 1 || node.getResult(0).getType() != node.getInput(0).getType())
    return failure();
  rewriter.replaceOp(node, node.getInput(0));
  return success();
}

} // namespace

LogicalResult raising::recognize(onnx::GraphOp graph) {
  mergeEqualNodes(graph);
  RewritePatternSet patterns(graph.getContext());
  addPattern<removeIdentity>(patterns, "", "Identity");
  populateNormPatterns(patterns);
  populateRotaryPatterns(patterns);
  populateAttentionPatterns(patterns);
  populateTransposePatterns(patterns);
  populateHadamardPatterns(patterns);
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal(true);
  return applyPatternsGreedily(graph, std::move(patterns), config);
}
