// Attention as exporters write it out, and what they put around the operator.
#include "Patterns.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;

namespace {

constexpr int64_t kSwap[] = {0, 2, 1, 3}; // heads and tokens

bool isSwap(NodeOp transpose) { return transpose && llvm::equal(permutationOf(transpose), ArrayRef(kSwap)); }

/// The input of Transpose(0, 2, 1, 3), or null.
Value swappedInput(Value value) {
  NodeOp transpose = definedBy(value, "Transpose");
  return isSwap(transpose) ? transpose.getInput(0) : Value();
}

//===------------------------------------------------------------------------------------------------------------===//
// softmax(s q k^T + mask) v
//===------------------------------------------------------------------------------------------------------------===//

/// x from x * s, s * x or x / s with a number s, which goes into `scale`.
Value withoutScale(Value value, double &scale) {
  if (NodeOp mul = definedBy(value, "Mul"))
    for (unsigned i : {0, 1})
      if (auto number = scalarOf(mul.getInput(i)); number && mul.getInput(1 - i).getType() == value.getType()) {
        scale *= *number;
        return mul.getInput(1 - i);
      }
  if (NodeOp div = definedBy(value, "Div"))
    if (auto number = scalarOf(div.getInput(1));
        number && *number != 0 && div.getInput(0).getType() == value.getType()) {
      scale /= *number;
      return div.getInput(0);
    }
  return value;
}

/// k [B, H, T, d] from its transpose [B, H, d, T]. Null when it is not seen; may make a Transpose.
Value untransposed(Value value, PatternRewriter &rewriter) {
  if (NodeOp transpose = definedBy(value, "Transpose")) {
    SmallVector<int64_t> permutation = permutationOf(transpose);
    if (permutation == ArrayRef<int64_t>{0, 1, 3, 2})
      return transpose.getInput(0);
    if (permutation == ArrayRef<int64_t>{0, 2, 3, 1}) // [B, T, H, d]
      return createTranspose(rewriter, value.getLoc(), transpose.getInput(0), kSwap).getResult(0);
    return {};
  }
  // Through three axes: Reshape, Transpose(0, 2, 1), Reshape.
  NodeOp outer = definedBy(value, "Reshape");
  NodeOp transpose = outer ? definedBy(outer.getInput(0), "Transpose") : NodeOp();
  NodeOp inner = transpose ? definedBy(transpose.getInput(0), "Reshape") : NodeOp();
  if (!inner || permutationOf(transpose) != ArrayRef<int64_t>{0, 2, 1} || !hasRank(inner.getInput(0), 4) ||
      !hasRank(transpose.getInput(0), 3))
    return {};
  Sizes k = dimsOf(inner.getInput(0)), t = dimsOf(value), middle = dimsOf(transpose.getInput(0));
  bool fits = k[0] == t[0] && k[1] == t[1] && k[2] == t[3] && k[3] == t[2] && middle[1] == k[2] && middle[2] == k[3];
  return fits ? inner.getInput(0) : Value();
}

/// Softmax over the last axis; around it Where(IsNaN(y), 0, y), casts and dropout. Gives its input.
Value softmaxInput(Value value) {
  while (true) {
    if (NodeOp where = definedBy(value, "Where")) {
      NodeOp isNaN = definedBy(where.getInput(0), "IsNaN");
      if (!isNaN || isNaN.getInput(0) != where.getInput(2) || scalarOf(where.getInput(1)) != 0.0)
        return {};
      value = where.getInput(2);
    } else if (NodeOp cast = definedBy(value, "Cast")) {
      if (!isa<FloatType>(elementTypeOf(cast.getInput(0))) || !isa<FloatType>(elementTypeOf(value)))
        return {};
      value = cast.getInput(0);
    } else if (NodeOp dropout = definedBy(value, "Dropout")) {
      value = dropout.getInput(0);
    } else {
      break;
    }
  }
  NodeOp softmax = definedBy(value, "Softmax");
  if (!softmax || !hasRank(value, 4))
    return {};
  int64_t axis = softmax.getInt("axis", softmax.getSinceVersion() < 13 ? 1 : -1);
  return axis == -1 || axis == 3 ? softmax.getInput(0) : Value();
}

/// softmax(s q k^T (+ mask)) v = Attention(q, k, v, mask) {scale = s}
LogicalResult recognizeAttention(NodeOp product, PatternRewriter &rewriter) {
  Value result = product.getResult(0), value = product.getInput(1);
  if (!hasRank(result, 4) || !hasRank(value, 4))
    return failure();
  Value scores = softmaxInput(product.getInput(0)), mask;
  if (!scores)
    return failure();
  if (NodeOp cast = definedBy(scores, "Cast"); cast && isa<FloatType>(elementTypeOf(cast.getInput(0))))
    scores = cast.getInput(0);
  double scale = 1;
  NodeOp dots = definedBy(withoutScale(scores, scale), "MatMul");
  if (!dots) {
    NodeOp sum = definedBy(scores, "Add");
    for (unsigned i : {0, 1}) {
      if (!sum || sum.getInput(i).getType() != scores.getType())
        continue;
      scale = 1;
      if ((dots = definedBy(withoutScale(sum.getInput(i), scale), "MatMul"))) {
        mask = sum.getInput(1 - i);
        break;
      }
    }
  }
  if (!dots)
    return failure();
  Value query = withoutScale(dots.getInput(0), scale);
  Value transposedKey = withoutScale(dots.getInput(1), scale);
  if (!hasRank(query, 4) || !hasRank(transposedKey, 4))
    return failure();
  Type element = elementTypeOf(query);
  if (element != elementTypeOf(transposedKey) || element != elementTypeOf(value) || element != elementTypeOf(result))
    return failure();
  Sizes q = dimsOf(query), kt = dimsOf(transposedKey), v = dimsOf(value);
  if (!q[1].getConstant() || !q[3].getConstant() || !v[3].getConstant() || q[0] != v[0] || q[1] != v[1] ||
      q[0] != kt[0] || q[1] != kt[1] || q[3] != kt[2] || kt[3] != v[2])
    return failure();
  Value key = untransposed(transposedKey, rewriter);
  if (!key)
    return failure();
  if (Value unscaled = withoutScale(key, scale); unscaled != key) // scaled before the transpose
    key = unscaled;
  SmallVector<Value> inputs = {query, key, value};
  if (mask) {
    Value none = noneAt(rewriter, product.getLoc());
    inputs.append({none, none, mask});
  }
  rewriter.replaceOp(product, createNode(rewriter, product.getLoc(), kRaised, "Attention", inputs,
                                         {rewriter.getNamedAttr("heads_first", rewriter.getUnitAttr()),
                                          rewriter.getNamedAttr("scale", rewriter.getF64FloatAttr(scale))},
                                         result.getType()));
  return success();
}

/// Attention-23 of four axes without what only it has.
LogicalResult raiseAttention(NodeOp node, PatternRewriter &rewriter) {
  if (node.getNumResults() > 3 && node.getOutput(3))
    return failure();
  if (!hasRank(node.getInput(0), 4) || !hasRank(node.getInput(1), 4) || node.getInput(6) ||
      node.getInt("qk_matmul_output_mode", 0))
    return failure();
  bool causal = node.getInt("is_causal", 0);
  if (causal && !node.getInput(4) && dimsOf(node.getInput(0))[2] != dimsOf(node.getInput(1))[2])
    return failure();
  auto inputOr = [&](unsigned i) { return node.getInput(i) ? node.getInput(i) : noneAt(rewriter, node.getLoc()); };
  SmallVector<Value> inputs = {node.getInput(0), node.getInput(1), node.getInput(2),
                               inputOr(4),       inputOr(5),       inputOr(3)};
  SmallVector<NamedAttribute> attributes = {rewriter.getNamedAttr("heads_first", rewriter.getUnitAttr())};
  if (causal)
    attributes.push_back(rewriter.getNamedAttr("causal", rewriter.getUnitAttr()));
  for (StringRef name : {"scale", "softcap"})
    if (Attribute value = node.getAttribute(name))
      attributes.push_back(rewriter.getNamedAttr(name, value));
  SmallVector<Type> types = llvm::to_vector(node.getResultTypes());
  types.resize(std::min<size_t>(types.size(), 3));
  rewriter.replaceOp(node, [&] {
    NodeOp raised = createNode(rewriter, node.getLoc(), kRaised, "Attention", inputs, attributes, types);
    SmallVector<Value> results = llvm::to_vector_of<Value>(raised.getResults());
    while (results.size() < node.getNumResults())
      results.push_back(noneAt(rewriter, node.getLoc()));
    return results;
  }());
  return success();
}

//===------------------------------------------------------------------------------------------------------------===//
// Around attention
//===------------------------------------------------------------------------------------------------------------===//

NodeOp rebuild(NodeOp attention, ArrayRef<Value> inputs, TypeRange results, PatternRewriter &rewriter,
               bool dropHeadsFirst = false) {
  SmallVector<NamedAttribute> attributes;
  for (NamedAttribute attribute : attention.getOnnxAttributes())
    if (!dropHeadsFirst || attribute.getName() != "heads_first")
      attributes.push_back(attribute);
  return createNode(rewriter, attention.getLoc(), kRaised, "Attention", inputs, attributes, results);
}

/// x from Reshape(Expand(Unsqueeze(x, 2))): each KV head `times` times in a row.
Value withoutRepeat(Value value) {
  NodeOp outer = definedBy(value, "Reshape");
  NodeOp expand = outer ? definedBy(outer.getInput(0), "Expand") : NodeOp();
  Value inner = expand ? expand.getInput(0) : Value();
  NodeOp unsqueeze = definedBy(inner, "Unsqueeze");
  if (!unsqueeze)
    unsqueeze = definedBy(inner, "Reshape");
  if (!unsqueeze || !hasRank(unsqueeze.getInput(0), 4) || !hasRank(inner, 5) || !hasRank(expand.getResult(0), 5) ||
      !hasRank(value, 4))
    return {};
  Value x = unsqueeze.getInput(0);
  Sizes from = dimsOf(x), one = dimsOf(inner), five = dimsOf(expand.getResult(0)), to = dimsOf(value);
  auto times = five[2].getConstant();
  bool fits = times && one[0] == from[0] && one[1] == from[1] && one[2].isConstant(1) && one[3] == from[2] &&
              one[4] == from[3] && five[0] == from[0] && five[1] == from[1] && five[3] == from[2] &&
              five[4] == from[3] && to[0] == from[0] && to[1] == from[1] * *times && to[2] == from[2] &&
              to[3] == from[3];
  return fits ? x : Value();
}

/// Attention(q, repeat(k), repeat(v)) = Attention(q, k, v): heads are shared.
LogicalResult shareHeads(NodeOp attention, PatternRewriter &rewriter) {
  Value key = withoutRepeat(attention.getInput(1)), value = withoutRepeat(attention.getInput(2));
  if (!key || !value || !attention.getAttribute("heads_first") || attention.getInput(3) ||
      dimsOf(key)[1] != dimsOf(value)[1] || attention.getNumResults() > 1)
    return failure();
  SmallVector<Value> inputs = llvm::to_vector(attention.getInputs());
  inputs[1] = key;
  inputs[2] = value;
  rewriter.replaceOp(attention, rebuild(attention, inputs, attention.getResultTypes(), rewriter));
  return success();
}

/// new from Concat(past, new) along the tokens, with `past` an input of the graph.
Value newTokens(Value value, Value &past) {
  NodeOp concat = definedBy(value, "Concat");
  if (!concat || concat.getInputs().size() != 2 || !hasRank(value, 4) ||
      normalizedAxis(concat.getInt("axis", 0), 4) != 2)
    return {};
  past = concat.getInput(0);
  return isa<BlockArgument>(past) ? concat.getInput(1) : Value();
}

/// Attention(q, past ++ k, past' ++ v) = Attention(q, k, v, past, past'), which returns both concatenations.
LogicalResult absorbPast(NodeOp attention, PatternRewriter &rewriter) {
  Value pastKey, pastValue;
  Value key = newTokens(attention.getInput(1), pastKey), value = newTokens(attention.getInput(2), pastValue);
  if (!key || !value || attention.getInput(3) || attention.getNumResults() > 1 ||
      !attention.getAttribute("heads_first"))
    return failure();
  SmallVector<Value> inputs = llvm::to_vector(attention.getInputs());
  while (inputs.size() < 5)
    inputs.push_back(noneAt(rewriter, attention.getLoc()));
  Value presentKey = inputs[1], presentValue = inputs[2];
  inputs[1] = key;
  inputs[2] = value;
  inputs[3] = pastKey;
  inputs[4] = pastValue;
  NodeOp absorbed = rebuild(attention, inputs,
                            {attention.getResult(0).getType(), presentKey.getType(), presentValue.getType()}, rewriter);
  // Only the graph's outputs: what reads the concatenation for its shape may come earlier.
  auto isOutput = [](OpOperand &use) {
    return isa<onnx::ReturnOp>(use.getOwner()) && isa<onnx::GraphOp>(use.getOwner()->getParentOp());
  };
  rewriter.replaceUsesWithIf(presentKey, absorbed.getResult(1), isOutput);
  rewriter.replaceUsesWithIf(presentValue, absorbed.getResult(2), isOutput);
  rewriter.replaceOp(attention, absorbed.getResult(0));
  return success();
}

/// Attention over swapped q, k, v with heads first = swapped Attention over q, k, v
LogicalResult unswapAttention(NodeOp attention, PatternRewriter &rewriter) {
  Value query = swappedInput(attention.getInput(0)), key = swappedInput(attention.getInput(1)),
        value = swappedInput(attention.getInput(2));
  if (!query || !key || !value || !attention.getAttribute("heads_first"))
    return failure();
  SmallVector<Value> inputs = llvm::to_vector(attention.getInputs());
  inputs[0] = query;
  inputs[1] = key;
  inputs[2] = value;
  SmallVector<Type> types = llvm::to_vector(attention.getResultTypes());
  Sizes dims = dimsOf(attention.getResult(0));
  std::swap(dims[1], dims[2]);
  types[0] = tensorLike(attention.getResult(0), dims);
  NodeOp inner = rebuild(attention, inputs, types, rewriter, /*dropHeadsFirst=*/true);
  SmallVector<Value> results = llvm::to_vector_of<Value>(inner.getResults());
  results[0] = createTranspose(rewriter, attention.getLoc(), results[0], kSwap).getResult(0);
  rewriter.replaceOp(attention, results);
  return success();
}

/// Rotary over swapped x with heads first = swapped Rotary over x
LogicalResult unswapRotary(NodeOp rotary, PatternRewriter &rewriter) {
  Value x = swappedInput(rotary.getInput(0));
  if (!x || !rotary.getAttribute("heads_first"))
    return failure();
  SmallVector<Value> inputs = llvm::to_vector(rotary.getInputs());
  inputs[0] = x;
  SmallVector<NamedAttribute> attributes;
  for (NamedAttribute attribute : rotary.getOnnxAttributes())
    if (attribute.getName() != "heads_first")
      attributes.push_back(attribute);
  NodeOp inner = createNode(rewriter, rotary.getLoc(), kRaised, "Rotary", inputs, attributes, x.getType());
  rewriter.replaceOp(rotary, createTranspose(rewriter, rotary.getLoc(), inner.getResult(0), kSwap));
  return success();
}

/// Transpose(Transpose(x)) = one Transpose, or x
LogicalResult mergeTransposes(NodeOp outer, PatternRewriter &rewriter) {
  NodeOp inner = definedBy(outer.getInput(0), "Transpose");
  if (!inner || !hasRank(outer.getResult(0), permutationOf(outer).size()))
    return failure();
  SmallVector<int64_t> first = permutationOf(inner), second = permutationOf(outer), both;
  for (int64_t axis : second) {
    if (axis < 0 || axis >= static_cast<int64_t>(first.size()))
      return failure();
    both.push_back(first[axis]);
  }
  Value x = inner.getInput(0);
  if (llvm::equal(both, llvm::seq<int64_t>(0, both.size()))) {
    if (x.getType() != outer.getResult(0).getType())
      return failure();
    rewriter.replaceOp(outer, x);
    return success();
  }
  if (!hasRank(x, both.size()))
    return failure();
  rewriter.replaceOp(outer, createTranspose(rewriter, outer.getLoc(), x, both));
  return success();
}

} // namespace

void raising::populateAttentionPatterns(RewritePatternSet &patterns) {
  addPattern<recognizeAttention>(patterns, "", "MatMul");
  addPattern<raiseAttention>(patterns, "", "Attention");
  addPattern<shareHeads>(patterns, kRaised, "Attention");
  addPattern<absorbPast>(patterns, kRaised, "Attention");
}

void raising::populateTransposePatterns(RewritePatternSet &patterns) {
  addPattern<unswapAttention>(patterns, kRaised, "Attention");
  addPattern<unswapRotary>(patterns, kRaised, "Rotary");
  addPattern<mergeTransposes>(patterns, "", "Transpose");
}
