// Attention, its caches and rotary embeddings. B batch, S new tokens, L cached ones, H heads, G key/value heads, d head
// size.
#include "Infer.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

void likeFirst(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

void setUnknown(NodeInference &n) {
  for (unsigned i = 0; i < n.node.getNumResults(); ++i)
    n.set(i, n.elementType(0), std::nullopt);
}

// size / parts, which must come out even.
std::optional<SymbolicSize> divide(NodeInference &n, const SymbolicSize &size, int64_t parts, StringRef what) {
  std::optional<SymbolicSize> result = parts > 0 ? n.normalise(size).dividedBy(parts) : std::nullopt;
  if (!result)
    n.fail("has " + what + " of " + size.str() + ", which is no multiple of " + llvm::Twine(parts) + " heads");
  return result;
}

struct Heads {
  SymbolicSize batch, heads, length, size;
};

// [B, H, S, d], or [B, S, H*d] with H from an attribute.
std::optional<Heads> getHeads(NodeInference &n, const Dims *dims, int64_t heads, StringRef what) {
  if (!dims)
    return std::nullopt;
  if (dims->size() == 4)
    return Heads{(*dims)[0], (*dims)[1], (*dims)[2], (*dims)[3]};
  if (dims->size() != 3) {
    n.fail("has " + what + " of rank " + llvm::Twine(uint64_t(dims->size())) + ", expected 3 or 4");
    return std::nullopt;
  }
  std::optional<SymbolicSize> size = divide(n, (*dims)[2], heads, what);
  if (!size)
    return std::nullopt;
  return Heads{(*dims)[0], SymbolicSize(heads), (*dims)[1], *size};
}

// A cache [B, G, L, d] agrees with the heads of this step; gives L.
SymbolicSize checkPast(NodeInference &n, const Dims *past, const Heads &step) {
  if (!past || past->size() != 4)
    return 0;
  n.equal((*past)[0], step.batch);
  n.equal((*past)[1], step.heads);
  n.equal((*past)[3], step.size);
  return (*past)[2];
}

// Attention-23 …: Q, K, V, mask, past K, past V, nonpad lengths → Y, present K, present V, scores
void attention(NodeInference &n) {
  const Dims *query = n.dims(0);
  std::optional<Heads> q = getHeads(n, query, n.node.getInt("q_num_heads", 0), "queries");
  std::optional<Heads> k = getHeads(n, n.dims(1), n.node.getInt("kv_num_heads", 0), "keys");
  std::optional<Heads> v = getHeads(n, n.dims(2), n.node.getInt("kv_num_heads", 0), "values");
  if (!q || !k || !v)
    return setUnknown(n);
  n.equal(q->batch, k->batch);
  n.equal(q->size, k->size);
  n.equal(k->length, v->length);
  SymbolicSize total = checkPast(n, n.dims(4), *k) + k->length;
  if (n.has(5))
    n.equal(checkPast(n, n.dims(5), *v) + v->length, total);
  // From version 24 on a mask may be shorter than the keys.
  if (const Dims *mask = n.dims(3); mask && !mask->empty() && n.version() < 24)
    n.broadcastDim(mask->back(), total);
  if (query->size() == 4)
    n.set(0, n.elementType(0), Dims{q->batch, q->heads, q->length, v->size});
  else
    n.set(0, n.elementType(0), Dims{q->batch, q->length, q->heads * v->size});
  n.set(1, n.elementType(1), Dims{k->batch, k->heads, total, k->size});
  n.set(2, n.elementType(2), Dims{v->batch, v->heads, total, v->size});
  n.set(3, n.elementType(0), Dims{q->batch, q->heads, q->length, total});
}

// GroupQueryAttention: query, or queries, keys and values in one, [B, S, (H + 2G) d]; key; value; past key; past value;
// seqlens_k; total length; … → [B, S, H*d], present key, present value
void groupQueryAttention(NodeInference &n) {
  const Dims *query = n.dims(0);
  int64_t H = n.node.getInt("num_heads", 0), G = n.node.getInt("kv_num_heads", 0);
  if (!query || query->size() != 3 || H <= 0 || G <= 0)
    return setUnknown(n);
  bool isPacked = !n.has(1);
  std::optional<SymbolicSize> d = divide(n, (*query)[2], isPacked ? H + 2 * G : H, "queries");
  if (!d)
    return;
  SymbolicSize batch = (*query)[0], length = (*query)[1];
  n.set(0, n.elementType(0), Dims{batch, length, *d * H});

  // Two 4-bit codes lie in one byte of a quantized cache.
  SymbolicSize stored = *d;
  if (n.node.getInt("kv_cache_bit_width", 8) == 4 && n.node.getString("k_quant_type", "NONE") != "NONE")
    if (std::optional<SymbolicSize> half = d->dividedBy(2))
      stored = *half;
  Heads step{batch, SymbolicSize(G), length, stored};
  SymbolicSize total = checkPast(n, n.dims(3), step) + length;
  checkPast(n, n.dims(4), step);
  if (const Dims *seqlens = n.dims(5); seqlens && seqlens->size() == 1)
    n.equal(seqlens->front(), batch);
  if (const Dims *given = n.values(6); given && given->size() == 1)
    total = n.equal(given->front(), total);
  Type cache = n.has(3) ? n.elementType(3) : n.elementType(0);
  Dims present{batch, SymbolicSize(G), total, stored};
  n.set(1, cache, present);
  n.set(2, cache, present);
  n.set(3, n.elementType(0), Dims{batch, SymbolicSize(H), length, total});
}

// PagedAttention: query [tokens, …], key, value, key cache, value cache, …; caches are updated in place, scales too.
void pagedAttention(NodeInference &n) {
  const Dims *query = n.dims(0);
  int64_t H = n.node.getInt("num_heads", 0), G = n.node.getInt("kv_num_heads", 0);
  if (!query || query->size() != 2 || H <= 0 || G <= 0)
    return setUnknown(n);
  std::optional<SymbolicSize> d = divide(n, (*query)[1], n.has(1) ? H : H + 2 * G, "queries");
  if (!d)
    return;
  n.set(0, n.elementType(0), Dims{(*query)[0], *d * H});
  constexpr std::pair<unsigned, unsigned> updated[] = {{1, 3}, {2, 4}, {3, 17}, {4, 18}};
  for (auto [output, input] : updated)
    n.set(output, n.elementType(input), n.dims(input));
}

// MultiHeadAttention: query [B, S, H*d] or packed [B, S, H, 3, d]; key [B, L, H*d], packed [B, L, H, 2, d] or [B, H, L,
// d]; value; bias; padding mask; bias of scores; past key; past value
void multiHeadAttention(NodeInference &n) {
  const Dims *query = n.dims(0), *key = n.dims(1), *value = n.dims(2);
  int64_t H = n.node.getInt("num_heads", 0);
  if (!query || H <= 0 || (n.has(1) && !key) || (n.has(2) && !value))
    return setUnknown(n);
  SymbolicSize batch = (*query)[0], length, keys, size, valueSize;
  if (query->size() == 5) {
    length = keys = (*query)[1];
    size = valueSize = (*query)[4];
  } else if (query->size() == 3) {
    std::optional<SymbolicSize> d = divide(n, (*query)[2], H, "queries");
    if (!d)
      return;
    length = keys = (*query)[1];
    size = valueSize = *d;
    if (key && key->size() == 4)
      keys = (*key)[2];
    else if (key && key->size() >= 2)
      keys = (*key)[1];
    if (value && value->size() == 4)
      valueSize = (*value)[3];
    else if (value && value->size() == 3)
      if (std::optional<SymbolicSize> dv = divide(n, (*value)[2], H, "values"))
        valueSize = *dv;
  } else {
    return setUnknown(n);
  }
  n.set(0, n.elementType(0), Dims{batch, length, valueSize * H});
  SymbolicSize total = checkPast(n, n.dims(6), {batch, SymbolicSize(H), keys, size}) + keys;
  n.set(1, n.elementType(0), Dims{batch, SymbolicSize(H), total, size});
  n.set(2, n.elementType(0), Dims{batch, SymbolicSize(H), total, valueSize});
}

// Attention of com.microsoft: input [B, S, I], weights [I, 3*hidden], bias, mask, past [2, B, H, L, d]
void microsoftAttention(NodeInference &n) {
  const Dims *input = n.dims(0), *weights = n.dims(1), *past = n.dims(4);
  int64_t H = n.node.getInt("num_heads", 0);
  if (!input || input->size() != 3 || !weights || weights->size() != 2 || H <= 0)
    return setUnknown(n);
  SymbolicSize hidden;
  if (std::optional<ArrayRef<int64_t>> sizes = n.node.getInts("qkv_hidden_sizes"); sizes && sizes->size() == 3)
    hidden = (*sizes)[2];
  else if (std::optional<SymbolicSize> third = n.normalise((*weights)[1]).dividedBy(3))
    hidden = *third;
  else
    return setUnknown(n);
  n.equal((*input)[2], (*weights)[0]);
  n.set(0, n.elementType(0), Dims{(*input)[0], (*input)[1], hidden});
  std::optional<SymbolicSize> d = divide(n, hidden, H, "values");
  if (!d)
    return;
  SymbolicSize total = (past && past->size() == 5 ? (*past)[3] : SymbolicSize(0)) + (*input)[1];
  n.set(1, n.elementType(0), Dims{SymbolicSize(2), (*input)[0], SymbolicSize(H), total, *d});
}

} // namespace

ArrayRef<RuleRow> hadron::onnx::getAttentionRules() {
  static const RuleRow rows[] = {
      {"", "Attention", attention},
      {"", "RotaryEmbedding", likeFirst},
      {"com.microsoft", "RotaryEmbedding", likeFirst},
      {"com.microsoft", "GroupQueryAttention", groupQueryAttention},
      {"com.microsoft", "PagedAttention", pagedAttention},
      {"com.microsoft", "MultiHeadAttention", multiHeadAttention},
      {"com.microsoft", "Attention", microsoftAttention},
  };
  return rows;
}
