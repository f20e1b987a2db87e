// The rounding of one tile over 16 lanes, one output each: compiled once per instruction set by the files that include
// it. They define HADRON_ROUNDING_VERSION, a namespace. No header with inline functions may be included here: the
// linker keeps one copy of such a function, which might be the one for a newer processor.
//
// Lanes never meet and multiplications are never fused with additions, so that all versions agree bit for bit.
#include "Rounding.h"

#pragma clang fp contract(off)

namespace hadron::rounding::HADRON_ROUNDING_VERSION {

typedef float V __attribute__((vector_size(64)));
typedef int I __attribute__((vector_size(64)));
typedef float Unaligned __attribute__((vector_size(64), aligned(4)));

namespace {

// Vectors are passed by reference: by value, their ABI would depend on the instruction set.
#define HADRON_INLINE inline __attribute__((always_inline))

constexpr float kRoundingMagic = 12582912.0f; // 1.5 2^23: adding it rounds |x| < 2^22 to an integer, ties to even
constexpr float kTiny = 0x1p-100f;            // a group below it is zero

HADRON_INLINE V load(const float *p) { return *reinterpret_cast<const Unaligned *>(p); }
HADRON_INLINE void store(float *p, const V &x) { *reinterpret_cast<Unaligned *>(p) = x; }
HADRON_INLINE V smaller(const V &a, const V &b) { return a < b ? a : b; }
HADRON_INLINE V larger(const V &a, const V &b) { return a > b ? a : b; }
/// round(x) in [low, high]; the bounds are integers.
HADRON_INLINE V roundWithin(const V &x, const V &low, const V &high) {
  return (smaller(larger(x, low), high) + kRoundingMagic) - kRoundingMagic;
}

/// One clip: multiply by `inverse`, round to [low, high].
struct Clip {
  V inverse, low, high;
};

/// What a clip achieves: with codes q, the scale (x q) / (q q) / inverse leaves an error of |x|^2 - gain.
struct Fit {
  V gain, scale;
};

HADRON_INLINE void fit(const float *x, long count, const Clip &clip, Fit &result) {
  V xq = V{}, qq = V{};
  for (long k = 0; k < count; ++k) {
    V t = load(x + k * 16) * clip.inverse, q = roundWithin(t, clip.low, clip.high);
    xq += t * q;
    qq += q * q;
  }
  V none = V{}, one = none + 1;
  V safe = qq > 0 ? qq : one;
  V ratio = xq / safe, unit = clip.inverse != 0 ? one / clip.inverse : none;
  result.scale = ratio * unit;
  result.gain = (ratio * unit) * (xq * unit);
}

/// The better of two, lane by lane.
HADRON_INLINE void keepBetter(const Fit &fit, const Clip &clip, Fit &best, Clip &bestClip) {
  I better = fit.gain > best.gain;
  best.gain = better ? fit.gain : best.gain;
  best.scale = better ? fit.scale : best.scale;
  bestClip.low = better ? clip.low : bestClip.low;
  bestClip.high = better ? clip.high : bestClip.high;
}

/// Searches one group. On return `best.scale` is the scale, and `clip.low` minus the zero point.
HADRON_INLINE void searchGroup(const float *x, long count, const Parameters &p, Fit &best, Clip &bestClip) {
  V least = V{}, most = V{}, none = V{};
  for (long k = 0; k < count; ++k) {
    V w = load(x + k * 16);
    least = smaller(least, w);
    most = larger(most, w);
  }
  V extent = p.symmetric ? larger(-least, most) : most - least;
  I isZero = extent < kTiny;
  V one = none + 1, safe = isZero ? one : extent;
  // In units of the extent: gains of different groups, and squares of large weights, stay in range.
  V unit = isZero ? none : one / safe;
  float top = static_cast<float>(p.top);
  best.gain = none - 1;
  best.scale = none;
  Clip clip;
  // Symmetric: either end of the codes may take the largest weight. Else: zero points around the one of the whole
  // range.
  V first = none;
  if (!p.symmetric)
    first = roundWithin(-least * unit * top, none, none + top);
  for (int o = 0; o < p.options; ++o) {
    V zero = p.symmetric ? none + static_cast<float>(p.middle)
                         : smaller(larger(first + static_cast<float>(o - p.options / 2), none), none + top);
    clip.low = -zero;
    clip.high = top - zero;
    V direction = p.symmetric && o == 1 ? -unit : unit;
    if (o == 0) {
      bestClip.low = clip.low;
      bestClip.high = clip.high;
    }
    for (int c = 0; c < p.clips; ++c) {
      clip.inverse = direction * p.clip[c];
      Fit found;
      fit(x, count, clip, found);
      keepBetter(found, clip, best, bestClip);
    }
  }
  // The best scale rounds some weights to other codes, for which another scale is best.
  for (int r = 0; r < p.refinements; ++r) {
    clip.low = bestClip.low;
    clip.high = bestClip.high;
    clip.inverse = best.scale != 0 ? one / best.scale : none;
    Fit found;
    fit(x, count, clip, found);
    keepBetter(found, clip, best, bestClip);
  }
}

} // namespace

int roundTile(const float *weights, long K, const Parameters &p, unsigned char *codes, float *scales, float *zeros) {
  V sum = V{};
  for (long k = 0; k < K; ++k)
    sum += load(weights + k * 16) * 0.0f; // 0, or NaN
  int bad = 0;
  for (int lane = 0; lane < 16; ++lane)
    bad |= (sum[lane] != 0 || sum[lane] != sum[lane]) << lane;
  if (bad)
    return bad;
  for (long begin = 0, g = 0; begin < K; begin += p.group, ++g) {
    long count = K - begin < p.group ? K - begin : p.group;
    const float *x = weights + begin * 16;
    Fit best;
    Clip clip;
    searchGroup(x, count, p, best, clip);
    store(scales + g * 16, best.scale);
    p.roundScales(p.kind, scales + g * 16);
    V scale = load(scales + g * 16), none = V{}, one = none + 1, zero = -clip.low;
    clip.inverse = scale != 0 ? one / (scale != 0 ? scale : one) : none;
    store(zeros + g * 16, zero);
    for (long k = 0; k < count; ++k) {
      V q = roundWithin(load(x + k * 16) * clip.inverse, clip.low, clip.high) + zero;
      for (int lane = 0; lane < 16; ++lane)
        codes[(begin + k) * 16 + lane] = static_cast<unsigned char>(static_cast<int>(q[lane]));
    }
  }
  return 0;
}

} // namespace hadron::rounding::HADRON_ROUNDING_VERSION
