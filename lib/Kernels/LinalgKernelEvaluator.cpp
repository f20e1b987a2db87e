// Lanes, memory, loops and the memo of the evaluator of linalg kernels.
#include "LinalgKernelEvaluator.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

bool same(const Lanes &a, const Lanes &b) {
  if (a.step != b.step || a.vector != b.vector)
    return false;
  if (a.value == b.value)
    return true;
  std::optional<int64_t> x = getConstantIntValue(a.value);
  return x && x == getConstantIntValue(b.value);
}

bool allUniform(ArrayRef<Lanes> index) {
  return llvm::all_of(index, [](const Lanes &l) { return l.uniform(); });
}

int64_t byteSizeOf(Type memory) { return std::max<int64_t>(1, memory.getIntOrFloatBitWidth() / 8); }

} // namespace

Evaluator::Evaluator(func::FuncOp kernel, OpBuilder &builder, Location loc, const cpu::Target &target,
                     ArrayRef<Value> slots)
    : p(builder, loc, target), kernel(kernel), slots(slots) {
  for (auto [argument, slot] : llvm::zip(kernel.getArguments(), slots))
    if (argument.getType().isIndex())
      indexSlots.push_back(slot);
  scopes.emplace_back();
}

// Sizes.

Value Evaluator::parseSize(Attribute text) {
  StringRef s = cast<StringAttr>(text).getValue();
  int64_t number;
  if (s.consume_front("s") && !s.getAsInteger(10, number))
    return indexSlots[number];
  s.getAsInteger(10, number);
  return p.i64(number);
}

Value Evaluator::resultSize(unsigned result, int64_t dim) {
  auto type = cast<RankedTensorType>(kernel.getResultTypes()[result]);
  if (!type.isDynamicDim(dim))
    return p.i64(type.getDimSize(dim));
  return parseSize(kernel.getResultAttrOfType<ArrayAttr>(result, "hadron.shape")[dim]);
}

Lanes Evaluator::sizeOf(OpFoldResult value) {
  if (auto attr = dyn_cast<Attribute>(value))
    return constant(cast<IntegerAttr>(attr).getInt());
  return scalar(cast<Value>(value));
}

Value Evaluator::size(Value tensor, int64_t dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dim))
    return p.i64(type.getDimSize(dim));
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return parseSize(kernel.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "hadron.shape")[dim]);
  Operation *op = tensor.getDefiningOp();
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return size(linalgOp.getDpsInits()[cast<OpResult>(tensor).getResultNumber()], dim);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return size(cast.getSource(), dim);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    // Dimension `dim` of the result is the dim-th one that is not dropped.
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (unsigned i = 0; i < dropped.size(); ++i)
      if (!dropped.test(i) && dim-- == 0)
        return sizeOf(slice.getMixedSizes()[i]).value;
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return size(insert.getDest(), dim);
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    if (static_cast<int64_t>(concat.getDim()) != dim)
      return size(concat.getInputs().front(), dim);
    Value sum = p.i64(0);
    for (Value input : concat.getInputs())
      sum = p.add(sum, size(input, dim));
    return sum;
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op))
    return p.add(p.add(size(pad.getSource(), dim), sizeOf(pad.getMixedLowPad()[dim]).value),
                 sizeOf(pad.getMixedHighPad()[dim]).value);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Value product = p.i64(1);
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
    for (int64_t d : groups[dim])
      product = p.mul(product, size(collapse.getSrc(), d));
    return product;
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return sizeOf(expand.getMixedOutputShape()[dim]).value;
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return sizeOf(empty.getMixedSizes()[dim]).value;
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return scalar(splat.getDynamicSizes()[type.getDynamicDimIndex(dim)]).value;
  return size(op->getOperand(0), dim); // elementwise on tensors
}

SmallVector<Value> Evaluator::loopSizes(linalg::LinalgOp op) {
  SmallVector<Value> sizes(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type)
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (Value &s = sizes[dim.getPosition()]; !s || !type.isDynamicDim(i))
          s = size(operand.get(), i);
  }
  return sizes;
}

// Lanes.

Type Evaluator::laneType(Type element) const {
  if (element.isF16() || element.isBF16())
    return p.b.getF32Type();
  return element.isIndex() ? p.b.getI64Type() : element;
}

Type Evaluator::shaped(Type element, bool vector) const {
  return vector ? Type(p.vector(element, width.lanes)) : element;
}

Value Evaluator::lanesConstant(TypedAttr scalar, bool vector) {
  if (vector)
    scalar = DenseElementsAttr::get(p.vector(scalar.getType(), width.lanes), Attribute(scalar));
  return arith::ConstantOp::create(p.b, p.loc, scalar);
}

Lanes Evaluator::zero(Type element) {
  return {lanesConstant(cast<TypedAttr>(p.b.getZeroAttr(laneType(element))), false)};
}

Value Evaluator::materialize(Lanes v) {
  if (v.vector || width.lanes == 1)
    return v.value;
  Attribute attr;
  if (matchPattern(v.value, m_Constant(&attr)) && v.uniform())
    return lanesConstant(cast<TypedAttr>(attr), true);
  Value splat = p.broadcast(v.value, width.lanes);
  if (!v.step)
    return splat;
  SmallVector<int64_t> numbers;
  for (int64_t i = 0; i < width.lanes; ++i)
    numbers.push_back(i * v.step);
  auto iota = DenseElementsAttr::get(p.ints(64, width.lanes), ArrayRef<int64_t>(numbers));
  return p.add(splat, arith::ConstantOp::create(p.b, p.loc, iota));
}

Lanes Evaluator::add(Lanes a, Lanes b) {
  if (a.vector || b.vector)
    return {p.add(materialize(a), materialize(b)), 0, true};
  return {p.add(a.value, b.value), a.step + b.step};
}

Lanes Evaluator::sub(Lanes a, Lanes b) {
  if (a.vector || b.vector)
    return {p.sub(materialize(a), materialize(b)), 0, true};
  return {p.sub(a.value, b.value), a.step - b.step};
}

Lanes Evaluator::mul(Lanes a, Lanes b) {
  if (a.uniform() && b.uniform())
    return {p.mul(a.value, b.value)};
  if (a.uniform())
    std::swap(a, b);
  std::optional<int64_t> factor = b.uniform() ? getConstantIntValue(b.value) : std::nullopt;
  if (!a.vector && factor)
    return {p.mul(a.value, b.value), a.step * *factor};
  return {p.mul(materialize(a), materialize(b)), 0, true};
}

Lanes Evaluator::apply(AffineExpr expr, ArrayRef<Lanes> dims) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return constant(number.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Lanes l = apply(binary.getLHS(), dims), r = apply(binary.getRHS(), dims);
  if (!l || !r)
    return {};
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(l, r);
  case AffineExprKind::Mul:
    return mul(l, r);
  default:
    break;
  }
  // floordiv, ceildiv and mod of indices, which are not negative.
  bool vector = !l.uniform();
  Value x = vector ? materialize(l) : l.value, y = vector ? materialize(r) : r.value;
  if (binary.getKind() == AffineExprKind::Mod)
    return {p.b.createOrFold<arith::RemUIOp>(p.loc, x, y), 0, vector};
  if (binary.getKind() == AffineExprKind::CeilDiv)
    x = p.sub(p.add(x, y), vector ? p.integer(1, 64, width.lanes) : p.i64(1));
  return {p.b.createOrFold<arith::DivUIOp>(p.loc, x, y), 0, vector};
}

// Memory.

Type Evaluator::memoryType(Type element) const {
  if (element.isF16() || element.isBF16())
    return p.b.getI16Type();
  if (element.isInteger(1))
    return p.b.getI8Type();
  return laneType(element);
}

namespace {
FloatKind kindOf(Type element) { return element.isF16() ? FloatKind::F16 : FloatKind::BF16; }
} // namespace

Value Evaluator::fromMemory(Value v, Type element) {
  if (element.isF16() || element.isBF16())
    return p.widen(kindOf(element), v);
  if (!element.isInteger(1))
    return v;
  auto type = dyn_cast<VectorType>(v.getType());
  Value none = p.integer(0, 8, type ? type.getNumElements() : 0);
  return arith::CmpIOp::create(p.b, p.loc, arith::CmpIPredicate::ne, v, none);
}

Value Evaluator::toMemory(Value v, Type element) {
  if (element.isF16() || element.isBF16())
    return p.narrow(kindOf(element), v);
  if (!element.isInteger(1))
    return v;
  return arith::ExtUIOp::create(p.b, p.loc, shaped(p.b.getI8Type(), isa<VectorType>(v.getType())), v);
}

Lanes Evaluator::offsetOf(ArrayRef<Lanes> index, ArrayRef<Value> sizes) {
  Lanes offset = constant(0);
  for (auto [i, n] : llvm::zip(index, sizes))
    offset = add(mul(offset, {n}), i);
  return offset;
}

Lanes Evaluator::loadEach(Value address, Type element, Lanes offset) {
  Type memory = memoryType(element);
  Value offsets = materialize(offset);
  if (width.mask) // inactive lanes read element 0
    offsets = arith::SelectOp::create(p.b, p.loc, materialize(width.mask), offsets, p.integer(0, 64, width.lanes));
  Value all = arith::ConstantOp::create(p.b, p.loc, p.b.getZeroAttr(p.vector(memory, width.lanes)));
  for (int64_t i = 0; i < width.lanes; ++i) {
    Value at = vector::ExtractOp::create(p.b, p.loc, offsets, i);
    Value one = p.load(memory, p.at(address, p.mul(at, byteSizeOf(memory))));
    all = vector::InsertOp::create(p.b, p.loc, one, all, i);
  }
  return {fromMemory(all, element), 0, true};
}

Lanes Evaluator::load(Value address, Type element, Lanes offset) {
  Type memory = memoryType(element);
  int64_t bytes = byteSizeOf(memory);
  if (!offset.uniform() && (offset.vector || offset.step != 1))
    return loadEach(address, element, offset);
  auto at = [&] { return p.at(address, p.mul(offset.value, bytes)); };
  bool vector = !offset.uniform();
  if (!vector) {
    // Some lane is active under a mask of lanes; a scalar condition may be false.
    if (width.mask && width.mask.uniform())
      return choose(
          width.mask.value, element, true, [&] { return Lanes{fromMemory(p.load(memory, at()), element)}; },
          [&] { return zero(element); });
    return {fromMemory(p.load(memory, at()), element)};
  }
  VectorType type = p.vector(memory, width.lanes);
  if (width.mask)
    return {fromMemory(p.loadMasked(type, at(), materialize(width.mask)), element), 0, true};
  return {fromMemory(p.load(type, at()), element), 0, true};
}

void Evaluator::store(Lanes value, Value address, Type element, ArrayRef<Lanes> index, ArrayRef<Value> sizes) {
  Lanes offset = offsetOf(index, sizes);
  Value at = p.at(address, p.mul(offset.value, byteSizeOf(memoryType(element))));
  Value bits = toMemory(offset.uniform() ? value.value : materialize(value), element);
  if (!offset.uniform() && width.mask)
    p.storeMasked(bits, at, materialize(width.mask));
  else
    p.store(bits, at);
}

// Memo.

const Lanes *Evaluator::find(Value tensor, ArrayRef<Lanes> index) const {
  // A mask of lanes does not matter to a scalar, a scalar condition does; what was computed under none serves all.
  bool uniform = allUniform(index);
  for (auto &scope : llvm::reverse(scopes)) {
    auto it = scope.find(tensor);
    if (it == scope.end())
      continue;
    for (const Entry &e : it->second) {
      bool unmasked = !e.mask || (uniform && e.mask.vector);
      if ((unmasked || e.mask.value == width.mask.value) && (uniform || e.lanes == width.lanes) &&
          llvm::equal(e.index, index, same))
        return &e.value;
    }
  }
  return nullptr;
}

void Evaluator::remember(Value tensor, ArrayRef<Lanes> index, Lanes value) {
  scopes.back()[tensor].push_back({tensor, Index(index), width.lanes, width.mask, value});
}

void Evaluator::scoped(llvm::function_ref<void()> body) {
  scopes.emplace_back();
  Width saved = width;
  body();
  width = saved;
  scopes.pop_back();
}

Lanes Evaluator::choose(Value condition, Type element, bool uniform, llvm::function_ref<Lanes()> then,
                        llvm::function_ref<Lanes()> otherwise) {
  bool vector = !uniform && width.lanes > 1;
  auto branch = [&](llvm::function_ref<Lanes()> build) {
    Pieces::Values values;
    scoped([&] {
      Lanes v = build();
      values.push_back(vector ? materialize(v) : v.value);
    });
    return values;
  };
  if (std::optional<int64_t> known = getConstantIntValue(condition)) {
    Lanes v = *known ? then() : otherwise();
    return vector ? Lanes{materialize(v), 0, true} : v;
  }
  Pieces::Values result = p.ifElse(
      condition, TypeRange{shaped(laneType(element), vector)}, [&] { return branch(then); },
      [&] { return branch(otherwise); });
  return {result[0], 0, vector};
}

// Loops.

void Evaluator::forEach(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
  p.loop(begin, end, step, [&](Value i) { scoped([&] { body(i); }); });
}

void Evaluator::forLanes(Value begin, Value end, int64_t lanes, llvm::function_ref<void(Lanes i)> body) {
  int64_t native = p.target.lanes();
  struct Segment {
    int64_t step;
    bool masked;
  };
  SmallVector<Segment> segments{{lanes, false}};
  if (p.target.avx512)
    segments.push_back({std::min(native, lanes), true});
  else if (lanes > native)
    segments.push_back({native, false});
  if (!p.target.avx512)
    segments.push_back({1, false});

  std::optional<int64_t> first = getConstantIntValue(begin), last = getConstantIntValue(end), left;
  if (first && last)
    left = *last - *first;
  Value from = begin;
  for (auto [step, masked] : segments) {
    if (left && (*left == 0 || (!masked && *left < step)))
      continue;
    bool rest = masked || step == 1;
    Value to = rest ? end : p.add(begin, p.mul(p.div(p.sub(end, begin), step), step));
    if (left)
      left = rest ? 0 : *left % step;
    forEach(from, to, step, [&, step = step, masked = masked](Value i) {
      width.lanes = step;
      width.mask = masked ? Lanes{p.maskBelow(p.sub(end, i), step), 0, true} : Lanes{};
      body({i, step > 1 ? 1 : 0});
    });
    from = to;
  }
}

} // namespace hadron::kernels
