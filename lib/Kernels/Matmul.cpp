// Slots, work items and the end of a product; the choice between few and many rows.
#include "MatmulBody.h"
#include "hadron/Kernels/MathFunctions.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace hadron::kernels {

MatmulBlocks::MatmulBlocks(const MatmulSpec &spec) {
  WeightLayout layout(spec.format, spec.K, spec.N);
  tiles = layout.tiles();
  // A work item costs some hundred ns of bookkeeping and the first misses of its stream: 64 KB of weights hide that.
  constexpr int64_t kItemBytes = 64 << 10;
  directTiles =
      std::clamp<int64_t>(kItemBytes / (layout.tileBytes() * spec.weights()), 1, std::max<int64_t>(1, tiles / 4));
  // Rows are copied once per item, so that more tiles are better; 16 items or more keep threads busy.
  panelTiles = std::clamp<int64_t>(llvm::alignTo(llvm::divideCeil(tiles, 16), 2), 2, spec.weights() == 2 ? 4 : 8);
}

MatmulBody::MatmulBody(Body &body, const MatmulSpec &spec)
    : p(body), spec(spec), layout(spec.format, spec.K, spec.N), blocks(spec), begin(body.begin), end(body.end) {
  const Value *slot = body.slots.begin();
  m = *slot++;
  x = *slot++;
  if (int8())
    scales = *slot++, sums = *slot++;
  for (int i = 0; i < spec.weights(); ++i)
    weights.push_back(*slot++);
  if (spec.bias)
    for (int i = 0; i < spec.weights(); ++i)
      biases.push_back(*slot++);
  if (spec.residual)
    residual = *slot++;
  y = *slot++;
  assert(slot == body.slots.end() && "every slot was taken");
}

SmallVector<bool> matmulSlots(const MatmulSpec &spec) {
  int pointers =
      (spec.activation == Activation::Float ? 1 : 3) + spec.weights() * (spec.bias ? 2 : 1) + spec.residual + 1;
  SmallVector<bool> slots(pointers + 1, false);
  slots[0] = true;
  return slots;
}

Value matmulWork(OpBuilder &builder, Location loc, const MatmulSpec &spec, ArrayRef<Value> slots) {
  Pieces p(builder, loc, cpu::target(cpu::ISA::X86_64));
  MatmulBlocks blocks(spec);
  Value m = slots[0];
  Value direct = arith::SelectOp::create(builder, loc, p.less(m, p.i64(1)), p.i64(0), p.i64(blocks.directItems()));
  Value panel = p.mul(p.ceilDiv(m, MatmulBlocks::kPanelRows), blocks.panelItems());
  return arith::SelectOp::create(builder, loc, p.less(m, p.i64(MatmulBlocks::kDirectRows + 1)), direct, panel);
}

LogicalResult emitMatmul(Body &body, const MatmulSpec &spec) {
  if (spec.activation != Activation::Float && spec.format.isDense())
    return emitError(body.loc, "int8 activations need a weight format with integer codes, not ") << spec.format.str();
  MatmulBody matmul(body, spec);
  Pieces &p = matmul.p;
  p.ifElse(
      p.less(matmul.m, p.i64(MatmulBlocks::kDirectRows + 1)), [&] { emitMatmulDirect(matmul); },
      [&] { emitMatmulPanel(matmul); });
  return success();
}

Value MatmulBody::scaleVector(Value tileAddress, Value group) {
  Value address = packed(tileAddress).scales(group);
  return p.loadFloat(spec.format.type, address, kTile, -1, layout.scaleRowBytes());
}

Value MatmulBody::zeroVector(Value tileAddress, Value group) {
  Value address = packed(tileAddress).zeros(group);
  if (spec.format.zero == ZeroPoint::Float)
    return p.loadFloat(spec.format.type, address, kTile, -1, layout.zeroRowBytes());
  return arith::ExtUIOp::create(p.b, p.loc, p.ints(32, kTile), p.load(p.ints(8, kTile), address, kTile));
}

void MatmulBody::finish(Value row, Value tile, ArrayRef<Value> products) {
  // The last tile may be partial; how many lanes it has is known here, so that no mask is computed.
  int64_t rest = spec.N % kTile;
  Value last = rest ? p.equal(tile, p.i64(blocks.tiles - 1)) : Value();
  auto lanes = [&](FloatKind kind, Value address) -> Value {
    auto part = [&](int64_t valid) { return Pieces::Values{p.loadFloat(kind, address, kTile, valid)}; };
    if (!rest)
      return part(-1)[0];
    return p.ifElse(last, TypeRange{p.f32s(kTile)}, [&] { return part(rest); }, [&] { return part(-1); })[0];
  };
  Value column = p.mul(tile, kTile);
  auto element = [&](Value base) {
    return p.at(base, p.mul(p.add(p.mul(row, spec.N), column), byteSize(spec.outputType)));
  };

  Pieces::Values values(products);
  if (spec.bias)
    for (auto [value, bias] : llvm::zip(values, biases))
      value = p.addF(value, lanes(FloatKind::F32, p.at(bias, p.mul(column, 4))));
  VectorMath math{p.b, p.loc, p.target};
  Value result = values[0];
  switch (spec.epilogue) {
  case Epilogue::None:
    break;
  case Epilogue::ReLU:
    result = arith::MaximumFOp::create(p.b, p.loc, result, p.f32(0, kTile));
    break;
  case Epilogue::SiLU:
    result = math.silu(result);
    break;
  case Epilogue::GELU:
    result = math.gelu(result);
    break;
  case Epilogue::GELUTanh:
    result = math.geluTanh(result);
    break;
  case Epilogue::SiLUMul:
    result = p.mulF(math.silu(result), values[1]);
    break;
  }
  if (spec.residual)
    result = p.addF(result, lanes(spec.outputType, element(residual)));
  Value bits = p.narrow(spec.outputType, result), to = element(y);
  if (rest)
    p.ifElse(last, [&] { p.storeFirst(bits, to, rest); }, [&] { p.store(bits, to); });
  else
    p.store(bits, to);
}

} // namespace hadron::kernels
