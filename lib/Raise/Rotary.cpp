// Rotary position embedding: two operators of one name, and the form that exporters write out.
#include "Rotary.h"
#include "Build.h"
#include "OpTable.h"
#include "Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;

//===------------------------------------------------------------------------------------------------------------===//
// Operators
//===------------------------------------------------------------------------------------------------------------===//

Tensor raising::rotary(Raiser &r, const Tensor &x, Tensor cosines, Tensor sines, Value positions, bool interleaved,
                       bool headsFirst) {
  if (!positions) { // one table for each sequence
    SymbolicSize batch = x.dims[0];
    for (Tensor *table : {&cosines, &sines})
      if (table->dims[0] != batch)
        *table = broadcast(r, *table, {batch, table->dims[1], table->dims[2]});
  }
  Tensor result = x;
  result.splat = {};
  auto tables = [&](Tensor table) { return r.value(converted(r, table, x.element, false)); };
  result.value = RotaryOp::create(r.builder, r.loc, r.value(x), tables(cosines), tables(sines), positions, interleaved,
                                  headsFirst);
  return result;
}

namespace {

/// Rotates r.in(0), which is 4-D with heads before the sequence, or 3-D.
LogicalResult convertRotaryOf(Raiser &r, unsigned cosInput, unsigned sinInput, Value positions, bool headsFirst) {
  Tensor x = r.in(0), cosines = r.in(cosInput), sines = r.in(sinInput);
  int64_t heads = r.node.getInt("num_heads", 0);
  auto width = cosines.rank() ? cosines.dims.back().getConstant() : std::nullopt;
  if (!width || cosines.rank() != (positions ? 2 : 3) || !llvm::equal(cosines.dims, sines.dims))
    return r.error("expected tables of a known width, of one shape");
  if (x.rank() == 3) {
    auto hidden = x.dims[2].getConstant();
    if (!heads) // com.microsoft takes the head size from the tables
      heads = hidden ? *hidden / (2 * *width) : 0;
    if (!hidden || heads < 1 || *hidden % heads)
      return r.error("expected 'num_heads' to divide the last axis");
    x = reshape(r, x, {x.dims[0], x.dims[1], heads, *hidden / heads});
    headsFirst = false;
  } else if (x.rank() != 4) {
    return r.error("expected three or four axes");
  }
  auto size = x.dims[3].getConstant();
  if (!size || 2 * *width > *size)
    return r.error("the tables are wider than a head");
  Tensor result = rotary(r, x, cosines, sines, positions, r.node.getInt("interleaved", 0), headsFirst);
  r.out(0, reshape(r, result, r.outDims()));
  return success();
}

LogicalResult convertRotary(Raiser &r) { // RotaryEmbedding-23: x, cos, sin, positions
  Value positions = r.has(3) ? r.value(r.in(3)) : Value();
  return convertRotaryOf(r, 1, 2, positions, true);
}

LogicalResult convertRaisedRotary(Raiser &r) {
  Value positions = r.has(3) ? r.value(r.in(3)) : Value();
  return convertRotaryOf(r, 1, 2, positions, static_cast<bool>(r.node.getAttribute("heads_first")));
}

LogicalResult convertMicrosoftRotary(Raiser &r) { // x, positions, cos, sin
  if (r.node.getFloat("scale", 1) != 1 || r.node.getInt("is_packed_batching", 0))
    return r.error("a scale or packed batching is not supported");
  Tensor positions = r.in(1), x = r.in(0);
  SymbolicSize sequence = x.rank() == 4 ? x.dims[2] : x.dims[1];
  if (positions.rank() != 2) { // an offset
    Tensor offset = reshape(r, positions, {});
    positions =
        map(r, offset, {x.dims[0], sequence}, r.builder.getI64Type(), [](OpBuilder &b, Location loc, ValueRange e) {
          Value at = linalg::IndexOp::create(b, loc, 1);
          return add(b, loc, e[0], castScalar(b, loc, at, false, b.getI64Type(), false));
        });
  }
  return convertRotaryOf(r, 2, 3, r.value(positions), true);
}

constexpr OpRow rows[] = {
    {"", "RotaryEmbedding", 23, kLatest, convertRotary, "interleaved num_heads rotary_embedding_dim", 3},
    {kMicrosoft, "RotaryEmbedding", 0, kLatest, convertMicrosoftRotary,
     "interleaved is_packed_batching num_heads rotary_embedding_dim scale", 4},
    {kRaised, "Rotary", 0, kLatest, convertRaisedRotary, "heads_first interleaved", 3},
};

//===------------------------------------------------------------------------------------------------------------===//
// Patterns
//===------------------------------------------------------------------------------------------------------------===//

bool isLastAxis(NodeOp node, int64_t rank) { return normalizedAxis(node.getInt("axis", 0), rank) == rank - 1; }

/// Elements [start, end) of the last axis: Slice with steps of one. Gives its input.
Value sliceOfLastAxis(Value value, int64_t &start, int64_t &end) {
  NodeOp slice = definedBy(value, "Slice");
  if (!slice || slice.getSinceVersion() < 10)
    return {};
  Value x = slice.getInput(0);
  auto type = cast<onnx::OnnxTensorType>(x.getType());
  if (!type.hasRank() || type.getRank() == 0)
    return {};
  auto one = [&](unsigned input) -> std::optional<int64_t> {
    auto list = slice.getInput(input) ? onnx::getConstantValues(slice.getInput(input)) : std::nullopt;
    return list && list->size() == 1 ? std::optional<int64_t>((*list)[0]) : std::nullopt;
  };
  auto first = one(1), last = one(2), axis = one(3);
  auto size = type.getDim(type.getRank() - 1).getConstant();
  if (!first || !last || !axis || !size || normalizedAxis(*axis, type.getRank()) != type.getRank() - 1 ||
      (slice.getInput(4) && one(4) != 1))
    return {};
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + *size : at, 0, *size); };
  start = clamp(*first);
  end = clamp(*last);
  return x;
}

/// concat(-x[d/2:], x[:d/2]) on the last axis, gives x.
Value halfRotatedInput(Value value) {
  NodeOp concat = definedBy(value, "Concat");
  auto type = concat ? cast<onnx::OnnxTensorType>(value.getType()) : onnx::OnnxTensorType();
  if (!type || !type.hasRank() || concat.getInputs().size() != 2 || !isLastAxis(concat, type.getRank()))
    return {};
  auto width = type.getDim(type.getRank() - 1).getConstant();
  NodeOp negated = definedBy(concat.getInput(0), "Neg");
  if (!width || *width % 2 || !negated)
    return {};
  int64_t half = *width / 2, start, end;
  Value high = negated.getInput(0), low = concat.getInput(1);
  // Two outputs of one Split,
  NodeOp split = definedBy(high, "Split");
  if (split && low.getDefiningOp() == split && split.getNumResults() == 2 && split.getResult(0) == low &&
      split.getResult(1) == high && isLastAxis(split, type.getRank()) && dimsOf(low).back().isConstant(half))
    return split.getInput(0).getType() == value.getType() ? split.getInput(0) : Value();
  // or two slices.
  Value x = sliceOfLastAxis(high, start, end);
  if (!x || start != half || end != *width || x.getType() != value.getType())
    return {};
  Value y = sliceOfLastAxis(low, start, end);
  return x == y && start == 0 && end == half ? x : Value();
}

/// A table [B, S, d] whose two halves are equal, because it is a function of concat(m, m): the function of m. Null when
/// it is not seen.
Value halfOfTable(Value table, PatternRewriter &rewriter) {
  if (!hasRank(table, 3))
    return {};
  SmallVector<NodeOp> functions; // outermost first
  Value at = table;
  NodeOp concat;
  while (!(concat = definedBy(at, "Concat"))) {
    auto node = at.getDefiningOp<NodeOp>();
    bool unary = node && (node.is("", "Cos") || node.is("", "Sin") || node.is("", "Cast"));
    bool scaled = node && node.is("", "Mul") && (scalarOf(node.getInput(0)) || scalarOf(node.getInput(1)));
    if (!unary && !scaled)
      return {};
    functions.push_back(node);
    at = node.getInput(scaled && scalarOf(node.getInput(0)) ? 1 : 0);
  }
  if (concat.getInputs().size() != 2 || concat.getInput(0) != concat.getInput(1) || !isLastAxis(concat, 3))
    return {};
  Value half = concat.getInput(0);
  Sizes dims = dimsOf(half);
  for (NodeOp function : llvm::reverse(functions)) {
    SmallVector<Value> inputs = llvm::to_vector(function.getInputs());
    for (Value &input : inputs)
      if (!scalarOf(input))
        input = half;
    // Made once for all its uses.
    NodeOp same;
    for (Operation *user : half.getUsers())
      if (auto node = dyn_cast<NodeOp>(user); node && node.is("", function.getOpType()) &&
                                              llvm::equal(node.getInputs(), inputs) &&
                                              node.getOnnxAttributes() == function.getOnnxAttributes())
        same = node;
    if (!same) {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPoint(function);
      same = createNode(rewriter, function.getLoc(), "", function.getOpType(), inputs,
                        llvm::to_vector(function.getOnnxAttributes().getValue()),
                        tensorLike(function.getResult(0), dims), function.getSinceVersion());
    }
    half = same.getResult(0);
  }
  return half;
}

/// A table [B, S, d] with an axis of one for the heads, which comes first or second after the batch.
Value tableUnderHeads(Value value, bool &headsFirst) {
  if (!hasRank(value, 4))
    return {};
  Sizes dims = dimsOf(value);
  NodeOp node = definedBy(value, "Unsqueeze");
  if (!node)
    node = definedBy(value, "Reshape");
  if (!node || !hasRank(node.getInput(0), 3))
    return {};
  Sizes inner = dimsOf(node.getInput(0));
  if (inner.back() != dims.back() || inner[0] != dims[0])
    return {};
  if (dims[1].isConstant(1) && inner[1] == dims[2]) {
    headsFirst = true;
    return node.getInput(0);
  }
  if (dims[2].isConstant(1) && inner[1] == dims[1]) {
    headsFirst = false;
    return node.getInput(0);
  }
  return {};
}

/// x * cos + halfRotated(x) * sin = Rotary(x, cos, sin)
LogicalResult recognizeRotary(NodeOp sum, PatternRewriter &rewriter) {
  Value result = sum.getResult(0);
  if (!hasRank(result, 4))
    return failure();
  for (unsigned i : {0, 1}) {
    NodeOp plain = definedBy(sum.getInput(i), "Mul"), rotated = definedBy(sum.getInput(1 - i), "Mul");
    if (!plain || !rotated)
      return failure();
    for (unsigned j : {0, 1})
      for (unsigned k : {0, 1}) {
        Value x = plain.getInput(j), y = halfRotatedInput(rotated.getInput(k));
        if (!x || x != y || x.getType() != result.getType())
          continue;
        bool cosHeadsFirst = false, sinHeadsFirst = false;
        Value cosines = tableUnderHeads(plain.getInput(1 - j), cosHeadsFirst);
        Value sines = tableUnderHeads(rotated.getInput(1 - k), sinHeadsFirst);
        if (!cosines || !sines || cosHeadsFirst != sinHeadsFirst)
          continue;
        Value halfCosines = halfOfTable(cosines, rewriter), halfSines = halfOfTable(sines, rewriter);
        if (!halfCosines || !halfSines)
          continue;
        SmallVector<NamedAttribute> attributes;
        if (cosHeadsFirst)
          attributes.push_back(rewriter.getNamedAttr("heads_first", rewriter.getUnitAttr()));
        rewriter.replaceOp(sum, createNode(rewriter, sum.getLoc(), kRaised, "Rotary", {x, halfCosines, halfSines},
                                           attributes, result.getType()));
        return success();
      }
  }
  return failure();
}

/// RotaryEmbedding of four axes = Rotary with heads first
LogicalResult raiseRotary(NodeOp node, PatternRewriter &rewriter) {
  if (!hasRank(node.getInput(0), 4))
    return failure();
  SmallVector<NamedAttribute> attributes = {rewriter.getNamedAttr("heads_first", rewriter.getUnitAttr())};
  if (node.getInt("interleaved", 0))
    attributes.push_back(rewriter.getNamedAttr("interleaved", rewriter.getI64IntegerAttr(1)));
  rewriter.replaceOp(node, createNode(rewriter, node.getLoc(), kRaised, "Rotary", llvm::to_vector(node.getInputs()),
                                      attributes, node.getResult(0).getType()));
  return success();
}

} // namespace

ArrayRef<OpRow> raising::rotaryOps() { return rows; }

void raising::populateRotaryPatterns(RewritePatternSet &patterns) {
  addPattern<recognizeRotary>(patterns, "", "Add");
  addPattern<raiseRotary>(patterns, "", "RotaryEmbedding");
}
