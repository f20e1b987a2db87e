// What a tensor holds at a point: arguments, constants, and operations that move data.
#include "LinalgKernelEvaluator.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

bool allUniform(ArrayRef<Lanes> index) {
  return llvm::all_of(index, [](const Lanes &l) { return l.uniform(); });
}

Type elementOf(Value tensor) { return cast<ShapedType>(tensor.getType()).getElementType(); }

} // namespace

Lanes Evaluator::maskAnd(Lanes a, Lanes b) {
  if (!a)
    return b;
  if (!b)
    return a;
  if (!a.vector && !b.vector)
    return {p.bitAnd(a.value, b.value)};
  return {p.bitAnd(materialize(a), materialize(b)), 0, true};
}

Lanes Evaluator::guarded(Value tensor, ArrayRef<Lanes> index, ArrayRef<Bound> bounds, Type element,
                         llvm::function_ref<Lanes()> otherwise) {
  auto below = [&](Value x, Value n, bool vector) -> Value { // 0 <= x < n
    return p.b.createOrFold<arith::CmpIOp>(p.loc, arith::CmpIPredicate::ult, x, n);
  };
  // `scalar`: what holds for all lanes alike; `each`: lane by lane; `all`: every lane is inside; `some`: one may be.
  Value scalar = p.integer(1, 1), all = scalar, some = scalar;
  Lanes each;
  bool gather = false;
  for (const Bound &bound : bounds) {
    if (bound.x.uniform()) {
      scalar = p.bitAnd(scalar, below(bound.x.value, bound.size, false));
      continue;
    }
    each = maskAnd(each, {below(materialize(bound.x), p.broadcast(bound.size, width.lanes), true), 0, true});
    if (bound.x.vector) {
      gather = true;
      some = p.bitAnd(some, p.less(p.i64(0), bound.size));
      continue;
    }
    Value first = bound.x.value, last = p.add(first, (width.lanes - 1) * bound.x.step);
    if (bound.x.step < 0)
      std::swap(first, last);
    Value notBelow = p.less(p.i64(-1), first), notAbove = p.less(last, bound.size);
    all = p.bitAnd(all, p.bitAnd(notBelow, notAbove));
    some = p.bitAnd(some, p.bitAnd(p.less(first, bound.size), p.less(p.i64(-1), last)));
  }
  bool uniform = allUniform(index);
  auto plain = [&] { return evaluate(tensor, index); };
  if (!each)
    return choose(scalar, element, uniform, plain, otherwise);
  auto masked = [&]() -> Lanes {
    Lanes outer = width.mask;
    width.mask = maskAnd(outer, each);
    Value inside = materialize(evaluate(tensor, index));
    width.mask = outer;
    Value outside = materialize(otherwise());
    return {arith::SelectOp::create(p.b, p.loc, each.value, inside, outside), 0, true};
  };
  auto partly = [&] { return choose(p.bitAnd(scalar, some), element, uniform, masked, otherwise); };
  // Where masked loads are cheap, one branch serves; elsewhere whole vectors get their own.
  if (gather || p.target.avx512)
    return partly();
  return choose(p.bitAnd(scalar, all), element, uniform, plain, partly);
}

Lanes Evaluator::evaluateConcat(tensor::ConcatOp op, Index index) {
  int64_t dim = op.getDim();
  Type element = elementOf(op.getResult());
  // From the last input to the first: each is what its predecessor falls back to.
  SmallVector<Value> starts{p.i64(0)};
  for (Value input : op.getInputs())
    starts.push_back(p.add(starts.back(), size(input, dim)));
  Lanes x = index[dim];
  std::function<Lanes(unsigned)> from = [&](unsigned i) -> Lanes {
    if (i == op.getInputs().size())
      return zero(element);
    Index inner = index;
    inner[dim] = sub(x, {starts[i]});
    Value input = op.getInputs()[i];
    return guarded(input, inner, {Bound{inner[dim], size(input, dim)}}, element, [&] { return from(i + 1); });
  };
  return from(0);
}

Lanes Evaluator::evaluateExpand(tensor::ExpandShapeOp op, ArrayRef<Lanes> index) {
  Index source;
  for (ReassociationIndicesRef group : op.getReassociationIndices()) {
    Lanes flat = constant(0);
    for (int64_t d : group)
      flat = add(mul(flat, {size(op.getResult(), d)}), index[d]);
    source.push_back(flat);
  }
  return evaluate(op.getSrc(), source);
}

Lanes Evaluator::evaluateCollapse(tensor::CollapseShapeOp op, ArrayRef<Lanes> index) {
  // What is behind further reshapes: memory takes a flat index in its last dimension.
  Value base = op.getSrc();
  while (isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(base.getDefiningOp()))
    base = base.getDefiningOp()->getOperand(0);
  bool memory = isa<BlockArgument>(base);
  auto type = cast<RankedTensorType>(op.getSrc().getType());
  Index source(type.getRank(), constant(0));
  for (auto [group, flat] : llvm::zip(op.getReassociationIndices(), index)) {
    // A group with one dimension that is not 1 needs no division.
    SmallVector<int64_t> wide;
    for (int64_t d : group)
      if (type.getDimSize(d) != 1)
        wide.push_back(d);
    if (wide.size() <= 1 || memory) {
      if (!wide.empty())
        source[wide.back()] = flat;
      continue;
    }
    Lanes rest = flat;
    for (int64_t d : llvm::reverse(ArrayRef(wide).drop_front())) {
      Value n = size(op.getSrc(), d);
      if (rest.uniform()) {
        source[d] = {p.b.createOrFold<arith::RemUIOp>(p.loc, rest.value, n)};
        rest = {p.b.createOrFold<arith::DivUIOp>(p.loc, rest.value, n)};
        continue;
      }
      Value x = materialize(rest), y = materialize({n});
      source[d] = {arith::RemUIOp::create(p.b, p.loc, x, y), 0, true};
      rest = {arith::DivUIOp::create(p.b, p.loc, x, y), 0, true};
    }
    source[wide.front()] = rest;
  }
  return evaluate(op.getSrc(), source);
}

Lanes Evaluator::evaluate(Value tensor, ArrayRef<Lanes> index) {
  if (const Lanes *known = find(tensor, index))
    return *known;
  Lanes value;
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    SmallVector<Value> sizes;
    for (unsigned d = 0; d < index.size(); ++d)
      sizes.push_back(d ? size(tensor, d) : p.i64(0)); // the first is not needed
    value = load(slots[argument.getArgNumber()], elementOf(tensor), offsetOf(index, sizes));
  } else {
    value = evaluateOp(tensor.getDefiningOp(), cast<OpResult>(tensor).getResultNumber(), index);
  }
  remember(tensor, index, value);
  return value;
}

Lanes Evaluator::evaluateOp(Operation *op, unsigned result, ArrayRef<Lanes> index) {
  Type element = elementOf(op->getResult(result));
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return evaluateLinalg(linalgOp, result, index);
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    Attribute splat = cast<DenseElementsAttr>(constantOp.getValue()).getSplatValue<Attribute>();
    return {lanesConstant(laneAttribute(splat), false)};
  }
  if (isa<tensor::EmptyOp>(op))
    return zero(element);
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return scalar(splat.getInput());
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op))
    return scalar(elements.getElements().front());
  if (isa<tensor::CastOp>(op))
    return evaluate(op->getOperand(0), index);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return evaluateExpand(expand, index);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return evaluateCollapse(collapse, index);
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    return evaluateConcat(concat, Index(index));
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    Index source;
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    unsigned next = 0;
    for (unsigned d = 0; d < dropped.size(); ++d) {
      Lanes x = dropped.test(d) ? constant(0) : index[next++];
      source.push_back(add(mul(x, sizeOf(slice.getMixedStrides()[d])), sizeOf(slice.getMixedOffsets()[d])));
    }
    return evaluate(slice.getSource(), source);
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    // Strides are 1 here. Dimensions that the source lacks have size 1.
    Index source;
    SmallVector<Bound> bounds;
    llvm::SmallBitVector dropped = insert.getDroppedDims();
    for (unsigned d = 0; d < dropped.size(); ++d) {
      Lanes x = sub(index[d], sizeOf(insert.getMixedOffsets()[d]));
      bounds.push_back({x, sizeOf(insert.getMixedSizes()[d]).value});
      if (!dropped.test(d))
        source.push_back(x);
    }
    return guarded(insert.getSource(), source, bounds, element, [&] { return evaluate(insert.getDest(), index); });
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Index source;
    SmallVector<Bound> bounds;
    for (unsigned d = 0; d < index.size(); ++d) {
      source.push_back(sub(index[d], sizeOf(pad.getMixedLowPad()[d])));
      bounds.push_back({source.back(), size(pad.getSource(), d)});
    }
    return guarded(pad.getSource(), source, bounds, element, [&] { return scalar(pad.getConstantPaddingValue()); });
  }
  // arith and math on whole tensors.
  Index operands;
  for (Value operand : op->getOperands())
    operands.push_back(isa<ShapedType>(operand.getType()) ? evaluate(operand, index) : scalar(operand));
  return emit(op, operands, nullptr);
}

Lanes Evaluator::scalar(Value value) {
  if (const Lanes *known = find(value, {}))
    return *known;
  Lanes result;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    result = {slots[argument.getArgNumber()]};
  } else {
    Operation *op = value.getDefiningOp();
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      result = {size(dim.getSource(), *dim.getConstantIndex())};
    } else {
      Index operands;
      Width saved = std::exchange(width, Width{});
      for (Value operand : op->getOperands())
        operands.push_back(isa<ShapedType>(operand.getType()) ? Lanes{} : scalar(operand));
      result = emit(op, operands, nullptr);
      width = saved;
    }
  }
  remember(value, {}, result);
  return result;
}

} // namespace hadron::kernels
