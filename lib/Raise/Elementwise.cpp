// Functions of several elements, broadcast.
#include "Build.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include <limits>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

using BinaryBody = Value (*)(OpBuilder &, Location, Value, Value, bool isUnsigned);

SmallVector<Tensor> inputs(Raiser &r) {
  SmallVector<Tensor> tensors;
  for (unsigned i = 0; i < r.node.getInputs().size(); ++i)
    if (r.has(i))
      tensors.push_back(r.in(i));
  return tensors;
}

/// y = f(… f(f(x0, x1), x2) …)
template <BinaryBody body>
LogicalResult fold(Raiser &r) {
  SmallVector<Tensor> operands = inputs(r);
  if (operands.empty())
    return r.error("has no inputs");
  r.out(0, mapWide(r, operands, r.outDims(), r.outElement(), [&](OpBuilder &b, Location loc, ValueRange args) {
          Value result = args[0];
          for (Value next : args.drop_front())
            result = body(b, loc, result, next, operands[0].isUnsigned);
          return result;
        }));
  return success();
}

Value addition(OpBuilder &b, Location loc, Value x, Value y, bool) { return add(b, loc, x, y); }
Value product(OpBuilder &b, Location loc, Value x, Value y, bool) { return mul(b, loc, x, y); }
Value difference(OpBuilder &b, Location loc, Value x, Value y, bool) {
  if (isa<FloatType>(x.getType()))
    return arith::SubFOp::create(b, loc, x, y);
  return arith::SubIOp::create(b, loc, x, y);
}

/// A divisor for which the machine does not trap: what division by zero gives is not defined, that it returns is.
Value safeDivisor(OpBuilder &b, Location loc, Value y, bool isUnsigned, Value &isMinusOne) {
  APInt constant;
  if (matchPattern(y, m_ConstantInt(&constant)) && !constant.isZero() && (isUnsigned || !constant.isAllOnes()))
    return y;
  Type type = y.getType();
  Value one = number(b, loc, type, 1);
  Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, y, number(b, loc, type, 0));
  y = arith::SelectOp::create(b, loc, isZero, one, y);
  if (isUnsigned)
    return y;
  isMinusOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, y, number(b, loc, type, -1));
  return arith::SelectOp::create(b, loc, isMinusOne, one, y);
}

Value quotient(OpBuilder &b, Location loc, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return arith::DivFOp::create(b, loc, x, y);
  Value isMinusOne, divisor = safeDivisor(b, loc, y, isUnsigned, isMinusOne);
  if (isUnsigned)
    return arith::DivUIOp::create(b, loc, x, divisor);
  Value result = arith::DivSIOp::create(b, loc, x, divisor);
  if (!isMinusOne)
    return result;
  Value negated = arith::SubIOp::create(b, loc, number(b, loc, x.getType(), 0), x);
  return arith::SelectOp::create(b, loc, isMinusOne, negated, result);
}

/// The remainder has the divisor's sign, or the dividend's with fmod.
LogicalResult convertMod(Raiser &r) {
  bool truncated = r.node.getInt("fmod", 0);
  SmallVector<Tensor> operands = inputs(r);
  if (operands.size() != 2)
    return r.error("expected two inputs");
  if (operands[0].isFloat() && !truncated)
    return r.error("takes floating-point tensors with fmod = 1 alone");
  bool isUnsigned = operands[0].isUnsigned;
  r.out(0, mapWide(r, operands, r.outDims(), r.outElement(), [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          if (operands[0].isFloat())
            return arith::RemFOp::create(b, loc, a[0], a[1]);
          Value isMinusOne, divisor = safeDivisor(b, loc, a[1], isUnsigned, isMinusOne);
          if (isUnsigned)
            return arith::RemUIOp::create(b, loc, a[0], divisor);
          Value rest = arith::RemSIOp::create(b, loc, a[0], divisor);
          if (truncated)
            return rest;
          Value zero = number(b, loc, rest.getType(), 0);
          Value isRest = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, rest, zero);
          Value signs = arith::XOrIOp::create(b, loc, rest, divisor);
          Value differ = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, signs, zero);
          Value moved = arith::AddIOp::create(b, loc, rest, divisor);
          return arith::SelectOp::create(b, loc, arith::AndIOp::create(b, loc, isRest, differ), moved, rest);
        }));
  return success();
}

LogicalResult convertPow(Raiser &r) {
  Tensor base = r.in(0), exponent = r.in(1);
  std::optional<double> constant = r.getScalar(r.node.getInput(1));
  bool square = constant == 2.0;
  r.out(0, map(r, {base, exponent}, r.outDims(), base.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          Type type = base.isFloat() ? wide(base.element) : b.getF64Type();
          if (square && !base.isFloat())
            return mul(b, loc, a[0], a[0]);
          Value x = castScalar(b, loc, a[0], base.isUnsigned, type, false), result;
          if (square)
            result = mul(b, loc, x, x);
          else if (constant == 0.5)
            result = math::SqrtOp::create(b, loc, x);
          else if (constant == 1.0)
            result = x;
          else
            result = math::PowFOp::create(b, loc, x, castScalar(b, loc, a[1], exponent.isUnsigned, type, false));
          return castScalar(b, loc, result, false, base.element, base.isUnsigned);
        }));
  return success();
}

template <arith::CmpFPredicate floats, arith::CmpIPredicate integers, arith::CmpIPredicate unsignedIntegers>
LogicalResult compare(Raiser &r) {
  Tensor x = r.in(0), y = r.in(1);
  bool isUnsigned = x.isUnsigned || x.element.isInteger(1);
  r.out(0,
        mapWide(r, {x, y}, r.outDims(), r.builder.getI1Type(), [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          if (x.isFloat())
            return arith::CmpFOp::create(b, loc, floats, a[0], a[1]);
          return arith::CmpIOp::create(b, loc, isUnsigned ? unsignedIntegers : integers, a[0], a[1]);
        }));
  return success();
}
using F = arith::CmpFPredicate;
using I = arith::CmpIPredicate;

template <typename Op>
Value bitwise(OpBuilder &b, Location loc, Value x, Value y, bool) {
  return Op::create(b, loc, x, y);
}

LogicalResult convertBitShift(Raiser &r) {
  bool left = r.node.getString("direction", "") == "LEFT";
  Tensor x = r.in(0), y = r.in(1);
  int64_t bits = x.element.getIntOrFloatBitWidth();
  r.out(0, map(r, {x, y}, r.outDims(), x.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          Value zero = number(b, loc, x.element, 0);
          Value fits = arith::CmpIOp::create(b, loc, I::ult, a[1], number(b, loc, x.element, bits));
          Value by = arith::SelectOp::create(b, loc, fits, a[1], zero), shifted;
          if (left)
            shifted = arith::ShLIOp::create(b, loc, a[0], by);
          else
            shifted = arith::ShRUIOp::create(b, loc, a[0], by);
          return arith::SelectOp::create(b, loc, fits, shifted, zero);
        }));
  return success();
}

/// Of two activations of one shape the sum keeps a basis; everything else is arithmetic.
LogicalResult convertAdd(Raiser &r) {
  if (r.node.getInputs().size() == 2 && !r.inParam()) {
    Tensor x = r.in(0), y = r.in(1);
    bool plain = x.isFloat() && x.rank() > 1 && !x.splat && !y.splat && llvm::equal(x.dims, y.dims) &&
                 !r.isConstant(r.node.getInput(0)) && !r.isConstant(r.node.getInput(1));
    if (plain && x.value.getType() == y.value.getType()) {
      x.value = AddOp::create(r.builder, r.loc, x.value, y.value);
      r.out(0, x);
      return success();
    }
  }
  return fold<addition>(r);
}

LogicalResult convertMean(Raiser &r) {
  SmallVector<Tensor> operands = inputs(r);
  r.out(0, mapWide(r, operands, r.outDims(), r.outElement(), [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value sum = args[0];
          for (Value next : args.drop_front())
            sum = add(b, loc, sum, next);
          return arith::DivFOp::create(b, loc, sum, number(b, loc, sum.getType(), args.size()));
        }));
  return success();
}

LogicalResult convertWhere(Raiser &r) {
  r.out(0, map(r, {r.in(0), r.in(1), r.in(2)}, r.outDims(), r.outElement(),
               [](OpBuilder &b, Location loc, ValueRange a) -> Value {
                 return arith::SelectOp::create(b, loc, a[0], a[1], a[2]);
               }));
  return success();
}

LogicalResult convertPRelu(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, {x, r.in(1)}, r.outDims(), x.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          Value zero = number(b, loc, a[0].getType(), 0), isNegative;
          if (x.isFloat())
            isNegative = arith::CmpFOp::create(b, loc, F::OLT, a[0], zero);
          else
            isNegative = arith::CmpIOp::create(b, loc, x.isUnsigned ? I::ult : I::slt, a[0], zero);
          return arith::SelectOp::create(b, loc, isNegative, mul(b, loc, a[0], a[1]), a[0]);
        }));
  return success();
}

/// min(high, max(low, x)): high wins where they cross.
LogicalResult convertClip(Raiser &r) {
  Tensor x = r.in(0);
  SmallVector<Tensor> operands = {x};
  bool hasLow = r.has(1), hasHigh = r.has(2);
  if (r.node.getSinceVersion() < 11) {
    hasLow = static_cast<bool>(r.node.getAttribute("min"));
    hasHigh = static_cast<bool>(r.node.getAttribute("max"));
    if (hasLow)
      operands.push_back(splat(r, r.node.getFloat("min", 0), {}, x.element));
    if (hasHigh)
      operands.push_back(splat(r, r.node.getFloat("max", 0), {}, x.element));
  } else {
    for (unsigned i : {1, 2})
      if (r.has(i))
        operands.push_back(reshape(r, r.in(i), {}));
  }
  r.out(0, mapWide(r, operands, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) {
          Value result = args[0];
          unsigned next = 1;
          if (hasLow)
            result = maximum(b, loc, result, args[next++], x.isUnsigned);
          if (hasHigh)
            result = minimum(b, loc, result, args[next++], x.isUnsigned);
          return result;
        }));
  return success();
}

/// tanh GELU of x + bias.
LogicalResult convertFastGelu(Raiser &r) {
  SmallVector<Tensor> operands = inputs(r);
  r.out(0, mapWide(r, operands, r.outDims(), r.outElement(), [](OpBuilder &b, Location loc, ValueRange a) -> Value {
          Value x = a.size() > 1 ? add(b, loc, a[0], a[1]) : a[0];
          auto constant = [&](double value) { return number(b, loc, x.getType(), value); };
          Value cube = mul(b, loc, mul(b, loc, x, x), mul(b, loc, x, constant(0.044715)));
          Value inner = mul(b, loc, add(b, loc, x, cube), constant(0.79788456080286535588));
          Value outer = add(b, loc, math::TanhOp::create(b, loc, inner), constant(1));
          return mul(b, loc, mul(b, loc, x, constant(0.5)), outer);
        }));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Add", 7, kLatest, convertAdd, "", 2},
    {"", "And", 7, kLatest, fold<bitwise<arith::AndIOp>>, "", 2},
    {"", "BitShift", 11, kLatest, convertBitShift, "direction", 2},
    {"", "BitwiseAnd", 18, kLatest, fold<bitwise<arith::AndIOp>>, "", 2},
    {"", "BitwiseOr", 18, kLatest, fold<bitwise<arith::OrIOp>>, "", 2},
    {"", "BitwiseXor", 18, kLatest, fold<bitwise<arith::XOrIOp>>, "", 2},
    {"", "Clip", 6, kLatest, convertClip, "min max"},
    {"", "Div", 7, kLatest, fold<quotient>, "", 2},
    {"", "Equal", 7, kLatest, compare<F::OEQ, I::eq, I::eq>, "", 2},
    {"", "Greater", 7, kLatest, compare<F::OGT, I::sgt, I::ugt>, "", 2},
    {"", "GreaterOrEqual", 12, kLatest, compare<F::OGE, I::sge, I::uge>, "", 2},
    {"", "Less", 7, kLatest, compare<F::OLT, I::slt, I::ult>, "", 2},
    {"", "LessOrEqual", 12, kLatest, compare<F::OLE, I::sle, I::ule>, "", 2},
    {"", "Max", 6, kLatest, fold<maximum>, ""},
    {"", "Mean", 6, kLatest, convertMean, ""},
    {"", "Min", 6, kLatest, fold<minimum>, ""},
    {"", "Mod", 10, kLatest, convertMod, "fmod", 2},
    {"", "Mul", 7, kLatest, fold<product>, "", 2},
    {"", "Or", 7, kLatest, fold<bitwise<arith::OrIOp>>, "", 2},
    {"", "PRelu", 7, kLatest, convertPRelu, "", 2},
    {"", "Pow", 7, kLatest, convertPow, "", 2},
    {"", "Sub", 7, kLatest, fold<difference>, "", 2},
    {"", "Sum", 6, kLatest, fold<addition>, ""},
    {"", "Where", 9, kLatest, convertWhere, "", 3},
    {"", "Xor", 7, kLatest, fold<bitwise<arith::XOrIOp>>, "", 2},
    {kMicrosoft, "FastGelu", 0, kLatest, convertFastGelu, ""},
};

} // namespace

ArrayRef<OpRow> raising::elementwiseOps() { return rows; }
