#include "RowPieces.h"

using namespace mlir;

namespace hadron::kernels {

Pieces::Values sweepRow(Pieces &p, int64_t width, Value init, llvm::function_ref<Value(Value, int64_t, Value)> body) {
  Pieces::Values sums{init, init};
  int64_t whole = width / (2 * kRowLanes) * (2 * kRowLanes);
  if (whole)
    sums = p.loop(p.i64(0), p.i64(whole), 2 * kRowLanes, sums, [&](Value offset, ValueRange state) {
      Value first = body(offset, kRowLanes, state[0]);
      return Pieces::Values{first, body(p.add(offset, kRowLanes), kRowLanes, state[1])};
    });
  for (int64_t offset = whole, i = 0; offset < width; offset += kRowLanes, ++i)
    sums[i] = body(p.i64(offset), std::min(kRowLanes, width - offset), sums[i]);
  return sums;
}

void sweepRow(Pieces &p, int64_t width, llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = width / kRowLanes * kRowLanes;
  if (whole)
    p.loop(p.i64(0), p.i64(whole), kRowLanes, [&](Value offset) { body(offset, kRowLanes); });
  if (whole < width)
    body(p.i64(whole), width - whole);
}

Value foldLanes(Pieces &p, Value vector, llvm::function_ref<Value(Value, Value)> combine) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (; lanes > 1; lanes /= 2)
    vector = combine(p.slice(vector, 0, lanes / 2), p.slice(vector, lanes / 2, lanes / 2));
  return mlir::vector::ExtractOp::create(p.b, p.loc, vector, ArrayRef<int64_t>{0});
}

Value zeroBeyond(Pieces &p, Value vector, int64_t valid) {
  auto type = cast<VectorType>(vector.getType());
  if (valid >= type.getNumElements())
    return vector;
  Value zero = arith::ConstantOp::create(p.b, p.loc, p.b.getZeroAttr(type));
  return arith::SelectOp::create(p.b, p.loc, p.mask(valid, type.getNumElements()), vector, zero);
}

Value absBits(Pieces &p, Value x) {
  auto type = dyn_cast<VectorType>(x.getType());
  int64_t lanes = type ? type.getNumElements() : 0;
  return p.bitAnd(p.bitcast(x, lanes ? Type(p.ints(32, lanes)) : Type(p.b.getI32Type())),
                  p.integer(0x7fffffff, 32, lanes));
}

} // namespace hadron::kernels
