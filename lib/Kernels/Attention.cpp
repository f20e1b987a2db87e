// Attention with an online softmax. A work item is a block of query rows of one KV head: rows are (query, head of the
// group), so heads that share keys share their loads. Keys are streamed once, a block at a time:
//   scores   rows × keys: dot products along d, one register of partial sums per pair, summed across by a tree of
//   shuffles
//            that leaves the scores of neighbouring keys in neighbouring lanes
//   softmax  per row: caps, masks, the new maximum, exp; the sum and the output so far are scaled by exp(old - new
//   maximum) values   output rows += weights × values, lanes along d, accumulators in registers for the whole key block
#include "hadron/Kernels/Attention.h"

#include "hadron/Kernels/MathFunctions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

constexpr int64_t kRows = 16; // of a work item, at most
constexpr int64_t kKeys = 64; // of a key block
constexpr float kMinusInfinity = -__builtin_inff();

/// Rows of a work item: whole groups of heads where that is possible.
int64_t itemRows(int64_t group) { return group <= kRows ? kRows / group * group : kRows; }

struct Attention {
  const AttentionSpec &spec;
  Pieces p;
  VectorMath math;
  int64_t lanes, group, rows;  // rows of an item
  int64_t padded, paddedValue; // d and the value dimension in whole registers
  int64_t tileRows;            // that share loads of keys and values
  Value batches, queries, keys, capacity, past, q, k, v, mask, lengths, out;
  // Scratch of one item, all f32: queries times scale, scores then weights, output rows, maximum and sum of each row.
  Value rowQ, scores, rowOut, rowMax, rowSum;
  // Of the item at hand.
  Value batch, head, firstRow, rowCount, length, firstPosition;

  Attention(const AttentionSpec &spec, Body &body)
      : spec(spec), p(body), math{body.builder, body.loc, body.target}, lanes(body.target.lanes()),
        group(spec.queryHeads / spec.kvHeads), rows(itemRows(group)), padded(llvm::alignTo(spec.headDim, lanes)),
        paddedValue(llvm::alignTo(spec.valueDim, lanes)) {
    // 4 sums per row are in registers; a decode step has the rows of one group.
    tileRows = group % 3 == 0 ? 3 : p.target.vectorRegisters == 16 ? 2 : group % 5 == 0 ? 5 : 4;
    ArrayRef<Value> slots = body.slots;
    batches = slots[0], queries = slots[1], keys = slots[2], capacity = slots[3], past = slots[4];
    q = slots[5], k = slots[6], v = slots[7];
    unsigned next = 8;
    if (spec.mask != AttentionMask::None)
      mask = slots[next++];
    if (spec.lengths)
      lengths = slots[next++];
    out = slots[next];
    rowQ = p.stack(kRows * padded * 4);
    scores = p.stack(kRows * kKeys * 4);
    rowOut = p.stack(kRows * paddedValue * 4);
    rowMax = p.stack(kRows * 4);
    rowSum = p.stack(kRows * 4);
  }

  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(p.b, p.loc, condition, x, y); }
  Value max(Value x, Value y) { return p.b.createOrFold<arith::MaxSIOp>(p.loc, x, y); }
  /// Element `row` * `stride` + `column` of f32 scratch.
  Value cell(Value scratch, Value row, int64_t stride, Value column) {
    return p.at(scratch, p.mul(p.add(p.mul(row, stride), column), 4));
  }

  /// Where row (query, head) of a tensor in `layout` begins.
  Value rowAddress(Value base, HeadLayout layout, FloatKind kind, Value query, Value head, int64_t size) {
    Value index = layout == HeadLayout::BSHD ? p.add(p.mul(p.add(p.mul(batch, queries), query), spec.queryHeads), head)
                                             : p.add(p.mul(p.add(p.mul(batch, spec.queryHeads), head), queries), query);
    return p.at(base, p.mul(index, size * byteSize(kind)));
  }
  Value cacheAddress(Value base, Value position, int64_t size) {
    Value index = p.add(p.mul(p.add(p.mul(batch, spec.kvHeads), head), capacity), position);
    return p.at(base, p.mul(index, size * byteSize(spec.cache)));
  }

  Value queryOf(Value row) { return p.div(p.add(firstRow, row), group); }
  Value headOf(Value row) { return p.add(p.mul(head, group), p.rem(p.add(firstRow, row), group)); }

  /// Registers of `size` elements: body(first element, valid lanes). Few of them unroll.
  void forRegisters(int64_t size, llvm::function_ref<void(Value column, int64_t valid)> body) {
    int64_t whole = size / lanes * lanes;
    if (whole <= 8 * lanes)
      for (int64_t c = 0; c < whole; c += lanes)
        body(p.i64(c), lanes);
    else
      p.loop(p.i64(0), p.i64(whole), lanes, [&](Value c) { body(c, lanes); });
    if (whole < size)
      body(p.i64(whole), size - whole);
  }

  Value loadRegister(FloatKind kind, Value row, Value column, int64_t valid) {
    return p.loadFloat(kind, p.at(row, p.mul(column, byteSize(kind))), lanes, valid);
  }

  /// Queries of the item, scaled, with zeros behind d; and a fresh softmax.
  void begin() {
    p.loop(p.i64(0), rowCount, 1, [&](Value row) {
      Value from = rowAddress(q, spec.queryLayout, spec.query, queryOf(row), headOf(row), spec.headDim);
      forRegisters(spec.headDim, [&](Value column, int64_t valid) {
        Value x = p.mulF(loadRegister(spec.query, from, column, valid), p.f32(spec.scale, lanes));
        p.store(x, cell(rowQ, row, padded, column));
      });
      forRegisters(paddedValue,
                   [&](Value column, int64_t) { p.store(p.f32(0, lanes), cell(rowOut, row, paddedValue, column)); });
      p.store(p.f32(kMinusInfinity), cell(rowMax, row, 1, p.i64(0)));
      p.store(p.f32(0), cell(rowSum, row, 1, p.i64(0)));
    });
  }

  /// One level of the tree: pairs (i, i + n/2) become one vector, whose segments are half as long.
  SmallVector<Value> sumPairs(ArrayRef<Value> x, int64_t segment) {
    SmallVector<Value> sums;
    SmallVector<int64_t> low, high;
    for (int64_t s = 0; s < lanes; s += segment)
      for (int64_t side : {int64_t(0), lanes})
        for (int64_t i = 0; i < segment / 2; ++i) {
          low.push_back(side + s + i);
          high.push_back(side + s + segment / 2 + i);
        }
    for (size_t i = 0; i < x.size() / 2; ++i) {
      Value y = x[i + x.size() / 2];
      sums.push_back(p.addF(vector::ShuffleOp::create(p.b, p.loc, x[i], y, low),
                            vector::ShuffleOp::create(p.b, p.loc, x[i], y, high)));
    }
    return sums;
  }

  /// Scores of `count` rows from `row` on with one register of keys from `first` (in the block) on. Keys behind `last`
  /// are read as `last`.
  void scoreRegister(Value row, int64_t count, Value blockStart, Value first, Value last) {
    // parts[r]: partly summed vectors of row r; quad i holds keys i, i + n/4, i + n/2, i + 3n/4.
    SmallVector<SmallVector<Value>> parts(count);
    int64_t quads = lanes / 4;
    for (int64_t quad = 0; quad < quads; ++quad) {
      SmallVector<Value> keyRows;
      for (int64_t i = 0; i < 4; ++i) {
        Value position = p.min(p.add(p.add(blockStart, first), quad + i * quads), last);
        keyRows.push_back(cacheAddress(k, position, spec.headDim));
      }
      auto step = [&](Value column, int64_t valid, ValueRange sums) {
        SmallVector<Value> keyParts, next;
        for (Value keyRow : keyRows)
          keyParts.push_back(loadRegister(spec.cache, keyRow, column, valid));
        for (int64_t r = 0; r < count; ++r) {
          Value x = p.load(p.f32s(lanes), cell(rowQ, p.add(row, r), padded, column));
          for (int64_t i = 0; i < 4; ++i)
            next.push_back(p.mulAdd(x, keyParts[i], sums[r * 4 + i]));
        }
        return next;
      };
      Pieces::Values sums(count * 4, p.f32(0, lanes));
      int64_t whole = spec.headDim / lanes * lanes;
      if (whole <= 8 * lanes)
        for (int64_t c = 0; c < whole; c += lanes)
          sums = step(p.i64(c), lanes, sums);
      else
        sums = p.loop(p.i64(0), p.i64(whole), lanes, sums,
                      [&](Value c, ValueRange state) { return step(c, lanes, state); });
      if (whole < spec.headDim)
        sums = step(p.i64(whole), spec.headDim - whole, sums);
      for (int64_t r = 0; r < count; ++r) {
        SmallVector<Value> four(ArrayRef<Value>(sums).slice(r * 4, 4));
        parts[r].push_back(sumPairs(sumPairs(four, lanes), lanes / 2)[0]);
      }
    }
    for (int64_t r = 0; r < count; ++r) {
      SmallVector<Value> x = parts[r];
      for (int64_t segment = lanes / 4; segment > 1; segment /= 2)
        x = sumPairs(x, segment);
      p.store(x[0], cell(scores, p.add(row, r), kKeys, first));
    }
  }

  /// `body(row, count)` over all rows, `count` at a time, then one at a time.
  void forRows(int64_t count, llvm::function_ref<void(Value row, int64_t count)> body) {
    Value cut = p.mul(p.div(rowCount, count), count);
    p.loop(p.i64(0), cut, count, [&](Value row) { body(row, count); });
    if (count > 1)
      p.loop(cut, rowCount, 1, [&](Value row) { body(row, 1); });
  }

  void scoreBlock(Value blockStart, Value count) {
    Value last = p.sub(p.add(blockStart, count), p.i64(1));
    forRows(tileRows, [&](Value row, int64_t rows) {
      p.loop(p.i64(0), count, lanes, [&](Value first) { scoreRegister(row, rows, blockStart, first, last); });
    });
  }

  /// The additive mask of lanes at `key`, or the condition of a boolean one.
  Value loadMask(Value maskRow, Value key) {
    FloatKind kind = spec.mask == AttentionMask::F16 ? FloatKind::F16 : FloatKind::F32;
    bool boolean = spec.mask == AttentionMask::Bool;
    int64_t bytes = boolean ? 1 : byteSize(kind);
    Value address = p.at(maskRow, p.mul(key, bytes));
    Type type = boolean ? p.ints(8, lanes) : kind == FloatKind::F32 ? p.f32s(lanes) : p.ints(16, lanes);
    Value left = p.sub(keys, key);
    Value bits = p.ifElse(
        p.less(p.i64(lanes - 1), left), TypeRange{type}, [&] { return Pieces::Values{p.load(type, address)}; },
        [&] { return Pieces::Values{p.loadMasked(cast<VectorType>(type), address, p.maskBelow(left, lanes))}; })[0];
    if (boolean)
      return arith::CmpIOp::create(p.b, p.loc, arith::CmpIPredicate::ne, bits, p.integer(0, 8, lanes));
    return p.widen(kind, bits);
  }

  Value maskRowAddress(Value query, Value queryHead) {
    Value index = spec.maskBatch ? batch : p.i64(0);
    index = spec.maskHead ? p.add(p.mul(index, spec.queryHeads), queryHead) : index;
    index = spec.maskQuery ? p.add(p.mul(index, queries), query) : index;
    int64_t bytes = spec.mask == AttentionMask::Bool ? 1 : spec.mask == AttentionMask::F16 ? 2 : 4;
    return p.at(mask, p.mul(p.mul(index, keys), bytes));
  }

  /// Keys [low, high) that a query sees, masks aside.
  std::pair<Value, Value> visible(Value query) {
    Value position = p.add(firstPosition, query), low = p.i64(0), high = length;
    if (spec.causal)
      high = p.min(high, p.add(position, 1));
    if (spec.window >= 0)
      low = max(low, p.add(position, 1 - spec.window));
    return {low, high};
  }

  void softmaxBlock(Value blockStart, Value count) {
    p.loop(p.i64(0), rowCount, 1, [&](Value row) {
      Value query = queryOf(row), maskRow;
      if (mask)
        maskRow = maskRowAddress(query, headOf(row));
      auto [low, high] = visible(query);
      Value none = p.f32(kMinusInfinity, lanes);
      // Final scores and their maximum.
      Value most = p.loop(p.i64(0), count, lanes, none, [&, low = low, high = high](Value first, ValueRange state) {
        Value at = cell(scores, row, kKeys, first), key = p.add(blockStart, first);
        Value s = p.load(p.f32s(lanes), at);
        if (spec.softcap != 0)
          s = p.mulF(math.tanh(p.mulF(s, p.f32(1 / spec.softcap, lanes))), p.f32(spec.softcap, lanes));
        if (mask && spec.mask != AttentionMask::Bool)
          s = p.addF(s, loadMask(maskRow, key));
        if (mask && spec.mask == AttentionMask::Bool)
          s = select(loadMask(maskRow, key), s, none);
        s = select(p.maskBelow(p.sub(high, key), lanes), s, none);
        if (spec.window >= 0)
          s = select(p.maskBelow(p.sub(low, key), lanes), none, s);
        p.store(s, at);
        Value greater = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::OGT, s, state[0]);
        return Pieces::Values{select(greater, s, state[0])};
      })[0];
      Value maxAt = cell(rowMax, row, 1, p.i64(0)), sumAt = cell(rowSum, row, 1, p.i64(0));
      Value before = p.load(p.b.getF32Type(), maxAt), blockMax = p.reduceMaxF(most);
      Value greater = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::OGT, blockMax, before);
      Value now = select(greater, blockMax, before);
      p.store(now, maxAt);
      // Without any key so far, exp(-inf - 0) = 0 is wanted and -inf - -inf is not.
      Value nothing = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::OEQ, now, p.f32(kMinusInfinity));
      Value base = select(nothing, p.f32(0), now), bases = p.broadcast(base, lanes);
      Value sums = p.loop(p.i64(0), count, lanes, p.f32(0, lanes), [&](Value first, ValueRange state) {
        Value at = cell(scores, row, kKeys, first);
        Value weight = math.exp(p.subF(p.load(p.f32s(lanes), at), bases));
        p.store(weight, at);
        return Pieces::Values{p.addF(state[0], weight)};
      })[0];
      Value factor = math.exp(p.subF(before, base));
      Value sum = p.mulAdd(p.load(p.b.getF32Type(), sumAt), factor, p.reduceAddF(sums));
      p.store(sum, sumAt);
      p.ifThen(greater, [&] {
        Value factors = p.broadcast(factor, lanes);
        forRegisters(paddedValue, [&](Value column, int64_t) {
          Value at = cell(rowOut, row, paddedValue, column);
          p.store(p.mulF(p.load(p.f32s(lanes), at), factors), at);
        });
      });
    });
  }

  /// Output rows [row, row + rows), registers [column, column + registers): += weights of the block × values.
  void valueTile(Value blockStart, Value count, Value row, int64_t rows, int64_t column, int64_t registers) {
    auto outAt = [&](int64_t r, int64_t c) {
      return cell(rowOut, p.add(row, r), paddedValue, p.i64((column + c) * lanes));
    };
    Pieces::Values sums;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < registers; ++c)
        sums.push_back(p.load(p.f32s(lanes), outAt(r, c)));
    sums = p.loop(p.i64(0), count, 1, sums, [&](Value key, ValueRange state) {
      Value valueRow = cacheAddress(v, p.add(blockStart, key), spec.valueDim);
      Pieces::Values values, next;
      for (int64_t c = 0; c < registers; ++c) {
        int64_t first = (column + c) * lanes;
        values.push_back(loadRegister(spec.cache, valueRow, p.i64(first), std::min(lanes, spec.valueDim - first)));
      }
      for (int64_t r = 0; r < rows; ++r) {
        Value weight = p.load(p.b.getF32Type(), cell(scores, p.add(row, r), kKeys, key));
        Value weights = p.broadcast(weight, lanes);
        for (int64_t c = 0; c < registers; ++c)
          next.push_back(p.mulAdd(weights, values[c], state[r * registers + c]));
      }
      return next;
    });
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < registers; ++c)
        p.store(sums[r * registers + c], outAt(r, c));
  }

  void valueBlock(Value blockStart, Value count) {
    int64_t all = paddedValue / lanes, most = p.target.vectorRegisters == 32 ? 16 : 8;
    forRows(tileRows, [&](Value row, int64_t rows) {
      for (int64_t c = 0; c < all; c += most / rows)
        valueTile(blockStart, count, row, rows, c, std::min(most / rows, all - c));
    });
  }

  void finish() {
    p.loop(p.i64(0), rowCount, 1, [&](Value row) {
      Value to = rowAddress(out, spec.outputLayout, spec.output, queryOf(row), headOf(row), spec.valueDim);
      Value sum = p.load(p.b.getF32Type(), cell(rowSum, row, 1, p.i64(0)));
      Value empty = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::OEQ, sum, p.f32(0));
      Value divisor = p.broadcast(select(empty, p.f32(1), sum), lanes);
      forRegisters(spec.valueDim, [&](Value column, int64_t valid) {
        Value x = p.load(p.f32s(lanes), cell(rowOut, row, paddedValue, column));
        Value y = arith::DivFOp::create(p.b, p.loc, x, divisor);
        p.storeFloat(spec.output, y, p.at(to, p.mul(column, byteSize(spec.output))), valid);
      });
    });
  }

  void item(Value index) {
    Value all = p.mul(queries, group), blocks = p.ceilDiv(all, rows);
    Value block = arith::RemUIOp::create(p.b, p.loc, index, blocks);
    Value outer = arith::DivUIOp::create(p.b, p.loc, index, blocks);
    head = p.rem(outer, spec.kvHeads);
    batch = p.div(outer, spec.kvHeads);
    firstRow = p.mul(block, rows);
    rowCount = p.min(p.i64(rows), p.sub(all, firstRow));
    length = keys;
    firstPosition = past;
    if (spec.lengths) {
      Value given = p.load(p.b.getI32Type(), p.at(lengths, p.mul(batch, 4)));
      given = arith::ExtSIOp::create(p.b, p.loc, p.b.getI64Type(), given);
      firstPosition = arith::MaxSIOp::create(p.b, p.loc, p.sub(given, queries), p.i64(0));
      length = p.min(keys, given);
    }
    begin();
    // Keys that some row sees.
    Value low = visible(queryOf(p.i64(0))).first;
    Value high = visible(queryOf(p.sub(rowCount, p.i64(1)))).second;
    Value start = p.mul(p.div(low, kKeys), kKeys);
    p.loop(start, high, kKeys, [&](Value blockStart) {
      Value count = p.min(p.i64(kKeys), p.sub(high, blockStart));
      scoreBlock(blockStart, count);
      softmaxBlock(blockStart, count);
      valueBlock(blockStart, count);
    });
    finish();
  }
};

} // namespace

SmallVector<bool> attentionSlots(const AttentionSpec &spec) {
  SmallVector<bool> slots(5, true);
  slots.append(4 + (spec.mask != AttentionMask::None) + spec.lengths, false);
  return slots;
}

LogicalResult emitAttention(const AttentionSpec &spec, Body &body) {
  bool sizes = spec.headDim >= 1 && spec.headDim <= 256 && spec.valueDim >= 1 && spec.valueDim <= 256;
  if (!sizes || spec.kvHeads < 1 || spec.queryHeads % spec.kvHeads != 0)
    return emitError(body.loc) << "attention: " << spec.queryHeads << " query heads, " << spec.kvHeads
                               << " key heads, dimensions " << spec.headDim << " and " << spec.valueDim
                               << ": query heads must be a multiple, dimensions 1 to 256";
  Attention attention(spec, body);
  attention.p.loop(body.begin, body.end, 1, [&](Value index) { attention.item(index); });
  return success();
}

Value emitAttentionWork(const AttentionSpec &spec, OpBuilder &builder, Location loc, ArrayRef<Value> slots) {
  Pieces p(builder, loc, cpu::allTargets().front());
  int64_t group = spec.queryHeads / spec.kvHeads;
  Value blocks = p.ceilDiv(p.mul(slots[1], group), itemRows(group));
  return p.mul(p.mul(slots[0], spec.kvHeads), blocks);
}

SmallVector<bool> appendSlots(const AppendSpec &spec) {
  SmallVector<bool> slots(4, true);
  slots.append(2 + spec.lengths, false);
  return slots;
}

LogicalResult emitAppend(const AppendSpec &spec, Body &body) {
  Pieces p(body);
  Value queries = body.slots[1], capacity = body.slots[2], past = body.slots[3], from = body.slots[4];
  Value to = body.slots.back();
  int64_t lanes = p.target.lanes(), whole = spec.headDim / lanes * lanes;
  // An item is one row of the cache: (batch, head, new position).
  p.loop(body.begin, body.end, 1, [&](Value item) {
    Value query = arith::RemUIOp::create(p.b, p.loc, item, queries);
    Value outer = arith::DivUIOp::create(p.b, p.loc, item, queries);
    Value head = p.rem(outer, spec.kvHeads), batch = p.div(outer, spec.kvHeads), first = past;
    if (spec.lengths) {
      Value given = p.load(p.b.getI32Type(), p.at(body.slots[5], p.mul(batch, 4)));
      given = arith::ExtSIOp::create(p.b, p.loc, p.b.getI64Type(), given);
      first = arith::MaxSIOp::create(p.b, p.loc, p.sub(given, queries), p.i64(0));
    }
    Value row =
        spec.layout == HeadLayout::BHSD ? item : p.add(p.mul(p.add(p.mul(batch, queries), query), spec.kvHeads), head);
    Value source = p.at(from, p.mul(row, spec.headDim * byteSize(spec.source)));
    Value cacheRow = p.add(p.mul(outer, capacity), p.add(first, query));
    Value target = p.at(to, p.mul(cacheRow, spec.headDim * byteSize(spec.cache)));
    auto copy = [&](Value column, int64_t valid) {
      Value x = p.loadFloat(spec.source, p.at(source, p.mul(column, byteSize(spec.source))), lanes, valid);
      p.storeFloat(spec.cache, x, p.at(target, p.mul(column, byteSize(spec.cache))), valid);
    };
    p.loop(p.i64(0), p.i64(whole), lanes, [&](Value column) { copy(column, lanes); });
    if (whole < spec.headDim)
      copy(p.i64(whole), spec.headDim - whole);
  });
  return success();
}

Value emitAppendWork(const AppendSpec &spec, OpBuilder &builder, Location loc, ArrayRef<Value> slots) {
  Pieces p(builder, loc, cpu::allTargets().front());
  return p.mul(p.mul(slots[0], spec.kvHeads), slots[1]);
}

} // namespace hadron::kernels
