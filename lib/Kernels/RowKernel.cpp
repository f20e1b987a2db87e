// Emitter of the row kernels: statistics of the row, then one walk of passes from the inputs to the outputs, then int8.
#include "hadron/Kernels/RowKernel.h"

#include "RowPieces.h"
#include "hadron/Kernels/MathFunctions.h"
#include "hadron/Kernels/Matmul.h"
#include <cmath>

using namespace mlir;

namespace hadron::kernels {

int64_t RowSpec::groups() const {
  return quantize && quantize->group ? (width + quantize->group - 1) / quantize->group : 1;
}

double RowSpec::finalScale() const {
  if (scale)
    return *scale;
  double product = 1;
  for (const Round &round : rounds)
    product /= std::sqrt(static_cast<double>(round.transform.size()));
  return product;
}

namespace {

/// The slots of a spec by name; null where the spec has none.
struct Slots {
  Value rows, x, u, residual, gain, bias, sum, output, q, scales, sums;
  SmallVector<std::pair<Value, Value>> signs; // per round: before, behind

  Slots(const RowSpec &spec, ArrayRef<Value> slots) {
    auto take = [&](bool present) -> Value {
      if (!present)
        return {};
      Value value = slots.front();
      slots = slots.drop_front();
      return value;
    };
    rows = take(true);
    x = take(true);
    u = take(spec.act == RowSpec::Act::SiLUMul);
    residual = take(spec.residual);
    gain = take(spec.gain.has_value());
    bias = take(spec.bias.has_value());
    for (const RowSpec::Round &round : spec.rounds) {
      Value before = take(round.signs);
      signs.emplace_back(before, take(round.signsAfter));
    }
    sum = take(spec.storeSum.has_value());
    output = take(spec.output.has_value());
    q = take(spec.quantize.has_value());
    scales = take(spec.quantize.has_value());
    sums = take(spec.quantize.has_value());
  }
};

class RowEmitter {
public:
  RowEmitter(Body &body, const RowSpec &spec)
      : p(body), spec(spec), slots(spec, body.slots), lanes(body.target.lanes()),
        registers(body.target.vectorRegisters) {}

  void emit(Value begin, Value end) {
    planPasses();
    // Statistics that need more than a plain f32 load leave s here; so do passes that do not fit the register file.
    sumInBuffer = spec.norm != RowSpec::Norm::None &&
                  (spec.residual || spec.act != RowSpec::Act::None || spec.input != FloatKind::F32);
    if (sumInBuffer || passes.size() > 1 || spec.quantize)
      buffer = p.stack((spec.width + 63) / 64 * 64 * 4);
    auto rows = [&] {
      p.loop(begin, end, 1, [&](Value index) {
        row = index;
        emitRow();
      });
    };
    if (!canStream())
      return rows();
    Value large = p.less(p.i64(kStreamedBytes / (4 * spec.width)), slots.rows);
    Value address = LLVM::PtrToIntOp::create(p.b, p.loc, p.b.getI64Type(), slots.output);
    Value aligned = p.equal(p.bitAnd(address, p.i64(63)), p.i64(0));
    p.ifElse(
        p.bitAnd(large, aligned),
        [&] {
          streams = true;
          rows();
          p.storeFence();
          streams = false;
        },
        rows);
  }

private:
  /// Transforms that are entry points of their own may have results that no cache holds. A plain store would then read
  /// each line before it writes it: a third more traffic.
  bool canStream() const {
    return !spec.rounds.empty() && spec.norm == RowSpec::Norm::None && spec.act == RowSpec::Act::None &&
           !spec.residual && !spec.storeSum && !spec.quantize && spec.output == FloatKind::F32 &&
           spec.width % 16 == 0 && passes.back().plan->passes[passes.back().index].lanes >= 4;
  }
  static constexpr int64_t kStreamedBytes = 32 << 20;

  // Steps of a row.
  void planPasses();
  void emitRow();
  void emitStatistics();
  Value source(Value offset, int64_t lanes, int64_t valid);
  void sink(Value value, Value offset, int64_t valid, MutableArrayRef<Value> maximum);
  void emitQuantization(Value maximum);
  void quantizeGroup(Value first, int64_t count, Value inverse, Value group);

  // Pieces of a step.
  Value input(Value base, FloatKind kind, Value offset, int64_t lanes, int64_t valid) {
    return p.loadFloat(kind, p.at(base, p.mul(offset, byteSize(kind))), lanes, valid);
  }
  Value rowOf(Value base, int64_t rowBytes) { return base ? p.at(base, p.mul(row, rowBytes)) : base; }
  Value rowOf(Value base, FloatKind kind) { return rowOf(base, spec.width * byteSize(kind)); }
  Value sum(Value offset, int64_t lanes, int64_t valid);
  Value applySigns(Value value, Value signs, Value offset, int64_t valid);
  Value scaleOf(Value maximum);
  Value inverseOf(Value maximum);

  Pieces p;
  const RowSpec &spec;
  Slots slots;
  int64_t lanes, registers;

  /// Passes of all rounds, with the signs that stand before and behind each.
  struct Pass {
    const ButterflyPlan *plan;
    size_t index;
    Value signs, signsAfter;
  };
  std::vector<ButterflyPlan> plans;
  std::vector<Pass> passes;
  bool sumInBuffer = false, streams = false;

  Value buffer;         // f32[D rounded up], on the stack
  Value row;            // index of the row
  Value x, u, residual; // its addresses
  Value sumOut, output;
  Value mean, factor; // f32; factor = 1 / sqrt(… + ε)
};

void RowEmitter::planPasses() {
  for (const RowSpec::Round &round : spec.rounds)
    plans.push_back(planButterfly(round.transform, spec.width, lanes, registers));
  if (plans.empty())
    plans.push_back(planCopy(spec.width, lanes, registers));
  for (auto [round, plan] : llvm::enumerate(plans))
    for (size_t index = 0; index < plan.passes.size(); ++index) {
      Pass pass{&plan, index, {}, {}};
      if (!spec.rounds.empty() && index == 0)
        pass.signs = slots.signs[round].first;
      if (!spec.rounds.empty() && index + 1 == plan.passes.size())
        pass.signsAfter = slots.signs[round].second;
      passes.push_back(pass);
    }
}

void RowEmitter::emitRow() {
  x = rowOf(slots.x, spec.input);
  u = rowOf(slots.u, spec.input);
  residual = rowOf(slots.residual, spec.input);
  if (spec.storeSum)
    sumOut = rowOf(slots.sum, *spec.storeSum);
  if (spec.output)
    output = rowOf(slots.output, *spec.output);
  if (spec.norm != RowSpec::Norm::None)
    emitStatistics();

  Pieces::Values maximum;
  for (size_t i = 0; i < passes.size(); ++i) {
    const Pass &pass = passes[i];
    bool first = i == 0, last = i + 1 == passes.size();
    if (last && spec.quantize)
      maximum.push_back(p.integer(0, 32, lanes));
    auto load = [&](Value offset, int64_t lanes, int64_t valid) {
      Value value = first ? source(offset, lanes, valid) : input(buffer, FloatKind::F32, offset, lanes, lanes);
      return pass.signs ? applySigns(value, pass.signs, offset, valid) : value;
    };
    auto store = [&](Value value, Value offset, int64_t valid, MutableArrayRef<Value> state) {
      if (pass.signsAfter)
        value = applySigns(value, pass.signsAfter, offset, valid);
      if (last)
        return sink(value, offset, valid, state);
      p.store(value, p.at(buffer, p.mul(offset, 4)));
    };
    maximum = emitButterflyPass(p, *pass.plan, pass.index, {load, store}, maximum);
  }
  if (spec.quantize)
    emitQuantization(foldLanes(p, maximum.front(), [&](Value a, Value b) { return maxBits(p, a, b); }));
}

/// s of one register, from the inputs.
Value RowEmitter::sum(Value offset, int64_t lanes, int64_t valid) {
  Value value = input(x, spec.input, offset, lanes, valid);
  if (u) {
    VectorMath math{p.b, p.loc, p.target};
    value = p.mulF(math.silu(value), input(u, spec.input, offset, lanes, valid));
  }
  if (residual)
    value = p.addF(value, input(residual, spec.input, offset, lanes, valid));
  return value;
}

/// mean and factor. Layer norm takes the mean first, then the squares of what is left: no cancellation.
void RowEmitter::emitStatistics() {
  Value zero = p.f32(0, kRowLanes), count = p.f32(static_cast<float>(spec.width));
  bool layer = spec.norm == RowSpec::Norm::Layer;
  auto total = [&](Pieces::Values sums) { return sumLanes(p, p.addF(sums[0], sums[1])); };
  auto sums = sweepRow(p, spec.width, zero, [&](Value offset, int64_t valid, Value accumulator) {
    Value s = sum(offset, kRowLanes, valid);
    if (sumInBuffer)
      p.store(s, p.at(buffer, p.mul(offset, 4)));
    return p.addF(accumulator, layer ? s : p.mulF(s, s));
  });
  if (layer) {
    mean = arith::DivFOp::create(p.b, p.loc, total(sums), count);
    sums = sweepRow(p, spec.width, zero, [&](Value offset, int64_t valid, Value accumulator) {
      Value s =
          sumInBuffer ? input(buffer, FloatKind::F32, offset, kRowLanes, kRowLanes) : sum(offset, kRowLanes, valid);
      Value centred = zeroBeyond(p, p.subF(s, p.broadcast(mean, kRowLanes)), valid);
      return p.addF(accumulator, p.mulF(centred, centred));
    });
  }
  Value square = arith::DivFOp::create(p.b, p.loc, total(sums), count);
  Value root = LLVM::SqrtOp::create(p.b, p.loc, p.addF(square, p.f32(static_cast<float>(spec.epsilon))));
  factor = arith::DivFOp::create(p.b, p.loc, p.f32(1), root);
}

/// What the first pass reads: v before the rounds. Lanes beyond `valid` are zero.
Value RowEmitter::source(Value offset, int64_t lanes, int64_t valid) {
  Value value = sumInBuffer ? input(buffer, FloatKind::F32, offset, lanes, lanes) : sum(offset, lanes, valid);
  if (sumOut)
    p.storeFloat(*spec.storeSum, value, p.at(sumOut, p.mul(offset, byteSize(*spec.storeSum))), valid);
  if (mean)
    value = p.subF(value, p.broadcast(mean, lanes));
  if (factor)
    value = p.mulF(value, p.broadcast(factor, lanes));
  if (spec.gain)
    value = p.mulF(value, input(slots.gain, *spec.gain, offset, lanes, valid));
  if (spec.bias)
    value = p.addF(value, input(slots.bias, *spec.bias, offset, lanes, valid));
  return mean ? zeroBeyond(p, value, valid) : value;
}

/// What becomes of the result of the last pass.
void RowEmitter::sink(Value value, Value offset, int64_t valid, MutableArrayRef<Value> maximum) {
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  if (double scale = spec.finalScale(); scale != 1)
    value = p.mulF(value, p.f32(static_cast<float>(scale), lanes));
  if (streams)
    p.storeStreaming(value, p.at(output, p.mul(offset, 4)));
  else if (output)
    p.storeFloat(*spec.output, value, p.at(output, p.mul(offset, byteSize(*spec.output))), valid);
  if (!spec.quantize)
    return;
  maximum[0] = maxBits(p, maximum[0], absBits(p, value));
  p.store(value, p.at(buffer, p.mul(offset, 4)));
}

/// Flips the sign bit of lane i where bit offset + i is set. Reads no byte beyond that of the last valid lane.
Value RowEmitter::applySigns(Value value, Value signs, Value offset, int64_t valid) {
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  Value address = p.at(signs, p.shiftRight(offset, 3));
  Value set;
  if (lanes == 16 && p.target.avx512) {
    Value word;
    if (valid > 8)
      word = p.load(p.b.getI16Type(), address, 1);
    else
      word = arith::ExtUIOp::create(p.b, p.loc, p.b.getI16Type(), p.load(p.b.getI8Type(), address));
    set = p.bitcast(p.broadcast(word, 1), p.ints(1, 16));
  } else {
    Value word = arith::ExtUIOp::create(p.b, p.loc, p.b.getI32Type(), p.load(p.b.getI8Type(), address));
    if (lanes < 8) {
      Value shift = p.bitAnd(offset, p.i64(7));
      word = arith::ShRUIOp::create(p.b, p.loc, word, arith::TruncIOp::create(p.b, p.loc, p.b.getI32Type(), shift));
    }
    SmallVector<int32_t> bits;
    for (int64_t i = 0; i < lanes; ++i)
      bits.push_back(1 << i);
    Value mine =
        arith::ConstantOp::create(p.b, p.loc, DenseElementsAttr::get(p.ints(32, lanes), ArrayRef<int32_t>(bits)));
    set = arith::CmpIOp::create(p.b, p.loc, arith::CmpIPredicate::eq, p.bitAnd(p.broadcast(word, lanes), mine), mine);
  }
  Value flip = arith::SelectOp::create(p.b, p.loc, set, p.integer(INT32_MIN, 32, lanes), p.integer(0, 32, lanes));
  return p.bitcast(p.bitXor(p.bitcast(value, p.ints(32, lanes)), flip), p.f32s(lanes));
}

/// Below this a row counts as zero: 127 / max would overflow.
constexpr float kSmallestMaximum = 0x1p-120f;

/// s = max / 127, 0 for a zero row. `maximum` is f32 bits (i32).
Value RowEmitter::scaleOf(Value maximum) {
  Value value = p.bitcast(maximum, p.b.getF32Type());
  Value zero = p.less(maximum, p.bitcast(p.f32(kSmallestMaximum), p.b.getI32Type()));
  Value scale = arith::DivFOp::create(p.b, p.loc, value, p.f32(127));
  return arith::SelectOp::create(p.b, p.loc, zero, p.f32(0), scale);
}

/// 127 / max, 0 for a zero row.
Value RowEmitter::inverseOf(Value maximum) {
  Value value = p.bitcast(maximum, p.b.getF32Type());
  Value zero = p.less(maximum, p.bitcast(p.f32(kSmallestMaximum), p.b.getI32Type()));
  Value inverse = arith::DivFOp::create(p.b, p.loc, p.f32(127), value);
  return arith::SelectOp::create(p.b, p.loc, zero, p.f32(0), inverse);
}

/// q, scales and sums of the row from the buffer.
void RowEmitter::emitQuantization(Value maximum) {
  int64_t size = spec.quantize->group ? spec.quantize->group : spec.width, groups = spec.groups();
  bool perGroup = spec.quantize->groupScales;
  Value inverse;
  if (!perGroup) {
    inverse = inverseOf(maximum);
    p.store(scaleOf(maximum), p.at(slots.scales, p.mul(row, 4)));
  }
  auto emitGroup = [&](Value group, int64_t count) {
    Value first = p.mul(group, size), index = p.add(p.mul(row, groups), group);
    if (perGroup) {
      auto both = sweepRow(p, count, p.integer(0, 32, kRowLanes), [&](Value offset, int64_t valid, Value accumulator) {
        Value value = input(buffer, FloatKind::F32, p.add(first, offset), kRowLanes, valid);
        return maxBits(p, accumulator, absBits(p, value));
      });
      Value greatest = foldLanes(p, maxBits(p, both[0], both[1]), [&](Value a, Value b) { return maxBits(p, a, b); });
      inverse = inverseOf(greatest);
      p.store(scaleOf(greatest), p.at(slots.scales, p.mul(index, 4)));
    }
    quantizeGroup(first, count, inverse, index);
  };
  int64_t whole = spec.width / size;
  p.loop(p.i64(0), p.i64(whole), 1, [&](Value group) { emitGroup(group, size); });
  if (int64_t rest = spec.width % size)
    emitGroup(p.i64(whole), rest);

  int64_t rowBytes = int8RowBytes(spec.width);
  if (int64_t padding = rowBytes - spec.width) {
    Value end = p.at(rowOf(slots.q, rowBytes), spec.width);
    for (int64_t done = 0, step = 32; done < padding; done += step) {
      while (step > padding - done)
        step /= 2;
      p.store(p.integer(0, 8, step), p.at(end, done));
    }
  }
}

/// `count` numbers from `first` on. Adding 1.5 · 2^23 leaves the number, rounded to nearest even, in the low bits of
/// the sum: its low byte is q, and the words add up to Σ q plus a known multiple.
void RowEmitter::quantizeGroup(Value first, int64_t count, Value inverse, Value group) {
  constexpr float kRound = 0x1.8p23f;
  Value factor = p.broadcast(inverse, kRowLanes);
  Value qRow = rowOf(slots.q, int8RowBytes(spec.width));
  auto both = sweepRow(p, count, p.integer(0, 32, kRowLanes), [&](Value offset, int64_t valid, Value accumulator) {
    Value from = p.add(first, offset);
    Value value = input(buffer, FloatKind::F32, from, kRowLanes, valid);
    Value rounded = p.addF(p.mulF(value, factor), p.f32(kRound, kRowLanes));
    Value words = p.bitcast(rounded, p.ints(32, kRowLanes));
    Value q = arith::TruncIOp::create(p.b, p.loc, p.ints(8, kRowLanes), words);
    p.storeFirst(q, p.at(qRow, from), valid);
    Value centred = p.sub(words, p.integer(0x4b400000, 32, kRowLanes));
    return p.add(accumulator, zeroBeyond(p, centred, valid));
  });
  Value total = foldLanes(p, p.add(both[0], both[1]), [&](Value a, Value b) { return p.add(a, b); });
  p.store(total, p.at(slots.sums, p.mul(group, 4)));
}

LogicalResult check(Body &body, const RowSpec &spec) {
  auto fail = [&](const Twine &message) { return emitError(body.loc, "row kernel: ") << message; };
  if (spec.width < 1)
    return fail("width must be positive");
  for (const RowSpec::Round &round : spec.rounds) {
    const HadamardTransform &t = round.transform;
    if (spec.width % t.size())
      return fail("blocks of " + Twine(t.size()) + " do not fill a row of " + Twine(spec.width));
    if (t.m != 1 && (t.m % 4 || !hadamardMatrix(t.m, t.table)))
      return fail("no Hadamard matrix '" + t.table + "' of order " + Twine(t.m));
  }
  if (spec.quantize && spec.quantize->group % kRowLanes)
    return fail("groups must be multiples of 16");
  if (!spec.output && !spec.quantize && !spec.storeSum)
    return fail("no output");
  return success();
}

} // namespace

SmallVector<bool> rowSlots(const RowSpec &spec) {
  size_t count =
      2 + (spec.act == RowSpec::Act::SiLUMul) + spec.residual + spec.gain.has_value() + spec.bias.has_value();
  for (const RowSpec::Round &round : spec.rounds)
    count += round.signs + round.signsAfter;
  count += spec.storeSum.has_value() + spec.output.has_value() + (spec.quantize ? 3 : 0);
  SmallVector<bool> slots(count, false);
  slots[0] = true;
  return slots;
}

LogicalResult emitRow(Body &body, const RowSpec &spec) {
  if (failed(check(body, spec)))
    return failure();
  RowEmitter(body, spec).emit(body.begin, body.end);
  return success();
}

Value rowWork(OpBuilder &, Location, ArrayRef<Value> slots) { return slots[0]; }

} // namespace hadron::kernels
