// Elementary functions of f32. Polynomials were fitted by interpolation at Chebyshev nodes with 60 digits; each is
// written with its interval and the error of the fit, which is small next to the 2^-24 of one rounding.
#include "hadron/Kernels/MathFunctions.h"

#include "DoubleFunctions.h"
#include "Expression.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

constexpr double kInfinity = __builtin_inf();
constexpr double kPi = 3.14159265358979323846;

/// x rounded to the nearest integer, ties to even, for |x| < 2^22, as a float and as that float's integer value. Adding
/// 1.5 2^23 leaves the integer in the low bits; NaN gives NaN and some integer.
struct Rounded {
  Expr value, integer;
};
Rounded roundSmall(const Expr &x) {
  double magic = x.isDouble() ? 6755399441055744.0 : 12582912.0;
  Expr shifted = x + magic;
  return {shifted - magic, shifted.bits() - x.lit(magic).bits()};
}

/// 2^n for the integers -126 <= n <= 127.
Expr powerOfTwo(const Expr &n) { return ((n + 127) << 23).asF32(); }

/// (e^r - 1 - r) / r² for |r| <= 0.3467; the error is 1e-8 of e^r.
Expr expTail(const Expr &r) { return r.polynomial({0.5, 0.166665763, 0.0416665561, 0.00836319476, 0.00139262038}); }

/// r with x = n ln 2 + r. The high part of ln 2 has 9 bits, so n times it is exact.
Expr reduceByLn2(const Expr &x, const Expr &n) {
  return n.mulAdd(x.lit(2.12194440055e-4), n.mulAdd(x.lit(-0.693359375), x));
}

/// e^r 2^n in two steps, so that 2^128 and subnormal results come out right.
Expr scaledExp(const Expr &r, const Expr &n) {
  Expr value = expTail(r).mulAdd(r * r, r) + 1.0;
  Expr half = n >> 1;
  return value * powerOfTwo(half) * powerOfTwo(n - half);
}

/// e^x of an f64 argument, as f32: keeps large arguments that are not exact in f32 accurate.
Expr expOfDouble(Expr x) {
  x = x.min(90).max(-105);
  Rounded n = roundSmall(x * 1.4426950408889634);
  Expr r = (x - n.value * 0.69314718055994531).toF32();
  return scaledExp(r, n.integer.convert<arith::TruncIOp>(IntegerType::get(x.type().getContext(), 32)));
}

/// e^(t²) erfc(t) for t >= 0; the error is 1e-9 up to t = 10.
Expr scaledErfc(const Expr &t) {
  Expr s = t + 2.0;
  Expr u = (t - 2.0) / s;
  return u.polynomial({1.02158272, -0.687160671, 0.279472113, -0.0364421383, -0.0215106942, 0.00647798087,
                       0.00308962748, -8.31531361e-4, -6.54579955e-4, 2.47606567e-5, 1.20798868e-4, 3.15727084e-5}) /
         s;
}

/// erfc(t / scale) for t >= 0, with the square in f64.
Expr erfcOfScaled(const Expr &t, double inverseScale) {
  Expr wide = t.toF64();
  Expr square = wide * wide * (-inverseScale * inverseScale);
  Expr bounded = (t * inverseScale).min(12); // 0 from there on, and no inf / inf
  return expOfDouble(square) * scaledErfc(bounded);
}

/// f(x) computed in f64 and rounded once.
template <typename F>
Expr inDouble(const Expr &x, F f) {
  return f(x.toF64()).toF32();
}

/// x where |x| < bound (odd functions with f(x) = x + O(x³)), else y. Keeps the sign of zero.
Expr smallOr(const Expr &x, double bound, const Expr &y) { return (x.abs() < bound).select(x, y); }

/// The quadrant and the reduced argument of sin and cos: x = q π/2 + r, |r| <= π/4. In f64, π/2 in two parts: the
/// product with the first, of 26 bits, is exact for |x| <= 1e8.
struct Reduced {
  Expr r, quadrant;
};
Reduced reduceByHalfPi(const Expr &x) {
  Expr wide = x.toF64();
  Rounded n = roundSmall(wide * (2 / kPi));
  Expr r = (wide - n.value * 1.5707963109016418457) - n.value * 1.5893254773528196692e-8;
  r = r.min(kPi / 4 + 1e-6).max(-kPi / 4 - 1e-6);
  return {r.toF32(), n.integer.convert<arith::TruncIOp>(IntegerType::get(x.type().getContext(), 32))};
}

Expr sinOfReduced(const Expr &r) { // |r| <= π/4, error 2e-11
  Expr z = r * r;
  return (z.polynomial({-0.166666672, 0.00833333191, -1.98400856e-4, 2.72498505e-6}) * z).mulAdd(r, r);
}
Expr cosOfReduced(const Expr &r) { // error 1e-9
  Expr z = r * r;
  return (z.polynomial({0.0416666642, -0.00138883025, 2.45478805e-5}) * z).mulAdd(z, z.mulAdd(z.lit(-0.5), z.lit(1)));
}

/// sin(x + shift π/2).
Expr sinShifted(const Expr &x, int shift) {
  Reduced reduced = reduceByHalfPi(x);
  Expr quadrant = reduced.quadrant + shift;
  Expr odd = ((quadrant & quadrant.lit(1)) << 31) >> 31;
  Expr sine = sinOfReduced(reduced.r).bits(), cosine = cosOfReduced(reduced.r).bits();
  Expr chosen = sine ^ ((sine ^ cosine) & odd);
  return (chosen ^ ((quadrant & quadrant.lit(2)) << 30)).asF32();
}

/// atan of x >= 0 (cut at tan π/8 and tan 3π/8), error 2e-9.
Expr atanOfPositive(const Expr &x) {
  Expr large = x > 2.414213562, middle = x > 0.414213562;
  Expr one = x.lit(1);
  Expr numerator = large.select(x.lit(-1), middle.select(x - 1.0, x));
  Expr denominator = large.select(x, middle.select(x + 1.0, one));
  Expr t = numerator / denominator;
  Expr offset = large.select(x.lit(kPi / 2), middle.select(x.lit(kPi / 4), x.lit(0)));
  Expr rest = large.select(x.lit(-4.37113883e-8), middle.select(x.lit(-2.18556941e-8), x.lit(0))); // of π/2, π/4 in f32
  Expr z = t * t;
  Expr p = z.polynomial({-0.333333313, 0.199995399, -0.142639562, 0.107437313, -0.0645192787}) * z;
  return offset + (p.mulAdd(t, t) + rest);
}

/// (asin(x) - x) / x for 0 <= x <= 1/2, with z = x²; error 1e-9.
Expr asinTail(const Expr &z) {
  return z * z.polynomial({0.166666657, 0.0750009418, 0.0445994027, 0.0311006624, 0.0171492379, 0.0336908475});
}

} // namespace

Value VectorMath::mulAdd(Value a, Value b, Value c) {
  if (target.fma)
    return LLVM::FMAOp::create(builder, loc, a, b, c);
  return arith::AddFOp::create(builder, loc, arith::MulFOp::create(builder, loc, a, b), c);
}

Value VectorMath::abs(Value x) { return Expr(*this, x).abs(); }

Value VectorMath::exp(Value v) {
  Expr x(*this, v);
  if (x.isDouble())
    return expDouble(x);
  x = x.min(89).max(-104.5);
  Rounded n = roundSmall(x * 1.44269504);
  return scaledExp(reduceByLn2(x, n.value), n.integer);
}

Value VectorMath::exp2(Value v) {
  return inDouble(Expr(*this, v), [](const Expr &x) { return expDouble(x.min(200).max(-200) * 0.69314718055994531); });
}

Value VectorMath::expm1(Value v) {
  Expr x(*this, v);
  Expr bounded = x.min(89).max(-40);
  Rounded n = roundSmall(bounded * 1.44269504);
  Expr r = reduceByLn2(bounded, n.value);
  Expr small = expTail(r).mulAdd(r * r, r); // e^r - 1
  // 2^n (e^r - 1) + (2^n - 1), halved so that n = 128 is in range.
  Expr half = powerOfTwo(n.integer - 1);
  Expr value = small.mulAdd(half, half - 0.5) * 2.0;
  return smallOr(x, 1e-10, value);
}

Value VectorMath::log(Value v) {
  Expr x(*this, v);
  if (x.isDouble())
    return logDouble(x);
  Expr tiny = x < 1.17549435e-38;
  Expr scaled = tiny.select(x * 8388608.0, x);
  // scaled = 2^e m with √½ <= m < √2.
  Expr bits = scaled.bits(), root = x.lit(0.707106769).bits();
  Expr shifted = bits - root;
  Expr e = (shifted >> 23).convert<arith::SIToFPOp>(builder.getF32Type()) + tiny.select(x.lit(-23), x.lit(0));
  Expr f = ((shifted & shifted.lit(0x7fffff)) + root).asF32() - 1.0;
  Expr z = f * f;
  // log(1 + f) = f - f²/2 + f³ P(f), error 3e-9.
  Expr p = f.polynomial({0.333333313, -0.24999997, 0.200007156, -0.166678026, 0.142490536, -0.12425676, 0.116854429,
                         -0.114798367, 0.0697168112});
  Expr tail = z.mulAdd(x.lit(-0.5), e.mulAdd(x.lit(-2.12194440055e-4), p * f * z));
  Expr value = e.mulAdd(x.lit(0.693359375), f + tail);
  value = (x == 0.0).select(x.lit(-kInfinity), value);
  value = (x < 0.0).select(x.lit(__builtin_nan("")), value);
  return (x < kInfinity).select(value, x); // inf and NaN
}

Value VectorMath::log2(Value v) {
  return inDouble(Expr(*this, v), [](const Expr &x) { return logDouble(x) * 1.4426950408889634; });
}
Value VectorMath::log10(Value v) {
  return inDouble(Expr(*this, v), [](const Expr &x) { return logDouble(x) * 0.43429448190325183; });
}

Value VectorMath::log1p(Value v) {
  // log(u) + (x - (u - 1)) / u with u = fl(1 + x): the correction is what rounding took from u.
  Expr x(*this, v);
  Expr u = x + 1.0;
  Expr y(*this, log(u));
  Expr corrected = y + (x - (u - 1.0)) / u;
  return smallOr(x, 1e-10, (y.abs() < kInfinity).select(corrected, y));
}

Value VectorMath::powi(Value v, int n) {
  Expr x(*this, v);
  Expr result = x.lit(1), power = x;
  bool first = true;
  for (unsigned k = std::abs(n); k; k >>= 1) {
    if (k & 1)
      result = first ? power : result * power;
    first = first && !(k & 1);
    if (k > 1)
      power = power * power;
  }
  return n < 0 ? x.lit(1) / result : result;
}

Value VectorMath::pow(Value base, Value exponent) {
  Expr x(*this, base), y(*this, exponent);
  Expr magnitude = x.abs(), wideY = y.toF64();
  Expr r = expDouble(wideY * logDouble(magnitude.toF64())).toF32();
  r = ((magnitude == 1.0) & (y == y)).select(x.lit(1), r);
  Expr integer = Expr(*this, trunc(y)) == y;
  Expr half = y * 0.5;
  Expr odd = integer & half.compare(arith::CmpFPredicate::UNE, Expr(*this, trunc(half)));
  Expr isNegative = (x < 0.0) & (x > -kInfinity);
  r = isNegative.select(integer.select(r, x.lit(__builtin_nan(""))), r);
  r = odd.select(r.copySign(x), r);
  return ((y == 0.0) | (x == 1.0)).select(x.lit(1), r);
}

Value VectorMath::sqrt(Value x) { return Expr(*this, x).sqrt(); }
Value VectorMath::rsqrt(Value v) {
  Expr x(*this, v);
  return x.lit(1) / x.sqrt();
}
Value VectorMath::cbrt(Value v) {
  Expr x(*this, v);
  Expr y = inDouble(x.abs(), [](const Expr &a) { return expDouble(logDouble(a) * (1.0 / 3)); }).copySign(x);
  return (x == 0.0).select(x, y);
}

Value VectorMath::sigmoid(Value v) {
  Expr x(*this, v);
  return x.lit(1) / (Expr(*this, exp(-x)) + 1.0);
}
Value VectorMath::silu(Value v) {
  Expr x = Expr(*this, v).max(-3e38);
  return x / (Expr(*this, exp(-x)) + 1.0);
}

Value VectorMath::tanh(Value v) {
  Expr x(*this, v);
  Expr a = x.abs(), z = x * x;
  // |x| <= 0.625: x + x³ P(x²), error 1e-8; else 1 - 2 / (e^2|x| + 1).
  Expr small =
      (z.polynomial({-0.333333284, 0.133327693, -0.0538509078, 0.0209971797, -0.00609671418}) * z).mulAdd(x, x);
  Expr large = x.lit(1) - x.lit(2) / (Expr(*this, exp(a + a)) + 1.0);
  return (a > 0.625).select(large, small).copySign(x);
}

Value VectorMath::erf(Value v) {
  Expr x(*this, v);
  Expr a = x.abs(), z = x * x;
  // |x| <= 0.93: x + x P(x²), error 1e-9; else 1 - erfc.
  Expr small = z.polynomial({0.128379166, -0.376126349, 0.112836912, -0.0268591512, 0.00520036882, -8.13470921e-4,
                             8.33471859e-5})
                   .mulAdd(x, x);
  Expr bounded = a.min(6);
  Expr large = x.lit(1) - Expr(*this, exp(-(bounded * bounded))) * scaledErfc(bounded);
  return (a > 0.93).select(large.copySign(x), small);
}

Value VectorMath::erfc(Value v) {
  Expr x(*this, v);
  Expr y = erfcOfScaled(x.abs(), 1);
  return (x < 0.0).select(x.lit(2) - y, y);
}

Value VectorMath::gelu(Value v) {
  // max(x, 0) - |x| Φ(-|x|)
  Expr x(*this, v);
  Expr a = x.abs();
  Expr below = a.min(1e3) * (erfcOfScaled(a, 0.70710678118654752) * 0.5);
  return x.max(0) - below;
}

Value VectorMath::geluTanh(Value v) {
  // x sigmoid(2u); the argument of exp in f64, because exp multiplies its rounding.
  Expr x = Expr(*this, v).max(-1e4);
  Expr wide = x.toF64();
  Expr u = wide * ((wide * wide) * (-2 * 0.79788456080286536 * 0.044715) - 2 * 0.79788456080286536);
  return x / (expOfDouble(u) + 1.0);
}

Value VectorMath::sin(Value v) {
  Expr x(*this, v);
  return x.isDouble() ? sinDouble(x, 0) : smallOr(x, 1e-5, sinShifted(x, 0));
}
Value VectorMath::cos(Value v) {
  Expr x(*this, v);
  return x.isDouble() ? sinDouble(x, 1) : sinShifted(x, 1);
}
Value VectorMath::tan(Value v) {
  Expr x(*this, v);
  return smallOr(x, 1e-5, Expr(*this, sin(x)) / Expr(*this, cos(x)));
}

Value VectorMath::asin(Value v) {
  // |x| > 1/2: π/2 - 2 asin(√((1 - |x|) / 2)).
  Expr x(*this, v);
  Expr a = x.abs(), far = a > 0.5;
  Expr z = far.select((x.lit(1) - a) * 0.5, a * a);
  Expr s = far.select(z.sqrt(), a);
  Expr y = asinTail(z).mulAdd(s, s);
  Expr folded = x.lit(kPi / 2) - (y + y + 4.37113883e-8);
  return far.select(folded, y).copySign(x);
}
Value VectorMath::acos(Value v) {
  // x > 1/2: 2 asin(√((1-x)/2)); x < -1/2: π minus that; else π/2 - asin x.
  Expr x(*this, v);
  Expr a = x.abs(), far = a > 0.5;
  Expr z = far.select((x.lit(1) - a) * 0.5, a * a);
  Expr s = far.select(z.sqrt(), x);
  Expr y = asinTail(z).mulAdd(s, s);
  Expr near = x.lit(kPi / 2) - (y + 4.37113883e-8);
  Expr twice = y + y;
  return far.select((x < 0.0).select(x.lit(kPi) - (twice + 8.74227766e-8), twice), near);
}
Value VectorMath::atan(Value v) {
  Expr x(*this, v);
  return atanOfPositive(x.abs()).copySign(x);
}
Value VectorMath::atan2(Value yValue, Value xValue) {
  Expr y(*this, yValue), x(*this, xValue);
  // The quotient of the smaller by the larger, in f64 so that it neither overflows nor loses small angles.
  Expr wy = y.abs().toF64(), wx = x.abs().toF64();
  Expr swap = wy > wx;
  Expr larger = swap.select(wy, wx), smaller = swap.select(wx, wy);
  Expr ratio = (smaller / larger);
  ratio = (larger == 0.0).select(larger, ratio);              // 0 / 0
  ratio = (smaller == kInfinity).select(ratio.lit(1), ratio); // inf / inf
  Expr angle = atanOfPositive(ratio.toF32()).toF64();
  angle = swap.select(angle.lit(kPi / 2) - angle, angle);
  Expr negative = x.bits().isNegative();
  angle = negative.select(angle.lit(kPi) - angle, angle);
  Expr result = angle.toF32().copySign(y);
  return (x.compare(arith::CmpFPredicate::UNO, y)).select(x + y, result);
}

Value VectorMath::sinh(Value v) {
  Expr x(*this, v);
  Expr y = inDouble(x, [](const Expr &w) {
    Expr e = expDouble(w.min(100).max(-100));
    return (e - w.lit(1) / e) * 0.5;
  });
  return smallOr(x, 1e-5, y);
}
Value VectorMath::cosh(Value v) {
  return inDouble(Expr(*this, v), [](const Expr &w) {
    Expr e = expDouble(w.min(100).max(-100));
    return (e + w.lit(1) / e) * 0.5;
  });
}
Value VectorMath::asinh(Value v) {
  Expr x(*this, v);
  Expr y = inDouble(x.abs(), [](const Expr &a) { return logDouble(a + (a * a + 1.0).sqrt()); });
  return smallOr(x, 1e-5, y.copySign(x));
}
Value VectorMath::acosh(Value v) {
  return inDouble(Expr(*this, v), [](const Expr &x) {
    return (x < 1.0).select(x.lit(__builtin_nan("")), logDouble(x + (x * x - 1.0).sqrt()));
  });
}
Value VectorMath::atanh(Value v) {
  Expr x(*this, v);
  Expr y = inDouble(x, [](const Expr &w) { return logDouble((w + 1.0) / (w.lit(1) - w)) * 0.5; });
  return smallOr(x, 1e-5, y);
}

} // namespace hadron::kernels
