// Candidates for the search, and the choice of the version for this processor.
#include "hadron/Quantization/RoundToNearest.h"

#include "Rounding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cmath>
#include <vector>

using namespace hadron;
using kernels::FloatKind;
using kernels::WeightFormat;
using kernels::ZeroPoint;

namespace {

struct Version {
  const char *name;
  rounding::RoundTile *roundTile;
  bool (*runs)();
};

// From the oldest processor to the newest.
const Version kVersions[] = {
    {"baseline", rounding::baseline::roundTile, [] { return true; }},
    {"avx2", rounding::avx2::roundTile, [] { return __builtin_cpu_supports("avx2") != 0; }},
    {"avx512", rounding::avx512::roundTile,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
     }},
};

void roundScales(int kind, float *scales) {
  for (int lane = 0; lane < 16; ++lane)
    scales[lane] = decodeFloat(static_cast<FloatKind>(kind), encodeFloat(static_cast<FloatKind>(kind), scales[lane]));
}

/// The candidates. The clip c (extent / scale) that suits a group depends on how heavy its tail is: from c = half the
/// codes, where the largest weight meets the last code, upwards for clipping, and a little downwards, where rounding is
/// luckier.
rounding::Parameters parametersOf(const WeightFormat &format, int64_t K) {
  rounding::Parameters p{};
  p.group = format.group ? format.group : K;
  p.top = (1 << format.bits) - 1;
  p.middle = 1 << (format.bits - 1);
  p.symmetric = format.zero == ZeroPoint::Symmetric;
  p.kind = static_cast<int>(format.type);
  p.roundScales = roundScales;
  auto grid = [&](std::initializer_list<float> clips) {
    for (float clip : clips)
      p.clip[p.clips++] = clip;
  };
  if (p.symmetric) {
    p.options = 2;
    if (format.bits == 2)
      grid({1.3f, 1.7f, 2.1f, 2.6f, 3.2f, 4.0f, 5.0f});
    else if (format.bits == 4)
      grid({6.6f, 7.0f, 7.4f, 7.8f, 8.2f, 8.7f, 9.3f, 10.0f, 11.0f, 12.5f});
    else
      grid({126.4f, 126.8f, 127.2f, 127.5f, 127.8f, 128.1f, 128.4f, 128.8f});
    p.refinements = 2;
  } else {
    if (format.bits == 2)
      grid({2.4f, 2.8f, 3.2f, 3.7f, 4.3f, 5.2f, 6.4f});
    else if (format.bits == 4)
      grid({14.4f, 14.8f, 15.2f, 15.7f, 16.3f, 17.2f, 18.5f, 21.0f});
    else
      grid({253.2f, 253.6f, 254.0f, 254.4f, 254.8f, 255.2f, 255.6f, 256.2f});
    p.options = 3;
    p.refinements = 2;
  }
  return p;
}

} // namespace

llvm::ArrayRef<const char *> hadron::roundingVersions() {
  static const std::vector<const char *> names = [] {
    std::vector<const char *> names;
    for (const Version &version : kVersions)
      if (version.runs())
        names.push_back(version.name);
    return names;
  }();
  return names;
}

RoundingFault hadron::roundToNearest(const char *name, const float *weights, int64_t K, const WeightFormat &format,
                                     const IntegerTile &tile, int *lane) {
  const Version *version = llvm::find_if(kVersions, [&](const Version &v) { return llvm::StringRef(v.name) == name; });
  constexpr int64_t kTile = kernels::WeightLayout::kTile;
  rounding::Parameters p = parametersOf(format, K);
  int64_t groups = (K + p.group - 1) / p.group;
  std::vector<float> ownZeros(tile.floatZeros ? 0 : groups * kTile);
  float *zeros = tile.floatZeros ? tile.floatZeros : ownZeros.data();
  int bad = version->roundTile(weights, K, p, tile.codes, tile.scales, zeros);
  if (bad) {
    if (lane)
      *lane = __builtin_ctz(bad);
    return RoundingFault::NotFinite;
  }
  for (int64_t i = 0; i < groups * kTile; ++i) {
    if (!std::isfinite(tile.scales[i])) {
      if (lane)
        *lane = i % kTile;
      return RoundingFault::ScaleTooLarge;
    }
    if (tile.zeros)
      tile.zeros[i] = static_cast<uint8_t>(zeros[i]);
  }
  return RoundingFault::None;
}

RoundingFault hadron::roundToNearest(const float *weights, int64_t K, const WeightFormat &format,
                                     const IntegerTile &tile, int *lane) {
  return roundToNearest(roundingVersions().back(), weights, K, format, tile, lane);
}
