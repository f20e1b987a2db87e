// Attention operators: over explicit past and present, or over states.
#include "Build.h"
#include "OpTable.h"
#include "Rotary.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// What all operators have. Tensors are [B, S, H, d], or [B, H, S, d] with `headsFirst`.
struct Attention {
  Attention(Tensor query, Tensor key, Tensor value) : query(query), key(key), value(value) {}

  Tensor query, key, value;
  unsigned past = 0, present = 1; // inputs and outputs: keys there, values behind them
  bool hasPast = false;
  std::optional<Tensor> mask;    // [B or 1, H or 1, S or 1, T]
  Value lengths;                 // i32 [B]
  double scale = 0, softcap = 0; // scale 0: 1/sqrt(d)
  bool causal = false, headsFirst = false;
  int64_t window = -1;
};

/// At most four axes to four.
Tensor withFourAxes(Raiser &r, const Tensor &mask) {
  Sizes dims(4 - mask.rank(), 1);
  llvm::append_range(dims, mask.dims);
  return reshape(r, mask, dims);
}

/// The result as [B, S, H, d] or [B, H, S, d].
FailureOr<Tensor> emitAttention(Raiser &r, const Attention &a) {
  auto dim = a.query.rank() == 4 ? a.query.dims[3].getConstant() : std::nullopt;
  if (!dim || a.key.rank() != 4 || a.value.rank() != 4 || !a.value.dims[3].getConstant())
    return r.error("expected heads of a known size");
  unsigned headAxis = a.headsFirst ? 1 : 2, tokenAxis = a.headsFirst ? 2 : 1;
  auto heads = a.query.dims[headAxis].getConstant(), kvHeads = a.key.dims[headAxis].getConstant();
  if (!heads || !kvHeads || *kvHeads < 1 || *heads % *kvHeads || a.value.dims[headAxis] != a.key.dims[headAxis] ||
      a.key.dims[3] != a.query.dims[3])
    return r.error("the number of query heads must be a multiple of that of key heads; their sizes must be equal");
  Tensor result = a.query;
  result.splat = {};
  result.dims[3] = a.value.dims[3];
  RankedTensorType type = r.tensorType(result.dims, result.element);
  Value mask;
  if (a.mask) {
    if (a.mask->rank() > 4)
      return r.error("the mask has more than four axes");
    Tensor four = withFourAxes(r, *a.mask);
    mask =
        r.value(four.element.isInteger(1) || four.isFloat() ? four : converted(r, four, r.builder.getI1Type(), false));
  }
  FloatAttr scale = r.builder.getF64FloatAttr(a.scale ? a.scale : 1 / std::sqrt(static_cast<double>(*dim)));
  FloatAttr softcap = r.builder.getF64FloatAttr(a.softcap);
  UnitAttr causal = a.causal ? r.builder.getUnitAttr() : UnitAttr();
  UnitAttr headsFirst = a.headsFirst ? r.builder.getUnitAttr() : UnitAttr();
  IntegerAttr window = r.builder.getI64IntegerAttr(a.window);

  Value pastKey = a.hasPast ? r.node.getInput(a.past) : Value(),
        pastValue = a.hasPast ? r.node.getInput(a.past + 1) : Value();
  auto keys = r.states.find(pastKey), values = r.states.find(pastValue);
  if (pastKey && keys != r.states.end() && values != r.states.end()) {
    SymbolicSize past = dimsOf(pastKey)[2];
    Value at = r.size(past), total = r.size(past + a.key.dims[tokenAxis]);
    auto append = [&](const Tensor &input, State &state) {
      state.value =
          AppendOp::create(r.builder, r.loc, state.value.getType(), r.value(input), state.value, at, headsFirst);
      return state.value;
    };
    Value allKeys = append(a.key, keys->second), allValues = append(a.value, values->second);
    result.value = AttendOp::create(r.builder, r.loc, type, r.value(a.query), allKeys, allValues, total, mask,
                                    a.lengths, scale, softcap, causal, window, headsFirst);
    return result;
  }
  // The present is wanted as a tensor.
  SmallVector<Type> presents(2);
  bool wanted = r.node.getOutput(a.present) && r.node.getOutput(a.present + 1);
  if (!wanted && (r.node.getOutput(a.present) || r.node.getOutput(a.present + 1)))
    return r.error("gives the present of keys or values alone");
  if (wanted)
    for (unsigned i : {0, 1})
      presents[i] = r.tensorType(r.outDims(a.present + i), r.outElement(a.present + i));
  auto attention = ExplicitAttentionOp::create(
      r.builder, r.loc, type, presents[0], presents[1], r.value(a.query), r.value(a.key), r.value(a.value),
      pastKey ? r.value(r.get(pastKey)) : Value(), pastValue ? r.value(r.get(pastValue)) : Value(), mask, a.lengths,
      scale, softcap, causal, window, headsFirst);
  result.value = attention.getOutput();
  if (wanted)
    for (unsigned i : {0, 1})
      r.out(a.present + i, {i ? attention.getPresentValue() : attention.getPresentKey(), r.outDims(a.present + i),
                            r.outElement(a.present + i)});
  return result;
}

/// [B, S, H * d] to [B, S, H, d]
FailureOr<Tensor> splitHeads(Raiser &r, const Tensor &x, int64_t heads) {
  auto hidden = x.rank() == 3 ? x.dims[2].getConstant() : std::nullopt;
  if (!hidden || heads < 1 || *hidden % heads)
    return r.error("expected [batch, sequence, heads * size] with a known last axis");
  return reshape(r, x, {x.dims[0], x.dims[1], heads, *hidden / heads});
}

LogicalResult convertRaised(Raiser &r) {
  Attention a{r.in(0), r.in(1), r.in(2)};
  a.past = 3;
  a.hasPast = r.has(3) && r.has(4);
  if (r.has(5))
    a.mask = r.in(5);
  a.scale = r.node.getFloat("scale", 0);
  a.softcap = r.node.getFloat("softcap", 0);
  a.causal = static_cast<bool>(r.node.getAttribute("causal"));
  a.headsFirst = static_cast<bool>(r.node.getAttribute("heads_first"));
  auto result = emitAttention(r, a);
  if (failed(result))
    return failure();
  r.out(0, *result);
  return success();
}

/// Attention-23: q, k, v, mask, past keys, past values
LogicalResult convertAttention(Raiser &r) {
  Tensor query = r.in(0), key = r.in(1), value = r.in(2);
  Attention a{query, key, value};
  if (r.node.getOutput(3))
    return r.error("the output 'qk_matmul_output' is not supported");
  if (r.has(6))
    return r.error("'nonpad_kv_seqlen' is not supported");
  a.past = 4;
  a.hasPast = r.has(4) && r.has(5);
  a.headsFirst = query.rank() == 4;
  if (query.rank() == 3) {
    auto q = splitHeads(r, query, r.node.getInt("q_num_heads", 0)),
         k = splitHeads(r, key, r.node.getInt("kv_num_heads", 0)),
         v = splitHeads(r, value, r.node.getInt("kv_num_heads", 0));
    if (failed(q) || failed(k) || failed(v))
      return failure();
    a.query = *q, a.key = *k, a.value = *v;
  }
  if (r.has(3))
    a.mask = r.in(3);
  a.scale = r.node.getFloat("scale", 0);
  a.softcap = r.node.getFloat("softcap", 0);
  unsigned tokens = a.headsFirst ? 2 : 1;
  if (r.node.getInt("is_causal", 0)) {
    // Aligned at the top left, which is the bottom right when the keys are the past and the queries' own.
    a.causal = a.hasPast || a.key.dims[tokens] == a.query.dims[tokens];
    if (!a.causal) {
      SmallVector<Tensor> operands;
      Sizes dims = {1, 1, a.query.dims[tokens], a.key.dims[tokens]};
      Type element = r.builder.getI1Type();
      if (a.mask) {
        operands.push_back(withFourAxes(r, *a.mask));
        for (unsigned i : {0, 1})
          dims[i] = operands[0].dims[i];
        element = operands[0].element;
      }
      a.mask = map(r, operands, dims, element, [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
        Value i = linalg::IndexOp::create(b, loc, 2), j = linalg::IndexOp::create(b, loc, 3);
        Value seen = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, j, i);
        if (e.empty())
          return seen;
        Value hidden = number(b, loc, element, isa<FloatType>(element) ? -INFINITY : 0);
        return arith::SelectOp::create(b, loc, seen, e[0], hidden);
      });
    }
  }
  auto result = emitAttention(r, a);
  if (failed(result))
    return failure();
  r.out(0, reshape(r, *result, r.outDims()));
  return success();
}

/// lengths = seqlens_k + 1
Value lengthsOf(Raiser &r, Tensor seqlens) {
  seqlens = reshape(r, seqlens, {product(seqlens.dims)});
  Tensor lengths =
      map(r, seqlens, seqlens.dims, r.builder.getI32Type(), [](OpBuilder &b, Location loc, ValueRange e) -> Value {
        Value length = castScalar(b, loc, e[0], false, b.getI32Type(), false);
        return add(b, loc, length, number(b, loc, b.getI32Type(), 1));
      });
  return lengths.value;
}

/// The positions of the new tokens: max(lengths - S, 0) + i, also for a prompt that is shorter than the batch is long.
Value positionsOf(Raiser &r, Value lengths, const SymbolicSize &batch, const SymbolicSize &sequence) {
  Value size = r.size(sequence);
  Tensor counts{lengths, {batch, 1}, r.builder.getI32Type()};
  counts = reshape(r, Tensor{lengths, {batch}, r.builder.getI32Type()}, {batch, 1});
  Type i64 = r.builder.getI64Type();
  return map(r, counts, {batch, sequence}, i64,
             [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
               Value length = castScalar(b, loc, e[0], false, i64, false);
               Value past = arith::SubIOp::create(b, loc, length, castScalar(b, loc, size, false, i64, false));
               past = arith::MaxSIOp::create(b, loc, past, number(b, loc, i64, 0));
               return add(b, loc, past, castScalar(b, loc, linalg::IndexOp::create(b, loc, 1), false, i64, false));
             })
      .value;
}

/// com.microsoft: query (or q, k, v packed), key, value, past keys, past values, lengths - 1, total, cos, sin,
/// positions, bias
LogicalResult convertGroupQueryAttention(Raiser &r) {
  onnx::NodeOp node = r.node;
  int64_t heads = node.getInt("num_heads", 0), kvHeads = node.getInt("kv_num_heads", 0);
  for (auto [input, name] : std::initializer_list<std::pair<unsigned, StringRef>>{
           {11, "head_sink"}, {12, "k_scale"}, {13, "v_scale"}, {14, "q_norm_weight"}, {15, "k_norm_weight"}})
    if (r.has(input))
      return r.error("the input '" + name + "' is not supported");
  for (StringRef name : {"smooth_softmax", "qk_output", "kv_cache_bit_width", "sliding_window_cache"})
    if (node.getInt(name, 0) > 0)
      return r.error("'" + name + "' is not supported");
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (node.getString(name, "NONE") != "NONE")
      return r.error("'" + name + "' = " + node.getString(name, "") + " is not supported");
  if (!r.has(5))
    return r.error("has no 'seqlens_k'");
  Tensor query = r.in(0), key, value;
  if (heads < 1 || kvHeads < 1 || query.rank() != 3)
    return r.error("expected 'num_heads', 'kv_num_heads' and a query [batch, sequence, hidden]");
  if (r.has(1) != r.has(2))
    return r.error("takes key and value together");
  if (r.has(1)) {
    key = r.in(1);
    value = r.in(2);
  } else {
    auto width = query.dims[2].getConstant();
    if (!width || *width % (heads + 2 * kvHeads))
      return r.error("the packed query, key and value do not divide into heads");
    int64_t size = *width / (heads + 2 * kvHeads);
    Tensor packed = query;
    query = slice(r, packed, 2, 0, heads * size);
    key = slice(r, packed, 2, heads * size, kvHeads * size);
    value = slice(r, packed, 2, (heads + kvHeads) * size, kvHeads * size);
  }
  auto q = splitHeads(r, query, heads), k = splitHeads(r, key, kvHeads), v = splitHeads(r, value, kvHeads);
  if (failed(q) || failed(k) || failed(v))
    return failure();
  Attention a{*q, *k, *v};
  a.lengths = lengthsOf(r, r.in(5));
  if (node.getInt("do_rotary", 0)) {
    if (!r.has(7) || !r.has(8))
      return r.error("has no tables for 'do_rotary'");
    Value positions = r.has(9) ? r.value(r.in(9)) : positionsOf(r, a.lengths, query.dims[0], query.dims[1]);
    bool interleaved = node.getInt("rotary_interleaved", 0);
    Tensor cosines = r.in(7), sines = r.in(8);
    a.query = rotary(r, a.query, cosines, sines, positions, interleaved, false);
    a.key = rotary(r, a.key, cosines, sines, positions, interleaved, false);
  }
  a.past = 3;
  a.hasPast = r.has(3) && r.has(4);
  if (r.has(10))
    a.mask = r.in(10);
  a.scale = node.getFloat("scale", 0);
  a.softcap = node.getFloat("softcap", 0);
  a.causal = node.getInt("causal", 1);
  // The window counts the query itself.
  if (int64_t window = node.getInt("local_window_size", -1); window > 0)
    a.window = window - 1;
  auto result = emitAttention(r, a);
  if (failed(result))
    return failure();
  r.out(0, reshape(r, *result, r.outDims()));
  return success();
}

/// com.microsoft: query, key, value, bias, key_padding_mask, attention_bias, past keys, past values
LogicalResult convertMultiHeadAttention(Raiser &r) {
  int64_t heads = r.node.getInt("num_heads", 0);
  if (!r.has(1) || !r.has(2) || r.has(3) || r.has(4) || r.has(8) || r.has(9))
    return r.error("packed or biased inputs and padding masks are not supported");
  if (dimsOf(r.node.getInput(1)).size() != 3)
    return r.error("expected keys [batch, sequence, hidden]");
  auto q = splitHeads(r, r.in(0), heads), k = splitHeads(r, r.in(1), heads), v = splitHeads(r, r.in(2), heads);
  if (failed(q) || failed(k) || failed(v))
    return failure();
  Attention a{*q, *k, *v};
  a.past = 6;
  a.hasPast = r.has(6) && r.has(7);
  if (r.has(5))
    a.mask = r.in(5);
  a.scale = r.node.getFloat("scale", 0);
  a.causal = r.node.getInt("unidirectional", 0);
  auto result = emitAttention(r, a);
  if (failed(result))
    return failure();
  r.out(0, reshape(r, *result, r.outDims()));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Attention", 23, kLatest, convertAttention,
     "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision", 3},
    {kMicrosoft, "GroupQueryAttention", 0, kLatest, convertGroupQueryAttention,
     "causal do_rotary k_quant_type kv_cache_bit_width kv_num_heads local_window_size num_heads qk_norm_epsilon "
     "qk_output "
     "rotary_interleaved scale sliding_window_cache smooth_softmax softcap v_quant_type"},
    {kMicrosoft, "MultiHeadAttention", 0, kLatest, convertMultiHeadAttention,
     "mask_filter_value num_heads scale unidirectional"},
    {kRaised, "Attention", 0, kLatest, convertRaised, "causal heads_first scale softcap", 3},
};

} // namespace

ArrayRef<OpRow> raising::attentionOps() { return rows; }
