// Attention over explicit past and present, and over states.
#include "Evaluator.h"

#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

namespace {

/// A tensor [B, S, H, d] or [B, H, S, d] read as (b, h, s).
struct Heads {
  Heads(const RefValue &value, bool headsFirst)
      : value(value), batch(value.getDim(0)), heads(value.getDim(headsFirst ? 1 : 2)),
        tokens(value.getDim(headsFirst ? 2 : 1)), dim(value.getDim(3)), headsFirst(headsFirst) {}
  int64_t at(int64_t b, int64_t h, int64_t s) const {
    return (headsFirst ? (b * heads + h) * tokens + s : (b * tokens + s) * heads + h) * dim;
  }

  const RefValue &value;
  int64_t batch, heads, tokens, dim;
  bool headsFirst;
};

/// What the attentions have in common. `key(b, h, j)` and `value(b, h, j)` point to rows, of KV head h.
struct Attention {
  int64_t total = 0, kvHeads = 0, valueDim = 0;
  std::function<const double *(int64_t, int64_t, int64_t)> key, value;
  double scale = 1, softcap = 0;
  bool causal = false;
  int64_t window = -1;
  std::optional<RefValue> mask, lengths;

  template <typename OpT>
  void readOptions(Evaluator &e, OpT op) {
    scale = op.getScale().convertToDouble();
    softcap = op.getSoftcap().convertToDouble();
    causal = op.getCausal();
    window = op.getWindow();
    if (op.getMask())
      mask = e[op.getMask()];
    if (op.getLengths())
      lengths = e[op.getLengths()];
  }

  /// The mask's element for a logit, broadcast over [B, Hq, S, T].
  int64_t maskAt(ArrayRef<int64_t> index) const {
    int64_t at = 0, skip = 4 - mask->getRank();
    for (int64_t d = 0; d < mask->getRank(); ++d)
      at = at * mask->getDim(d) + (mask->getDim(d) == 1 ? 0 : index[d + skip]);
    return at;
  }

  Result run(Operation *op, const Heads &q) const {
    if (mask) {
      int64_t whole[] = {q.batch, q.heads, q.tokens, total}, skip = 4 - mask->getRank();
      for (int64_t d = 0; d < mask->getRank(); ++d)
        if (skip < 0 || (mask->getDim(d) != 1 && mask->getDim(d) != whole[d + skip]))
          return fail(op, "axis " + Twine(d) + " of the mask has size " + Twine(mask->getDim(d)) + "; expected " +
                              Twine(skip < 0 ? 1 : whole[d + skip]));
    }
    SmallVector<int64_t> shape(q.value.getShape());
    shape.back() = valueDim;
    RefValue result(getElementTypeOrSelf(op->getResult(0).getType()), shape);
    std::vector<Scalar> &y = result.edit();
    std::vector<double> logits(total);
    for (int64_t b = 0; b < q.batch; ++b)
      for (int64_t h = 0; h < q.heads; ++h)
        for (int64_t i = 0; i < q.tokens; ++i) {
          int64_t kv = h / (q.heads / kvHeads), seen = total;
          if (lengths)
            seen = std::min(total, lengths->getInt(lengths->size() == 1 ? 0 : b));
          // Bottom-right aligned: the last query sees the last key; of a sequence shorter than the queries, the first
          // does.
          int64_t last = seen - 1, self = std::max<int64_t>(seen - q.tokens, 0) + i;
          if (causal)
            last = std::min(last, self);
          int64_t first = window < 0 ? 0 : std::max<int64_t>(0, self - window);
          double top = -INFINITY, sum = 0;
          for (int64_t j = 0; j < total; ++j) {
            logits[j] = -INFINITY;
            if (j < first || j > last)
              continue;
            double dot = 0;
            const double *k = key(b, kv, j);
            for (int64_t c = 0; c < q.dim; ++c)
              dot += q.value.getFloat(q.at(b, h, i) + c) * k[c];
            dot *= scale;
            if (softcap != 0)
              dot = softcap * std::tanh(dot / softcap);
            if (mask) {
              int64_t at = maskAt({b, h, i, j});
              if (mask->isFloat())
                dot += mask->getFloat(at);
              else if (!mask->getInt(at))
                continue;
            }
            logits[j] = dot;
            top = std::fmax(top, dot);
          }
          if (top == -INFINITY) // nothing to see
            continue;
          for (int64_t j = 0; j < total; ++j)
            sum += logits[j] = std::exp(logits[j] - top);
          Scalar *to = &y[q.at(b, h, i) / q.dim * valueDim];
          for (int64_t j = 0; j < total; ++j)
            if (logits[j] != 0)
              for (int64_t c = 0; c < valueDim; ++c)
                to[c].f += logits[j] / sum * value(b, kv, j)[c];
        }
    return result;
  }
};

/// past ++ now as [B, H, P + S, d].
RefValue present(std::optional<RefValue> past, const Heads &now) {
  int64_t before = past ? past->getDim(2) : 0, total = before + now.tokens;
  RefValue result(now.value.getElementType(), {now.batch, now.heads, total, now.dim});
  std::vector<Scalar> &to = result.edit();
  for (int64_t b = 0; b < now.batch; ++b)
    for (int64_t h = 0; h < now.heads; ++h)
      for (int64_t t = 0; t < total; ++t)
        for (int64_t c = 0; c < now.dim; ++c)
          to[((b * now.heads + h) * total + t) * now.dim + c] =
              t < before ? (*past)[((b * now.heads + h) * before + t) * now.dim + c]
                         : now.value[now.at(b, h, t - before) + c];
  return result;
}

llvm::Error attention(Evaluator &e, ExplicitAttentionOp op) {
  RefValue query = e[op.getQuery()], key = e[op.getKey()], value = e[op.getValue()];
  Heads q(query, op.getHeadsFirst()), k(key, op.getHeadsFirst()), v(value, op.getHeadsFirst());
  auto optional = [&](mlir::Value x) { return x ? std::optional(e[x]) : std::nullopt; };
  RefValue keys = present(optional(op.getPastKey()), k), values = present(optional(op.getPastValue()), v);
  if (keys.getDim(2) != values.getDim(2) || k.batch != q.batch || v.batch != q.batch)
    return fail(op, "batch or length of query, keys and values differ");
  Attention a;
  a.readOptions(e, op);
  a.total = keys.getDim(2);
  a.kvHeads = k.heads;
  a.valueDim = v.dim;
  auto doubles = [](const RefValue &x) {
    std::vector<double> copy(x.size());
    for (int64_t i = 0; i < x.size(); ++i)
      copy[i] = x.getFloat(i);
    return copy;
  };
  std::vector<double> keyRows = doubles(keys), valueRows = doubles(values);
  a.key = [&](int64_t b, int64_t h, int64_t j) { return &keyRows[((b * k.heads + h) * a.total + j) * k.dim]; };
  a.value = [&](int64_t b, int64_t h, int64_t j) { return &valueRows[((b * v.heads + h) * a.total + j) * v.dim]; };
  Result output = a.run(op, q);
  if (!output)
    return output.takeError();
  e.set(op.getOutput(), *output);
  if (op.getPresentKey()) {
    e.set(op.getPresentKey(), keys);
    e.set(op.getPresentValue(), values);
  }
  return llvm::Error::success();
}

Result stateLength(Evaluator &e, StateLengthOp op) {
  return RefValue::index(op.getContext(), e[op.getState()].getState().entryLength);
}

Result append(Evaluator &e, AppendOp op) {
  RefValue result = e[op.getState()], input = e[op.getInput()];
  State &state = result.getState();
  Heads now(input, op.getHeadsFirst());
  int64_t past = e[op.getPast()].getInt(0);
  if (past < 0 || past > state.length)
    return fail(op, "appends behind " + Twine(past) + " tokens of a state that has " + Twine(state.length));
  if (past > 0 && state.batch != now.batch)
    return fail(op, "appends a batch of " + Twine(now.batch) + " to a state of " + Twine(state.batch));
  State longer;
  longer.type = state.type;
  longer.batch = now.batch;
  longer.length = past + now.tokens;
  longer.entryLength = state.entryLength;
  longer.data.resize(longer.batch * now.heads * longer.length * now.dim);
  for (int64_t b = 0; b < now.batch; ++b)
    for (int64_t h = 0; h < now.heads; ++h)
      for (int64_t t = 0; t < longer.length; ++t)
        for (int64_t c = 0; c < now.dim; ++c)
          longer.row(b, h, t)[c] = t < past ? state.row(b, h, t)[c] : input.getFloat(now.at(b, h, t - past) + c);
  state = std::move(longer);
  return result;
}

Result attend(Evaluator &e, AttendOp op) {
  RefValue query = e[op.getQuery()], keyState = e[op.getKeys()], valueState = e[op.getValues()];
  State &keys = keyState.getState(), &values = valueState.getState();
  Heads q(query, op.getHeadsFirst());
  Attention a;
  a.readOptions(e, op);
  a.total = e[op.getTotal()].getInt(0);
  if (a.total > keys.length || a.total > values.length)
    return fail(op, "attends to " + Twine(a.total) + " tokens; the states hold " + Twine(keys.length) + " and " +
                        Twine(values.length));
  if (a.total && (keys.batch != q.batch || values.batch != q.batch))
    return fail(op, "a batch of " + Twine(q.batch) + " attends to states of " + Twine(keys.batch));
  a.kvHeads = keys.type.getHeads();
  a.valueDim = values.type.getDim();
  a.key = [&](int64_t b, int64_t h, int64_t j) { return keys.row(b, h, j); };
  a.value = [&](int64_t b, int64_t h, int64_t j) { return values.row(b, h, j); };
  return a.run(op, q);
}

} // namespace

void reference::addAttentionHandlers(HandlerTable &table) {
  table.add(attention);
  table.add(stateLength);
  table.add(append);
  table.add(attend);
}
