// One work item is one row. A row is one lane of its tile: 16 numbers at a time are gathered, decoded, and stored.
#include "hadron/Kernels/Embedding.h"

#include "PackedTile.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

class Embedding {
public:
  Embedding(Body &body, const EmbeddingSpec &spec) : p(body), spec(spec), layout(spec.format, spec.K, spec.N) {}
  void emit(Body &body);

private:
  static constexpr int64_t kLanes = 16;
  Pieces p;
  const EmbeddingSpec &spec;
  WeightLayout layout;

  Value numbers(Value tile, Value lane, Value k, int64_t count);
  Value dense(Value tile, Value lane, Value k, int64_t count);
  Value codes(Value tile, Value lane, Value k, int64_t count);
};

Value Embedding::dense(Value tile, Value lane, Value k, int64_t count) {
  int64_t size = byteSize(spec.format.type);
  Type element = size == 4 ? Type(p.b.getF32Type()) : Type(p.b.getI16Type());
  Value from = p.at(tile, p.add(p.mul(k, layout.rowBytes()), p.mul(lane, size)));
  Value bits = arith::ConstantOp::create(p.b, p.loc, p.b.getZeroAttr(p.vector(element, kLanes)));
  for (int64_t i = 0; i < count; ++i)
    bits = vector::InsertOp::create(p.b, p.loc, p.load(element, p.at(from, i * layout.rowBytes())), bits, i);
  return p.widen(spec.format.type, bits);
}

/// Every lane gets its word, shifted by what its place in the word asks for.
Value Embedding::codes(Value tile, Value lane, Value k, int64_t count) {
  int64_t perWord = layout.codesPerWord();
  PackedTile packed{p, layout, tile};
  Value group = p.div(k, layout.group()), inGroup = p.div(p.rem(k, layout.group()), perWord);
  Value from = p.at(packed.codes(group), p.add(p.mul(inGroup, WeightLayout::kWordBytes), p.mul(lane, 4)));
  Value words = p.integer(0, 32, kLanes);
  SmallVector<int32_t> shifts;
  for (int64_t i = 0; i < kLanes; ++i)
    shifts.push_back(layout.bitOf(i % perWord));
  for (int64_t i = 0; i < count; i += perWord) {
    Value word = p.load(p.b.getI32Type(), p.at(from, i / perWord * WeightLayout::kWordBytes));
    words = vector::InsertStridedSliceOp::create(p.b, p.loc, p.broadcast(word, perWord), words, ArrayRef<int64_t>{i},
                                                 ArrayRef<int64_t>{1});
  }
  Value amounts =
      arith::ConstantOp::create(p.b, p.loc, DenseElementsAttr::get(p.ints(32, kLanes), ArrayRef<int32_t>(shifts)));
  Value codes = arith::ShRUIOp::create(p.b, p.loc, words, amounts);
  codes = p.bitAnd(codes, p.integer((1 << spec.format.bits) - 1, 32, kLanes));

  FloatKind type = spec.format.type;
  Value inRow = p.mul(lane, byteSize(type));
  Value scale = p.broadcast(p.loadFloat(type, p.at(packed.scales(group), inRow), 0), kLanes);
  Value zeros = packed.zeros(group);
  switch (spec.format.zero) {
  case ZeroPoint::Symmetric:
    return p.mulF(p.toF32(p.sub(codes, p.integer(layout.symmetricZero(), 32, kLanes))), scale);
  case ZeroPoint::U8: {
    Value zero = p.load(p.b.getIntegerType(8), p.at(zeros, lane));
    zero = arith::ExtUIOp::create(p.b, p.loc, p.b.getI32Type(), zero);
    return p.mulF(p.toF32(p.sub(codes, p.broadcast(zero, kLanes))), scale);
  }
  case ZeroPoint::Float: {
    Value zero = p.loadFloat(type, p.at(zeros, inRow), 0);
    return p.mulF(p.subF(p.toF32(codes), p.broadcast(zero, kLanes)), scale);
  }
  }
  llvm_unreachable("all zero points are handled");
}

Value Embedding::numbers(Value tile, Value lane, Value k, int64_t count) {
  return spec.format.isDense() ? dense(tile, lane, k, count) : codes(tile, lane, k, count);
}

void Embedding::emit(Body &body) {
  Value ids = body.slots[1], table = body.slots[2], y = body.slots[3];
  int64_t size = byteSize(spec.outputType), whole = spec.K / kLanes * kLanes;
  p.loop(body.begin, body.end, 1, [&](Value m) {
    Value id = p.load(p.b.getIntegerType(spec.idBits), p.at(ids, p.mul(m, spec.idBits / 8)));
    if (spec.idBits < 64)
      id = arith::ExtSIOp::create(p.b, p.loc, p.b.getI64Type(), id);
    Value fromEnd = arith::SelectOp::create(p.b, p.loc, p.less(id, p.i64(0)), p.add(id, spec.N), id);
    Value inside = arith::CmpIOp::create(p.b, p.loc, arith::CmpIPredicate::ult, fromEnd, p.i64(spec.N));
    Value to = p.at(y, p.mul(m, spec.K * size));
    auto row = [&](llvm::function_ref<Value(Value k, int64_t count)> numbers) {
      p.loop(p.i64(0), p.i64(whole), kLanes,
             [&](Value k) { p.storeFloat(spec.outputType, numbers(k, kLanes), p.at(to, p.mul(k, size))); });
      if (int64_t rest = spec.K - whole)
        p.storeFloat(spec.outputType, numbers(p.i64(whole), rest), p.at(to, whole * size), rest);
    };
    p.ifElse(
        inside,
        [&] {
          Value tile = p.at(table, p.mul(p.div(fromEnd, WeightLayout::kTile), layout.tileBytes()));
          Value lane = p.rem(fromEnd, WeightLayout::kTile);
          row([&](Value k, int64_t count) { return numbers(tile, lane, k, count); });
        },
        [&] { row([&](Value, int64_t) { return p.f32(0, kLanes); }); });
  });
}

} // namespace

SmallVector<bool> embeddingSlots(const EmbeddingSpec &) { return {true, false, false, false}; }

LogicalResult emitEmbedding(Body &body, const EmbeddingSpec &spec) {
  Embedding(body, spec).emit(body);
  return success();
}

Value embeddingWork(OpBuilder &, Location, const EmbeddingSpec &, ArrayRef<Value> slots) { return slots[0]; }

} // namespace hadron::kernels
