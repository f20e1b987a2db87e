// Softmax over the last axis: t = scale · x + mask and its maximum; e = exp(t − max) and its sum; e / sum, or
// (t − max) − log(sum).
#include "hadron/Kernels/MathFunctions.h"
#include "hadron/Kernels/RowKernel.h"

#include "RowPieces.h"
#include <limits>

using namespace mlir;

namespace hadron::kernels {

SmallVector<bool> softmaxSlots(const SoftmaxSpec &spec) {
  SmallVector<bool> slots(spec.mask ? 4 : 3, false);
  slots[0] = true;
  return slots;
}

LogicalResult emitSoftmax(Body &body, const SoftmaxSpec &spec) {
  if (spec.width < 1)
    return emitError(body.loc, "softmax: width must be positive");
  Pieces p(body);
  VectorMath math{p.b, p.loc, p.target};
  Value buffer = p.stack((spec.width + 63) / 64 * 64 * 4);
  Value lowest = p.f32(-std::numeric_limits<float>::infinity(), kRowLanes);
  // NaN never becomes the maximum; it comes back through the sum.
  auto greater = [&](Value x, Value y) -> Value {
    Value above = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::OGT, x, y);
    return arith::SelectOp::create(p.b, p.loc, above, x, y);
  };
  auto read = [&](Value base, FloatKind kind, Value row, Value offset, int64_t valid) {
    Value index = p.add(p.mul(row, spec.width), offset);
    return p.loadFloat(kind, p.at(base, p.mul(index, byteSize(kind))), kRowLanes, valid);
  };
  auto kept = [&](Value offset) { return p.at(buffer, p.mul(offset, 4)); };
  Value x = body.slots[1], y = body.slots.back();

  p.loop(body.begin, body.end, 1, [&](Value row) {
    auto maxima = sweepRow(p, spec.width, lowest, [&](Value offset, int64_t valid, Value greatest) {
      Value t = read(x, spec.input, row, offset, valid);
      if (spec.scale != 1)
        t = p.mulF(t, p.f32(static_cast<float>(spec.scale), kRowLanes));
      if (spec.mask)
        t = p.addF(t, read(body.slots[2], *spec.mask, row, offset, valid));
      if (valid < kRowLanes)
        t = arith::SelectOp::create(p.b, p.loc, p.mask(valid, kRowLanes), t, lowest);
      p.store(t, kept(offset));
      return greater(t, greatest);
    });
    Value greatest = p.broadcast(foldLanes(p, greater(maxima[0], maxima[1]), greater), kRowLanes);

    auto sums = sweepRow(p, spec.width, p.f32(0, kRowLanes), [&](Value offset, int64_t valid, Value sum) {
      Value below = p.subF(p.load(p.f32s(kRowLanes), kept(offset)), greatest);
      Value e = math.exp(below);
      p.store(spec.log ? below : e, kept(offset));
      return p.addF(sum, zeroBeyond(p, e, valid));
    });
    Value sum = sumLanes(p, p.addF(sums[0], sums[1]));
    Value last = spec.log ? math.log(sum) : arith::DivFOp::create(p.b, p.loc, p.f32(1), sum).getResult();
    Value lasts = p.broadcast(last, kRowLanes);
    sweepRow(p, spec.width, [&](Value offset, int64_t valid) {
      Value value = p.load(p.f32s(kRowLanes), kept(offset));
      value = spec.log ? p.subF(value, lasts) : p.mulF(value, lasts);
      Value index = p.add(p.mul(row, spec.width), offset);
      p.storeFloat(spec.output, value, p.at(y, p.mul(index, byteSize(spec.output))), valid);
    });
  });
  return success();
}

} // namespace hadron::kernels
