// Bodies of linalg operations on lanes: one scalar operation of the IR becomes one scalar or vector operation.
#include "LinalgKernelEvaluator.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

/// Operations whose result is one of their operands, or that with another sign: exact in any type.
bool isExact(Operation *op) {
  return isa<arith::SelectOp, arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
             math::AbsFOp, math::CopySignOp, math::FloorOp, math::CeilOp, math::TruncOp>(op);
}

bool isIntegerDivision(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
             arith::FloorDivSIOp>(op);
}

bool isNonZeroConstant(const Lanes &l) {
  std::optional<int64_t> value = l.uniform() ? getConstantIntValue(l.value) : std::nullopt;
  return value && *value != 0;
}

} // namespace

TypedAttr Evaluator::laneAttribute(Attribute attr) const {
  if (auto number = dyn_cast<FloatAttr>(attr); number && isHalf(number.getType()))
    return p.b.getF32FloatAttr(static_cast<float>(number.getValueAsDouble()));
  if (auto number = dyn_cast<IntegerAttr>(attr); number && number.getType().isIndex())
    return IntegerAttr::get(p.b.getI64Type(), number.getInt());
  return cast<TypedAttr>(attr);
}

Value Evaluator::rounded(Value v, Type element) {
  if (!isHalf(element))
    return v;
  FloatKind kind = element.isF16() ? FloatKind::F16 : FloatKind::BF16;
  return p.widen(kind, p.narrow(kind, v));
}

Lanes Evaluator::emitSelect(Lanes condition, Lanes yes, Lanes no) {
  bool vector = !(condition.uniform() && yes.uniform() && no.uniform());
  Value y = vector ? materialize(yes) : yes.value, n = vector ? materialize(no) : no.value;
  return {p.b.createOrFold<arith::SelectOp>(p.loc, condition.value, y, n), 0, vector};
}

/// ceildiv and floordiv, which have no LLVM instruction.
Value Evaluator::expandIntegerDivision(Operation *op, ValueRange v) {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) -> Value {
    return arith::CmpIOp::create(p.b, p.loc, predicate, x, y);
  };
  Value zero = arith::ConstantOp::create(p.b, p.loc, p.b.getZeroAttr(v[0].getType()));
  if (isa<arith::CeilDivUIOp>(op)) {
    Value quotient = arith::DivUIOp::create(p.b, p.loc, v[0], v[1]);
    Value rest = arith::RemUIOp::create(p.b, p.loc, v[0], v[1]);
    Value inexact = compare(arith::CmpIPredicate::ne, rest, zero);
    return p.add(quotient, arith::ExtUIOp::create(p.b, p.loc, v[0].getType(), inexact));
  }
  // The truncated quotient moves by one where there is a rest and the signs say so.
  Value quotient = arith::DivSIOp::create(p.b, p.loc, v[0], v[1]);
  Value rest = arith::RemSIOp::create(p.b, p.loc, v[0], v[1]);
  Value inexact = compare(arith::CmpIPredicate::ne, rest, zero);
  bool ceil = isa<arith::CeilDivSIOp>(op);
  Value signs = compare(ceil ? arith::CmpIPredicate::sge : arith::CmpIPredicate::slt, p.bitXor(v[0], v[1]), zero);
  Value move = arith::ExtUIOp::create(p.b, p.loc, v[0].getType(), p.bitAnd(inexact, signs));
  return ceil ? p.add(quotient, move) : p.sub(quotient, move);
}

/// `op` on values of lane types: all scalars, or all vectors (a select's condition may stay scalar).
Value Evaluator::emitScalarOrVector(Operation *op, ValueRange operands, bool vector) {
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  Type source = getElementTypeOrSelf(op->getOperand(0).getType());
  Type result = shaped(laneType(element), vector);
  if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op))
    return expandIntegerDivision(op, operands);
  if (isa<arith::ExtFOp>(op) && isHalf(source)) // held as f32 already
    return element.isF64() ? Value(arith::ExtFOp::create(p.b, p.loc, result, operands[0])) : operands[0];
  if (isa<arith::TruncFOp>(op) && isHalf(element) && source.isF32())
    return rounded(operands[0], element);
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    Value x = operands[0];
    unsigned from = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
    unsigned to = getElementTypeOrSelf(result).getIntOrFloatBitWidth();
    if (from == to)
      return x;
    if (from > to)
      return arith::TruncIOp::create(p.b, p.loc, result, x);
    if (isa<arith::IndexCastUIOp>(op))
      return arith::ExtUIOp::create(p.b, p.loc, result, x);
    return arith::ExtSIOp::create(p.b, p.loc, result, x);
  }
  if (isa<arith::BitcastOp>(op) && (isHalf(source) || isHalf(element))) {
    FloatKind from = source.isF16() ? FloatKind::F16 : FloatKind::BF16;
    FloatKind to = element.isF16() ? FloatKind::F16 : FloatKind::BF16;
    Value bits = isHalf(source) ? p.narrow(from, operands[0]) : operands[0];
    return isHalf(element) ? p.widen(to, bits) : bits;
  }
  if (isa<math::MathDialect>(op->getDialect()) || isa<arith::RemFOp>(op)) {
    Value value = expandMath(p.b, p.loc, op, operands, p.target);
    return value && !isExact(op) ? rounded(value, element) : value;
  }
  Operation *copy = p.b.clone(*op);
  copy->setOperands(operands);
  copy->setLoc(p.loc);
  copy->getResult(0).setType(result);
  if (isa<FloatType>(element) && isHalf(element) && !isExact(op))
    return rounded(copy->getResult(0), element);
  return copy->getResult(0);
}

Lanes Evaluator::emit(Operation *op, ArrayRef<Lanes> operands, Frame *frame) {
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op))
    return {lanesConstant(laneAttribute(constantOp.getValue()), false)};
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return frame->iteration[index.getDim()];
  if (auto extract = dyn_cast<tensor::ExtractOp>(op))
    return emitExtract(extract, operands, frame);

  // Index arithmetic keeps the form base + lane * step.
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  if (laneType(element).isInteger(64)) {
    if (isa<arith::AddIOp>(op))
      return add(operands[0], operands[1]);
    if (isa<arith::SubIOp>(op))
      return sub(operands[0], operands[1]);
    if (isa<arith::MulIOp>(op))
      return mul(operands[0], operands[1]);
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op) &&
        laneType(getElementTypeOrSelf(op->getOperand(0).getType())).isInteger(64))
      return operands[0];
  }
  if (isa<arith::SelectOp>(op))
    return emitSelect(operands[0], operands[1], operands[2]);
  bool vector = llvm::any_of(operands, [](const Lanes &l) { return !l.uniform(); });
  Pieces::Values values;
  for (const Lanes &l : operands)
    values.push_back(vector ? materialize(l) : l.value);
  // An inactive lane, or the branch not taken, must not divide by its zero.
  if (isIntegerDivision(op) && width.mask && !isNonZeroConstant(operands[1])) {
    vector |= width.mask.vector;
    if (vector)
      for (auto [value, l] : llvm::zip(values, operands))
        value = materialize(l);
    Value one = lanesConstant(p.b.getIntegerAttr(getElementTypeOrSelf(values[1].getType()), 1), vector);
    Value mask = vector ? materialize(width.mask) : width.mask.value;
    values[1] = arith::SelectOp::create(p.b, p.loc, mask, values[1], one);
  }
  return {emitScalarOrVector(op, values, vector), 0, vector};
}

Lanes Evaluator::emitExtract(tensor::ExtractOp op, ArrayRef<Lanes> operands, Frame *frame) {
  Value tensor = op.getTensor();
  ArrayRef<Lanes> index = operands.drop_front();
  SmallVector<Bound> bounds;
  for (auto [d, x] : llvm::enumerate(index)) {
    Value n = size(tensor, d);
    // A loop index of a loop with this very size needs no check.
    bool safe = false;
    if (frame)
      for (auto [i, s] : llvm::zip(frame->iteration, frame->sizes))
        safe |= i.value == x.value && i.step == x.step &&
                (s == n || (getConstantIntValue(s) && getConstantIntValue(s) == getConstantIntValue(n)));
    if (!safe)
      bounds.push_back({x, n});
  }
  Type element = op.getType();
  if (bounds.empty())
    return evaluate(tensor, index);
  return guarded(tensor, index, bounds, element, [&] { return zero(element); });
}

Index Evaluator::iterationOf(linalg::LinalgOp op, unsigned result, ArrayRef<Lanes> index) {
  Index iteration(op.getNumLoops());
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  for (auto [expr, i] : llvm::zip(map.getResults(), index))
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      iteration[dim.getPosition()] = i;
  return iteration;
}

/// The block arguments that the body uses; accumulators of a reduction are set by the caller.
void Evaluator::loadOperands(Frame &frame, bool accumulators) {
  for (OpOperand &operand : frame.op->getOpOperands()) {
    BlockArgument argument = frame.op.getMatchingBlockArgument(&operand);
    if (argument.use_empty() || (!accumulators && frame.op.isDpsInit(&operand)))
      continue;
    if (!isa<ShapedType>(operand.get().getType())) {
      frame.values[argument] = scalar(operand.get());
      continue;
    }
    Index index;
    for (AffineExpr expr : frame.op.getMatchingIndexingMap(&operand).getResults())
      index.push_back(apply(expr, frame.iteration));
    frame.values[argument] = evaluate(operand.get(), index);
  }
}

Lanes Evaluator::valueIn(Frame &frame, Value v) {
  auto it = frame.values.find(v);
  return it != frame.values.end() ? it->second : scalar(v);
}

/// scf.if: both branches, each under its condition, then a choice.
void Evaluator::evaluateIf(Operation *op, Frame &frame) {
  auto ifOp = cast<scf::IfOp>(op);
  Lanes condition = valueIn(frame, ifOp.getCondition());
  Lanes outer = width.mask;
  auto branch = [&](Block *block, Lanes when) {
    width.mask = maskAnd(outer, when);
    runBlock(*block, frame);
    width.mask = outer;
    Index values;
    for (Value v : block->getTerminator()->getOperands())
      values.push_back(valueIn(frame, v));
    return values;
  };
  Value truth = condition.vector ? p.integer(1, 1, width.lanes) : p.integer(1, 1);
  Index yes = branch(ifOp.thenBlock(), condition);
  Index no = branch(ifOp.elseBlock(), {p.bitXor(condition.value, truth), 0, condition.vector});
  for (auto [result, y, n] : llvm::zip(ifOp.getResults(), yes, no))
    frame.values[result] = emitSelect(condition, y, n);
}

void Evaluator::runBlock(Block &block, Frame &frame) {
  for (Operation &op : block.without_terminator()) {
    if (isa<scf::IfOp>(op)) {
      evaluateIf(&op, frame);
      continue;
    }
    if (frame.values.count(op.getResult(0)))
      continue; // an accumulation that the caller computes
    Index operands;
    for (Value operand : op.getOperands())
      operands.push_back(isa<ShapedType>(operand.getType()) ? Lanes{} : valueIn(frame, operand));
    frame.values[op.getResult(0)] = emit(&op, operands, &frame);
  }
}

Lanes Evaluator::evaluateLinalg(linalg::LinalgOp op, unsigned result, ArrayRef<Lanes> index) {
  Value tensor = op->getResult(result);
  if (op.getNumReductionLoops()) {
    reduce(op, {Index(index)});
    return *find(tensor, index);
  }
  Frame frame{op, iterationOf(op, result, index), loopSizes(op)};
  loadOperands(frame, true);
  runBlock(*op.getBlock(), frame);
  // Results with the same map are here too.
  Operation *yield = op.getBlock()->getTerminator();
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    if (i != result && op.getMatchingIndexingMap(op.getDpsInitOperand(i)) == map)
      remember(op->getResult(i), index, valueIn(frame, yield->getOperand(i)));
  return valueIn(frame, yield->getOperand(result));
}

} // namespace hadron::kernels
