// Emitter of the rotary embedding: per token, runs of 16 angles; per run, all heads, so that cos and sin stay in
// registers.
#include "hadron/Kernels/Rotary.h"

#include "RowPieces.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// Byte offset of head 0 of token (batch, token), and the bytes between heads.
struct Place {
  Value base, headBytes;
  Place(Pieces &p, const RotarySpec &spec, RotarySpec::Layout layout, Value pointer, Value batch, Value token,
        Value length) {
    int64_t headSize = spec.headSize * byteSize(spec.type);
    if (layout == RotarySpec::Layout::BSHD) {
      headBytes = p.i64(headSize);
      base = p.at(pointer, p.mul(p.add(p.mul(batch, length), token), spec.heads * headSize));
    } else {
      headBytes = p.mul(length, headSize);
      base = p.at(pointer, p.mul(p.add(p.mul(p.mul(batch, spec.heads), length), token), headSize));
    }
  }
};

/// Lanes first, first + 2, … of a vector.
Value everySecond(Pieces &p, Value pairs, int64_t first) {
  SmallVector<int64_t> lanes;
  for (int64_t i = first; i < cast<VectorType>(pairs.getType()).getNumElements(); i += 2)
    lanes.push_back(i);
  return vector::ShuffleOp::create(p.b, p.loc, pairs, pairs, lanes);
}

Value interleave(Pieces &p, Value even, Value odd) {
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < kRowLanes; ++i)
    lanes.append({i, i + kRowLanes});
  return vector::ShuffleOp::create(p.b, p.loc, even, odd, lanes);
}

} // namespace

SmallVector<bool> rotarySlots(const RotarySpec &spec) {
  SmallVector<bool> slots(spec.positions ? 7 : 6, false);
  slots[0] = slots[1] = true;
  return slots;
}

Value rotaryWork(OpBuilder &builder, Location loc, ArrayRef<Value> slots) {
  return arith::MulIOp::create(builder, loc, slots[0], slots[1]);
}

LogicalResult emitRotary(Body &body, const RotarySpec &spec) {
  int64_t half = spec.dim() / 2, bytes = byteSize(spec.type);
  if (spec.dim() % 2 || spec.dim() < 2 || spec.dim() > spec.headSize || spec.heads < 1)
    return emitError(body.loc, "rotary embedding: cannot turn ")
           << spec.dim() << " numbers of heads of " << spec.headSize << ", " << spec.heads << " heads";
  Pieces p(body);
  Value length = body.slots[1];

  p.loop(body.begin, body.end, 1, [&](Value index) {
    Value batch = arith::DivUIOp::create(p.b, p.loc, index, length);
    Value token = p.sub(index, p.mul(batch, length));
    Place from(p, spec, spec.input, body.slots[2], batch, token, length);
    Place to(p, spec, spec.output, body.slots.back(), batch, token, length);

    Value tableRow = index;
    if (spec.positions) {
      tableRow = p.load(p.b.getI64Type(), p.at(body.slots[5], p.mul(index, 8)));
      if (spec.tableRows) { // unsigned: negative positions are large
        Value last = p.i64(*spec.tableRows - 1);
        tableRow = arith::MinUIOp::create(p.b, p.loc, tableRow, last);
      }
    }
    Value tableStart = p.mul(tableRow, half * byteSize(spec.tableType));

    sweepRow(p, half, [&](Value angle, int64_t valid) {
      Value entry = p.add(tableStart, p.mul(angle, byteSize(spec.tableType)));
      Value cosine = p.loadFloat(spec.tableType, p.at(body.slots[3], entry), kRowLanes, valid);
      Value sine = p.loadFloat(spec.tableType, p.at(body.slots[4], entry), kRowLanes, valid);
      p.loop(p.i64(0), p.i64(spec.heads), 1, [&](Value head) {
        Value x = p.at(from.base, p.mul(head, from.headBytes)), y = p.at(to.base, p.mul(head, to.headBytes));
        Value a, b, first = p.mul(angle, bytes * (spec.interleaved ? 2 : 1)), second = p.add(first, half * bytes);
        if (spec.interleaved) {
          Value pairs = p.loadFloat(spec.type, p.at(x, first), 2 * kRowLanes, 2 * valid);
          a = everySecond(p, pairs, 0);
          b = everySecond(p, pairs, 1);
        } else {
          a = p.loadFloat(spec.type, p.at(x, first), kRowLanes, valid);
          b = p.loadFloat(spec.type, p.at(x, second), kRowLanes, valid);
        }
        Value turnedA = p.subF(p.mulF(a, cosine), p.mulF(b, sine));
        Value turnedB = p.addF(p.mulF(b, cosine), p.mulF(a, sine));
        if (spec.interleaved) {
          p.storeFloat(spec.type, interleave(p, turnedA, turnedB), p.at(y, first), 2 * valid);
        } else {
          p.storeFloat(spec.type, turnedA, p.at(y, first), valid);
          p.storeFloat(spec.type, turnedB, p.at(y, second), valid);
        }
      });
    });
    if (int64_t rest = spec.headSize - spec.dim())
      p.loop(p.i64(0), p.i64(spec.heads), 1, [&](Value head) {
        Value x = p.at(from.base, p.mul(head, from.headBytes)), y = p.at(to.base, p.mul(head, to.headBytes));
        // Bits, not numbers: what is copied stays what it was.
        Type element = p.b.getIntegerType(8 * bytes);
        sweepRow(p, rest, [&](Value offset, int64_t valid) {
          Value at = p.mul(p.add(offset, spec.dim()), bytes);
          p.storeFirst(p.loadFirst(p.vector(element, kRowLanes), p.at(x, at), valid), p.at(y, at), valid);
        });
      });
  });
  return success();
}

} // namespace hadron::kernels
