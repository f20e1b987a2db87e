// Rounding to integers, the exact remainder, and the table from math operations to their expansions.
#include "Expression.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// |x| rounded to an integer, ties to even, for targets without a rounding instruction. From 2^(mantissa bits) on,
/// every float is an integer.
Expr roundMagnitude(const Expr &a) {
  double magic = a.isDouble() ? 4503599627370496.0 : 8388608.0;
  return (a < magic).select((a + magic) - magic, a);
}

bool hasRounding(const cpu::Target &target) { return target.avx2; } // SSE4.1 and later

/// True if any lane of the i1 value holds.
Value anyLane(VectorMath &m, Value condition) {
  if (!isa<VectorType>(condition.getType()))
    return condition;
  return vector::ReductionOp::create(m.builder, m.loc, vector::CombiningKind::OR, condition);
}

/// base^exponent of integers by repeated squaring; a negative exponent gives 1 / base^|exponent| truncated.
Value integerPower(VectorMath &m, Value base, Value exponent) {
  OpBuilder &b = m.builder;
  Location loc = m.loc;
  Expr e(m, exponent), x(m, base);
  Expr zero = e.lit(0), one = x.lit(1);
  auto compare = [&](arith::CmpIPredicate predicate, Value l, Value r) {
    return Expr(m, arith::CmpIOp::create(b, loc, predicate, l, r));
  };
  Expr negative = compare(arith::CmpIPredicate::slt, e, zero);
  Expr start = negative.select(zero, e);
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange{x.type(), x.type(), e.type()}, ValueRange{one, x, start},
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(b, loc, anyLane(m, compare(arith::CmpIPredicate::ne, args[2], zero)), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Expr result(m, args[0]), power(m, args[1]), rest(m, args[2]);
        Expr odd = compare(arith::CmpIPredicate::ne, rest & rest.lit(1), zero);
        scf::YieldOp::create(b, loc, ValueRange{odd.select(result * power, result), power * power, rest >> 1});
      });
  // A negative exponent: ±1 stay, everything else is 0 (base 0 divides by zero; it gives 0 here).
  Expr result(m, loop.getResult(0));
  Expr isOne = compare(arith::CmpIPredicate::eq, x, one);
  Expr isMinusOne = compare(arith::CmpIPredicate::eq, x, x.lit(-1));
  Expr odd = compare(arith::CmpIPredicate::ne, e & e.lit(1), zero);
  Expr inverse = isOne.select(one, isMinusOne.select(odd.select(x.lit(-1), one), x.lit(0)));
  return negative.select(inverse, result);
}

/// The value of a constant exponent, if it is one (a scalar or a splat).
std::optional<double> constantExponent(Value v) {
  FloatAttr attr;
  if (matchPattern(v, m_Constant(&attr)))
    return attr.getValueAsDouble();
  SplatElementsAttr splat;
  if (matchPattern(v, m_Constant(&splat)))
    return splat.getSplatValue<APFloat>().convertToDouble();
  return std::nullopt;
}

Value expandPower(VectorMath &m, Value x, Value y) {
  if (std::optional<double> n = constantExponent(y)) {
    if (*n == std::floor(*n) && std::abs(*n) <= 16)
      return m.powi(x, static_cast<int>(*n));
    if (*n == 0.5) { // pow(-0, ½) is +0 and pow(-inf, ½) is +inf
      Expr e(m, x);
      return (e == -__builtin_inf()).select(e.lit(__builtin_inf()), e.sqrt() + 0.0);
    }
  }
  return m.pow(x, y);
}

using Unary = Value (VectorMath::*)(Value);
struct UnaryRow {
  StringRef name;
  Unary expand;
  bool takesDouble;
};
constexpr UnaryRow kUnary[] = {{"math.absf", &VectorMath::abs, true},
                               {"math.acos", &VectorMath::acos, false},
                               {"math.acosh", &VectorMath::acosh, false},
                               {"math.asin", &VectorMath::asin, false},
                               {"math.asinh", &VectorMath::asinh, false},
                               {"math.atan", &VectorMath::atan, false},
                               {"math.atanh", &VectorMath::atanh, false},
                               {"math.cbrt", &VectorMath::cbrt, false},
                               {"math.ceil", &VectorMath::ceil, true},
                               {"math.cos", &VectorMath::cos, true},
                               {"math.cosh", &VectorMath::cosh, false},
                               {"math.erf", &VectorMath::erf, false},
                               {"math.erfc", &VectorMath::erfc, false},
                               {"math.exp", &VectorMath::exp, true},
                               {"math.exp2", &VectorMath::exp2, false},
                               {"math.expm1", &VectorMath::expm1, false},
                               {"math.floor", &VectorMath::floor, true},
                               {"math.log", &VectorMath::log, true},
                               {"math.log10", &VectorMath::log10, false},
                               {"math.log1p", &VectorMath::log1p, false},
                               {"math.log2", &VectorMath::log2, false},
                               {"math.round", &VectorMath::roundAwayFromZero, true},
                               {"math.roundeven", &VectorMath::roundEven, true},
                               {"math.rsqrt", &VectorMath::rsqrt, true},
                               {"math.sin", &VectorMath::sin, true},
                               {"math.sinh", &VectorMath::sinh, false},
                               {"math.sqrt", &VectorMath::sqrt, true},
                               {"math.tan", &VectorMath::tan, false},
                               {"math.tanh", &VectorMath::tanh, false},
                               {"math.trunc", &VectorMath::trunc, true}};

const UnaryRow *findUnary(Operation *op) {
  auto *row = llvm::find_if(kUnary, [&](const UnaryRow &r) { return r.name == op->getName().getStringRef(); });
  return row == std::end(kUnary) ? nullptr : row;
}

/// Operations with two or three operands, or on integers.
Value expandOther(VectorMath &m, Operation *op, ValueRange v) {
  OpBuilder &b = m.builder;
  Location loc = m.loc;
  auto classify = [&](auto test) { return test(Expr(m, v[0])); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::PowFOp) { return expandPower(m, v[0], v[1]); })
      .Case([&](math::Atan2Op) { return m.atan2(v[0], v[1]); })
      .Case([&](math::CopySignOp) { return Expr(m, v[0]).copySign(Expr(m, v[1])); })
      .Case([&](math::FmaOp) { return m.mulAdd(v[0], v[1], v[2]); })
      .Case([&](math::ClampFOp) -> Value {
        Value low = arith::MaximumFOp::create(b, loc, v[0], v[1]);
        return arith::MinimumFOp::create(b, loc, low, v[2]);
      })
      .Case([&](math::IsNaNOp) { return classify([](const Expr &x) { return x.isNaN(); }); })
      .Case([&](math::IsInfOp) { return classify([](const Expr &x) { return x.abs() == __builtin_inf(); }); })
      .Case([&](math::IsFiniteOp) { return classify([](const Expr &x) { return x.abs() < __builtin_inf(); }); })
      .Case([&](math::IsNormalOp) {
        return classify([](const Expr &x) {
          Expr a = x.abs();
          return (a < __builtin_inf()) &
                 (a.lit(x.isDouble() ? 0x1p-1022 : 0x1p-126) < a | a == (x.isDouble() ? 0x1p-1022 : 0x1p-126));
        });
      })
      .Case([&](math::AbsIOp) -> Value {
        Expr x(m, v[0]);
        return arith::MaxSIOp::create(b, loc, x, x.lit(0) - x);
      })
      .Case([&](math::CtPopOp) -> Value { return LLVM::CtPopOp::create(b, loc, v[0].getType(), v[0]); })
      .Case([&](math::CountLeadingZerosOp) -> Value {
        return LLVM::CountLeadingZerosOp::create(b, loc, v[0].getType(), v[0], false);
      })
      .Case([&](math::CountTrailingZerosOp) -> Value {
        return LLVM::CountTrailingZerosOp::create(b, loc, v[0].getType(), v[0], false);
      })
      .Case([&](math::IPowIOp) { return integerPower(m, v[0], v[1]); })
      .Case([&](arith::RemFOp) { return m.remainder(v[0], v[1]); })
      .Default([](Operation *) { return Value(); });
}

} // namespace

Value VectorMath::roundEven(Value v) {
  if (hasRounding(target))
    return LLVM::RoundEvenOp::create(builder, loc, v);
  Expr x(*this, v);
  return roundMagnitude(x.abs()).copySign(x);
}

Value VectorMath::trunc(Value v) {
  if (hasRounding(target))
    return LLVM::FTruncOp::create(builder, loc, v);
  Expr x(*this, v), a = x.abs(), r = roundMagnitude(a);
  return (r > a).select(r - 1.0, r).copySign(x);
}

Value VectorMath::floor(Value v) {
  if (hasRounding(target))
    return LLVM::FFloorOp::create(builder, loc, v);
  Expr x(*this, v), r = roundMagnitude(x.abs()).copySign(x);
  return (r > x).select(r - 1.0, r).copySign(x);
}

Value VectorMath::ceil(Value v) {
  if (hasRounding(target))
    return LLVM::FCeilOp::create(builder, loc, v);
  Expr x(*this, v), r = roundMagnitude(x.abs()).copySign(x);
  return (r < x).select(r + 1.0, r).copySign(x);
}

Value VectorMath::roundAwayFromZero(Value v) {
  // Adding the float below ½ instead of ½ keeps the float below ½ itself from rounding up.
  Expr x(*this, v);
  Expr shifted = x.abs() + (x.isDouble() ? 0x1.fffffffffffffp-2 : 0x1.fffffep-2);
  return Expr(*this, trunc(shifted)).copySign(x);
}

Value VectorMath::remainder(Value xValue, Value yValue) {
  // Long division in f64. A quotient cut to 28 bits times the 24 bits of y is exact, and so is what is left of x; the
  // quotient is taken low, so x stays >= 0. A step takes 27 bits off x / y < 2^277.
  Expr x0(*this, xValue), y0(*this, yValue);
  Expr x = x0.abs().toF64(), y = y0.abs().toF64();
  auto loop = scf::WhileOp::create(
      builder, loc, TypeRange{x.type()}, ValueRange{x},
      [&](OpBuilder &, Location, ValueRange args) {
        Expr rest(*this, args[0]);
        scf::ConditionOp::create(builder, loc, anyLane(*this, rest.compare(arith::CmpFPredicate::OGE, y)), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Expr rest(*this, args[0]);
        Expr quotient = rest / y * 0x1.ffffffffffffep-1;
        Expr bits = quotient.bits();
        Expr cut = (bits & bits.lit(static_cast<double>(-(1LL << 25)))).asF64();
        cut = (cut < 0x1p27).select(Expr(*this, trunc(cut)), cut);
        // Lanes that are done take no step; a quotient that came out as 0 means that rest is y itself.
        Expr step = (cut < 1.0).select(cut.lit(1), cut);
        Expr next = rest - step * y;
        scf::YieldOp::create(builder, loc, Value(rest.compare(arith::CmpFPredicate::OGE, y).select(next, rest)));
      });
  Expr result = Expr(*this, loop.getResult(0)).toF32().copySign(x0);
  Expr undefined = (y == 0.0) | x0.isNaN() | y0.isNaN() | (x == __builtin_inf());
  return undefined.select(x0.lit(__builtin_nan("")), result);
}

bool canExpandMath(Operation *op, Type element) {
  if (const UnaryRow *row = findUnary(op))
    return element.isF32() || (row->takesDouble && element.isF64());
  if (isa<math::AbsIOp, math::CtPopOp, math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::IPowIOp>(op))
    return isa<IntegerType>(element);
  if (isa<math::CopySignOp, math::FmaOp, math::ClampFOp, math::IsNaNOp, math::IsInfOp, math::IsFiniteOp,
          math::IsNormalOp>(op))
    return element.isF32() || element.isF64();
  return isa<math::PowFOp, math::Atan2Op, arith::RemFOp>(op) && element.isF32();
}

Value expandMath(OpBuilder &builder, Location loc, Operation *op, ValueRange operands, const cpu::Target &target) {
  Type element = getElementTypeOrSelf(operands[0].getType());
  if (!canExpandMath(op, element)) {
    op->emitError("no expansion of ") << op->getName() << " for " << element;
    return {};
  }
  VectorMath math{builder, loc, target};
  if (const UnaryRow *row = findUnary(op))
    return (math.*row->expand)(operands[0]);
  return expandOther(math, op, operands);
}

} // namespace hadron::kernels
