// Normalization and gates: the operators, and how exporters write them out.
#include "Build.h"
#include "OpTable.h"
#include "Patterns.h"
#include "Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;

//===------------------------------------------------------------------------------------------------------------===//
// Operators
//===------------------------------------------------------------------------------------------------------------===//

namespace {

Value vectorOf(Raiser &r, const Tensor &tensor) { return r.value(reshape(r, tensor, {product(tensor.dims)})); }

/// The trailing axes from `axis` as one, and the scale to that size; the norm itself; and the axes back.
LogicalResult convertNorm(Raiser &r, bool isLayer, double epsilon, int64_t axis) {
  Tensor x = r.in(0);
  Sizes dims = x.dims, flat(ArrayRef(dims).take_front(axis)), tail(ArrayRef(dims).drop_front(axis));
  flat.push_back(product(tail));
  auto vector = [&](unsigned input) -> Value {
    if (!r.has(input))
      return {};
    return vectorOf(r, broadcast(r, r.in(input), tail));
  };
  Value gain = vector(1), bias = isLayer ? vector(2) : Value();
  Tensor rows = reshape(r, x, flat);
  Tensor result = rows;
  result.splat = {};
  if (isLayer)
    result.value = LayerNormOp::create(r.builder, r.loc, r.value(rows), gain, bias, epsilon);
  else
    result.value = RMSNormOp::create(r.builder, r.loc, r.value(rows), gain, epsilon);
  r.out(0, converted(r, reshape(r, result, dims), r.outElement(), false));
  return success();
}

LogicalResult convertRMS(Raiser &r) { // RMSNormalization, SimplifiedLayerNormalization, RMSNorm
  Tensor x = r.in(0);
  auto axis = normalizedAxis(r.node.getInt("axis", -1), x.rank());
  if (!axis || r.node.getOutput(1))
    return r.error("an axis out of range, or a second output, is not supported");
  return convertNorm(r, false, r.node.getFloat("epsilon", 1e-5), *axis);
}

/// Mean and inverse deviation, for a graph that reads them.
void convertStatistics(Raiser &r, int64_t axis) {
  if (!r.node.getOutput(1) && !r.node.getOutput(2))
    return;
  Tensor x = converted(r, r.in(0), wide(r.in(0).element), false);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(axis, x.rank()));
  SymbolicSize count = product(ArrayRef(x.dims).drop_front(axis));
  Value size = count.getConstant() ? Value() : r.size(count);
  auto mean = [&](const Tensor &y) {
    Tensor sum = reduce(r, y, axes, numberAttr(y.element, 0),
                        [](OpBuilder &b, Location loc, ValueRange e) { return add(b, loc, e[1], e[0]); });
    return keepAxes(r,
                    map(r, sum, sum.dims, sum.element,
                        [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
                          Value n = size ? castScalar(b, loc, castScalar(b, loc, size, false, b.getI64Type(), false),
                                                      false, y.element, false)
                                         : number(b, loc, y.element, *count.getConstant());
                          return arith::DivFOp::create(b, loc, e[0], n);
                        }),
                    axes);
  };
  Tensor average = mean(x);
  Tensor squares = map(r, {x, average}, x.dims, x.element, [](OpBuilder &b, Location loc, ValueRange e) -> Value {
    Value d = arith::SubFOp::create(b, loc, e[0], e[1]);
    return mul(b, loc, d, d);
  });
  double epsilon = r.node.getFloat("epsilon", 1e-5);
  Tensor variance = mean(squares);
  Tensor inverse = map(r, variance, variance.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
    Value root = math::SqrtOp::create(b, loc, add(b, loc, e[0], number(b, loc, x.element, epsilon)));
    return arith::DivFOp::create(b, loc, number(b, loc, x.element, 1), root);
  });
  if (r.node.getOutput(1))
    r.out(1, average);
  if (r.node.getOutput(2))
    r.out(2, inverse);
}

LogicalResult convertLayerNorm(Raiser &r) { // LayerNormalization, LayerNorm
  auto axis = normalizedAxis(r.node.getInt("axis", -1), r.in(0).rank());
  if (!axis)
    return r.error("'axis' is out of range");
  convertStatistics(r, *axis);
  return convertNorm(r, true, r.node.getFloat("epsilon", 1e-5), *axis);
}

Tensor sumOf(Raiser &r, const Tensor &x, const Tensor &y) {
  Tensor result = x;
  result.splat = {};
  if (llvm::equal(x.dims, y.dims))
    result.value = AddOp::create(r.builder, r.loc, r.value(x), r.value(y));
  else
    result = mapWide(r, {x, y}, x.dims, x.element,
                     [](OpBuilder &b, Location loc, ValueRange e) { return add(b, loc, e[0], e[1]); });
  return result;
}

/// s = input + skip (+ bias); y = norm(s): outputs y, mean, inverse deviation, s
template <bool isLayer>
LogicalResult convertSkipNorm(Raiser &r) {
  unsigned biasInput = isLayer ? 4 : 3;
  Tensor sum = sumOf(r, r.in(0), r.in(1));
  if (r.has(biasInput))
    sum = sumOf(r, sum, r.in(biasInput));
  auto used = [&](unsigned output) { return r.node.getOutput(output) && !r.node.getOutput(output).use_empty(); };
  if (used(1) || used(2))
    return r.error("outputs 'mean' and 'inv_std_var' are not supported");
  double epsilon = r.node.getFloat("epsilon", 1e-12);
  Value gain = r.value(r.in(2));
  Tensor result = sum;
  if (isLayer)
    result.value =
        LayerNormOp::create(r.builder, r.loc, r.value(sum), gain, r.has(3) ? r.value(r.in(3)) : Value(), epsilon);
  else
    result.value = RMSNormOp::create(r.builder, r.loc, r.value(sum), gain, epsilon);
  r.out(0, result);
  r.out(3, sum);
  return success();
}

LogicalResult convertSiLU(Raiser &r) {
  Tensor x = r.in(0);
  x.value = SiLUOp::create(r.builder, r.loc, r.value(x));
  x.splat = {};
  r.out(0, x);
  return success();
}

constexpr OpRow rows[] = {
    {"", "LayerNormalization", 1, kLatest, convertLayerNorm, "axis epsilon stash_type", 2},
    {"", "RMSNormalization", 23, kLatest, convertRMS, "axis epsilon stash_type", 2},
    {"", "SimplifiedLayerNormalization", 0, kLatest, convertRMS, "axis epsilon stash_type", 2},
    {kMicrosoft, "SimplifiedLayerNormalization", 0, kLatest, convertRMS, "axis epsilon stash_type", 2},
    {kMicrosoft, "SkipLayerNormalization", 0, kLatest, convertSkipNorm<true>, "epsilon", 3},
    {kMicrosoft, "SkipSimplifiedLayerNormalization", 0, kLatest, convertSkipNorm<false>, "epsilon", 3},
    {kRaised, "LayerNorm", 0, kLatest, convertLayerNorm, "epsilon"},
    {kRaised, "RMSNorm", 0, kLatest, convertRMS, "epsilon"},
    {kRaised, "SiLU", 0, kLatest, convertSiLU, ""},
};

//===------------------------------------------------------------------------------------------------------------===//
// Patterns
//===------------------------------------------------------------------------------------------------------------===//

/// x^2: Pow(x, 2) or Mul(x, x)
Value squaredInput(Value value) {
  if (NodeOp pow = definedBy(value, "Pow"))
    return scalarOf(pow.getInput(1)) == 2.0 ? pow.getInput(0) : Value();
  NodeOp mul = definedBy(value, "Mul");
  return mul && mul.getInput(0) == mul.getInput(1) ? mul.getInput(0) : Value();
}

/// sqrt(mean(x^2) + epsilon) over the last axis, gives x.
Value rootMeanSquareInput(Value value, double &epsilon) {
  NodeOp root = definedBy(value, "Sqrt");
  if (!root) { // or a power
    root = definedBy(value, "Pow");
    if (!root || scalarOf(root.getInput(1)) != 0.5)
      return {};
  }
  NodeOp sum = definedBy(root.getInput(0), "Add");
  if (!sum)
    return {};
  for (unsigned i : {0, 1}) {
    NodeOp mean = definedBy(sum.getInput(i), "ReduceMean");
    auto number = scalarOf(sum.getInput(1 - i));
    if (!mean || !number || !reducesLastAxis(mean))
      continue;
    epsilon = *number;
    return squaredInput(mean.getInput(0));
  }
  return {};
}

/// 1 / sqrt(mean(x^2) + epsilon), gives x.
Value inverseRootMeanSquareInput(Value value, double &epsilon) {
  if (NodeOp reciprocal = definedBy(value, "Reciprocal"))
    return rootMeanSquareInput(reciprocal.getInput(0), epsilon);
  if (NodeOp div = definedBy(value, "Div"))
    return scalarOf(div.getInput(0)) == 1.0 ? rootMeanSquareInput(div.getInput(1), epsilon) : Value();
  NodeOp pow = definedBy(value, "Pow"); // (mean + epsilon)^-0.5
  if (!pow || scalarOf(pow.getInput(1)) != -0.5)
    return {};
  NodeOp sum = definedBy(pow.getInput(0), "Add");
  for (unsigned i : {0, 1}) {
    NodeOp mean = sum ? definedBy(sum.getInput(i), "ReduceMean") : NodeOp();
    auto number = sum ? scalarOf(sum.getInput(1 - i)) : std::nullopt;
    if (mean && number && reducesLastAxis(mean)) {
      epsilon = *number;
      return squaredInput(mean.getInput(0));
    }
  }
  return {};
}

NodeOp makeNorm(PatternRewriter &rewriter, NodeOp at, StringRef op, ValueRange inputs, Attribute epsilon) {
  return createNode(rewriter, at.getLoc(), kRaised, op, inputs, rewriter.getNamedAttr("epsilon", epsilon),
                    at.getResult(0).getType());
}

LogicalResult rewriteToRMSNorm(NodeOp node, Value x, double epsilon, PatternRewriter &rewriter) {
  if (!x || x.getType() != node.getResult(0).getType())
    return failure();
  rewriter.replaceOp(node, makeNorm(rewriter, node, "RMSNorm", x, rewriter.getF64FloatAttr(epsilon)));
  return success();
}

/// x * (1 / rms(x)) = RMSNorm(x)
LogicalResult recognizeRMSProduct(NodeOp mul, PatternRewriter &rewriter) {
  for (unsigned i : {0, 1}) {
    double epsilon = 0;
    Value x = inverseRootMeanSquareInput(mul.getInput(1 - i), epsilon);
    if (x && x == mul.getInput(i))
      return rewriteToRMSNorm(mul, x, epsilon, rewriter);
  }
  return failure();
}

/// x / rms(x) = RMSNorm(x)
LogicalResult recognizeRMSQuotient(NodeOp div, PatternRewriter &rewriter) {
  double epsilon = 0;
  Value x = rootMeanSquareInput(div.getInput(1), epsilon);
  return x && x == div.getInput(0) ? rewriteToRMSNorm(div, x, epsilon, rewriter) : failure();
}

/// RMSNorm(x - mean(x)) = LayerNorm(x)
LogicalResult recognizeLayerNorm(NodeOp norm, PatternRewriter &rewriter) {
  NodeOp difference = definedBy(norm.getInput(0), "Sub");
  NodeOp mean = difference ? definedBy(difference.getInput(1), "ReduceMean") : NodeOp();
  if (norm.getInput(1) || !mean || !reducesLastAxis(mean) || mean.getInput(0) != difference.getInput(0))
    return failure();
  rewriter.replaceOp(norm, makeNorm(rewriter, norm, "LayerNorm", mean.getInput(0), norm.getAttribute("epsilon")));
  return success();
}

/// Narrow(norm(Wide(x))) = norm(x): norms are computed in f32 whatever their type is.
LogicalResult dropCasts(NodeOp cast, PatternRewriter &rewriter) {
  for (StringRef op : {"RMSNorm", "LayerNorm"}) {
    NodeOp norm = raisedBy(cast.getInput(0), op);
    NodeOp widening = norm ? definedBy(norm.getInput(0), "Cast") : NodeOp();
    if (!widening || norm.getInputs().size() != 1 || !elementTypeOf(norm.getInput(0)).isF32() ||
        widening.getInput(0).getType() != cast.getResult(0).getType() ||
        !isa<Float16Type, BFloat16Type>(elementTypeOf(cast.getResult(0))))
      continue;
    rewriter.replaceOp(cast, makeNorm(rewriter, cast, op, widening.getInput(0), norm.getAttribute("epsilon")));
    return success();
  }
  return failure();
}

/// norm(x) * g = norm(x, g)
LogicalResult absorbGain(NodeOp mul, PatternRewriter &rewriter) {
  for (StringRef op : {"RMSNorm", "LayerNorm"})
    for (unsigned i : {0, 1}) {
      NodeOp norm = raisedBy(mul.getInput(i), op);
      Value gain = mul.getInput(1 - i);
      if (!norm || norm.getInputs().size() != 1 || norm.getResult(0).getType() != mul.getResult(0).getType() ||
          !isConstantVector(gain, dimsOf(norm.getResult(0)).back()))
        continue;
      rewriter.replaceOp(mul, makeNorm(rewriter, mul, op, {norm.getInput(0), gain}, norm.getAttribute("epsilon")));
      return success();
    }
  return failure();
}

/// LayerNorm(x, g) + b = LayerNorm(x, g, b)
LogicalResult absorbBias(NodeOp sum, PatternRewriter &rewriter) {
  for (unsigned i : {0, 1}) {
    NodeOp norm = raisedBy(sum.getInput(i), "LayerNorm");
    Value bias = sum.getInput(1 - i);
    if (!norm || norm.getInputs().size() != 2 || norm.getResult(0).getType() != sum.getResult(0).getType() ||
        !isConstantVector(bias, dimsOf(norm.getResult(0)).back()))
      continue;
    rewriter.replaceOp(sum, makeNorm(rewriter, sum, "LayerNorm", {norm.getInput(0), norm.getInput(1), bias},
                                     norm.getAttribute("epsilon")));
    return success();
  }
  return failure();
}

/// x * sigmoid(x) = SiLU(x)
LogicalResult recognizeSiLU(NodeOp mul, PatternRewriter &rewriter) {
  for (unsigned i : {0, 1}) {
    NodeOp sigmoid = definedBy(mul.getInput(i), "Sigmoid");
    Value x = mul.getInput(1 - i);
    if (!sigmoid || sigmoid.getInput(0) != x || !isa<FloatType>(elementTypeOf(x)) ||
        x.getType() != mul.getResult(0).getType())
      continue;
    rewriter.replaceOp(mul, createNode(rewriter, mul.getLoc(), kRaised, "SiLU", x, {}, mul.getResult(0).getType()));
    return success();
  }
  return failure();
}

/// x W + b = Linear(x, W, b)
LogicalResult recognizeLinear(NodeOp sum, PatternRewriter &rewriter) {
  for (unsigned i : {0, 1}) {
    NodeOp product = definedBy(sum.getInput(i), "MatMul");
    Value bias = sum.getInput(1 - i);
    if (!product || product.getResult(0).getType() != sum.getResult(0).getType() || !hasRank(product.getInput(1), 2) ||
        !product.getInput(1).getDefiningOp() || !isa<FloatType>(elementTypeOf(bias)) ||
        !isConstantVector(bias, dimsOf(sum.getResult(0)).back()) || !product.getResult(0).hasOneUse())
      continue;
    rewriter.replaceOp(sum,
                       createNode(rewriter, sum.getLoc(), kRaised, "Linear",
                                  {product.getInput(0), product.getInput(1), bias}, {}, sum.getResult(0).getType()));
    return success();
  }
  return failure();
}

} // namespace

ArrayRef<OpRow> raising::normOps() { return rows; }

void raising::populateNormPatterns(RewritePatternSet &patterns) {
  addPattern<recognizeRMSProduct>(patterns, "", "Mul");
  addPattern<recognizeRMSQuotient>(patterns, "", "Div");
  addPattern<recognizeLayerNorm>(patterns, kRaised, "RMSNorm");
  addPattern<dropCasts>(patterns, "", "Cast");
  addPattern<absorbGain>(patterns, "", "Mul");
  addPattern<absorbBias>(patterns, "", "Add");
  addPattern<recognizeSiLU>(patterns, "", "Mul");
  addPattern<recognizeLinear>(patterns, "", "Add");
}
