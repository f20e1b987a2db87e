// f64 functions by their Taylor series after argument reduction; the truncated terms are below 2^-54.
#include "DoubleFunctions.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

constexpr double kMagic = 6755399441055744.0; // 1.5 2^52: adding it rounds to an integer
constexpr double kInfinity = __builtin_inf();

/// 2^n for the i64 integers -1022 <= n <= 1023.
Expr powerOfTwo(const Expr &n) { return ((n + 1023) << 52).asF64(); }

} // namespace

Expr expDouble(Expr x) {
  x = x.min(710).max(-746);
  Expr shifted = x * 1.4426950408889634 + kMagic;
  Expr n = shifted - kMagic, integer = shifted.bits() - x.lit(kMagic).bits();
  // ln 2 in two parts, the first of 32 bits.
  Expr r = n.mulAdd(x.lit(-1.9082149292705878161e-10), n.mulAdd(x.lit(-0.69314718036912381649), x));
  SmallVector<double> series; // e^r = 1 + r + r² Σ r^k / (k + 2)!, |r| <= 0.35
  double factorial = 1;
  for (int k = 2; k <= 13; ++k)
    series.push_back(1 / (factorial *= k));
  Expr value = r.polynomial(series).mulAdd(r * r, r) + 1.0;
  Expr half = integer >> 1;
  return value * powerOfTwo(half) * powerOfTwo(integer - half);
}

Expr logDouble(const Expr &x) {
  Expr tiny = x < 2.2250738585072014e-308;
  Expr scaled = tiny.select(x * 18014398509481984.0, x); // 2^54
  // scaled = 2^e m with √½ <= m < √2; log m = 2 (s + s³/3 + s⁵/5 + …), s = (m - 1) / (m + 1).
  Expr bits = scaled.bits(), root = x.lit(0.70710678118654752).bits();
  Expr shifted = bits - root;
  // The exponent as a float without a conversion from i64, which AVX2 lacks.
  Expr biased = (shifted >> 52) + x.lit(kMagic).bits();
  Expr e = biased.asF64() - kMagic + tiny.select(x.lit(-54), x.lit(0));
  Expr f = ((shifted & shifted.lit(0xfffffffffffff)) + root).asF64() - 1.0;
  Expr s = f / (f + 2.0), z = s * s;
  SmallVector<double> series;
  for (int k = 1; k <= 11; ++k)
    series.push_back(2.0 / (2 * k + 1));
  // f - (f²/2 - s (f²/2 + R)): the leading f is exact.
  Expr h = f * f * 0.5;
  Expr inner = s * (h + z.polynomial(series) * z);
  Expr value = e * 0.69314718036912381649 + ((e * 1.9082149292705878161e-10 + inner) - h + f);
  value = (x == 0.0).select(x.lit(-kInfinity), value);
  value = (x < 0.0).select(x.lit(__builtin_nan("")), value);
  return (x < kInfinity).select(value, x);
}

Expr sinDouble(const Expr &x, int shift) {
  // π/2 in three parts, the first two of 26 bits: exact products for |x| <= 1e8.
  Expr shifted = x * 0.63661977236758134 + kMagic;
  Expr n = shifted - kMagic, quadrant = shifted.bits() - x.lit(kMagic).bits() + shift;
  Expr r = ((x - n * 1.5707963109016418457) - n * 1.5893254712295857e-8) - n * 6.1232339957367660e-17;
  r = r.min(0.79).max(-0.79);
  Expr z = r * r;
  SmallVector<double> sine, cosine; // (sin r - r) / r³ and (cos r - 1 + r²/2) / r⁴ in r²
  double factorial = 2;
  for (int k = 3, sign = -1; k <= 17; k += 2, sign = -sign) {
    sine.push_back(sign / (factorial *= k));
    cosine.push_back(-sign / (factorial *= k + 1));
  }
  Expr sinR = (z.polynomial(sine) * z).mulAdd(r, r);
  Expr cosR = (z.polynomial(cosine) * z).mulAdd(z, z.mulAdd(z.lit(-0.5), z.lit(1)));
  Expr odd = (quadrant << 63) >> 63;
  Expr chosen = sinR.bits() ^ ((sinR.bits() ^ cosR.bits()) & odd);
  Expr result = (chosen ^ ((quadrant & quadrant.lit(2)) << 62)).asF64();
  return shift ? result : (x.abs() < 1e-8).select(x, result);
}

} // namespace hadron::kernels
