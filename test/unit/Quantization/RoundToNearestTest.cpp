// Rounding: its error against an exhaustive search, the same bits on every processor, and what it refuses.
#include "hadron/Quantization/RoundToNearest.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace hadron;
using kernels::FloatKind;
using kernels::WeightFormat;
using kernels::ZeroPoint;

namespace {

constexpr int64_t kTile = 16;

struct Rounded {
  Rounded(const std::vector<float> &weights, const WeightFormat &format, const char *version = nullptr)
      : format(format), K(weights.size() / kTile), group(format.group ? format.group : K),
        groups((K + group - 1) / group), codes(K * kTile), zeros(groups * kTile), scales(groups * kTile),
        floatZeros(groups * kTile) {
    fault = roundToNearest(version ? version : roundingVersions().back(), weights.data(), K, format,
                           {codes.data(), scales.data(), format.zero == ZeroPoint::U8 ? zeros.data() : nullptr,
                            format.zero == ZeroPoint::Float ? floatZeros.data() : nullptr},
                           &lane);
  }

  double value(int64_t k, int64_t l) const {
    int64_t g = k / group * kTile + l;
    double zero = format.zero == ZeroPoint::Symmetric ? 1 << (format.bits - 1)
                  : format.zero == ZeroPoint::U8      ? zeros[g]
                                                      : floatZeros[g];
    return (codes[k * kTile + l] - zero) * scales[g];
  }

  WeightFormat format;
  int64_t K, group, groups;
  std::vector<uint8_t> codes, zeros;
  std::vector<float> scales, floatZeros;
  RoundingFault fault;
  int lane = -1;
};

std::vector<float> gaussian(int64_t K, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> weights(K * kTile);
  for (float &w : weights)
    w = distribution(random);
  return weights;
}

/// The least squared error over `steps` clips and both signs (symmetric), or all zero points.
double exhaustive(const std::vector<double> &x, int bits, bool symmetric) {
  double low = 0, high = 0, best = INFINITY;
  for (double v : x) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  int top = (1 << bits) - 1;
  double extent = symmetric ? std::max(-low, high) : high - low, full = symmetric ? (top + 1) / 2 : top;
  int choices = symmetric ? 2 : top + 1, steps = bits == 8 ? 100 : 200;
  for (int choice = 0; choice < choices; ++choice) {
    if (!symmetric && bits == 8 && std::fabs(choice + low / extent * top) > 2)
      continue; // zero points far from that of the whole range
    for (int i = 0; i < steps; ++i) {
      double from = bits == 8 ? 0.97 : 0.6, to = bits == 8 ? 1.05 : 2.0;
      double scale = extent / (full * (from + (to - from) * i / steps)), error = 0;
      int zero = symmetric ? (top + 1) / 2 : choice;
      if (symmetric && choice)
        scale = -scale;
      for (double v : x) {
        double code = std::min(std::max(std::nearbyint(v / scale) + zero, 0.0), static_cast<double>(top));
        error += std::pow(v - (code - zero) * scale, 2);
      }
      best = std::min(best, error);
    }
  }
  return best;
}

struct Case {
  int bits;
  int64_t group;
  bool symmetric;
  double nmse; // known of Gaussian weights; 0: not stated
};

class Error : public testing::TestWithParam<Case> {};

TEST_P(Error, IsNearTheLeast) {
  auto [bits, group, symmetric, nmse] = GetParam();
  auto zero = symmetric ? ZeroPoint::Symmetric : ZeroPoint::U8;
  int64_t K = std::max<int64_t>(512, group);
  double error = 0, least = 0, power = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::vector<float> weights = gaussian(K, seed);
    Rounded rounded(weights, WeightFormat::integer(bits, group, zero, FloatKind::F32));
    ASSERT_EQ(rounded.fault, RoundingFault::None);
    for (int64_t g = 0; g < rounded.groups; ++g)
      for (int64_t l = 0; l < kTile; ++l) {
        std::vector<double> x;
        for (int64_t k = g * rounded.group; k < std::min(K, (g + 1) * rounded.group); ++k) {
          x.push_back(weights[k * kTile + l]);
          error += std::pow(x.back() - rounded.value(k, l), 2);
          power += x.back() * x.back();
        }
        least += exhaustive(x, bits, symmetric);
      }
  }
  EXPECT_LE(error, least * (bits == 8 ? 1.10 : 1.03));
  if (nmse)
    EXPECT_NEAR(error / power, nmse, nmse * 0.03);
}

INSTANTIATE_TEST_SUITE_P(Formats, Error,
                         testing::Values(Case{4, 32, true, 0.0066}, Case{2, 32, true, 0.110}, Case{4, 128, true, 0},
                                         Case{2, 64, true, 0}, Case{8, 32, true, 0}, Case{4, 32, false, 0},
                                         Case{2, 32, false, 0}, Case{8, 32, false, 0}, Case{4, 0, true, 0},
                                         Case{8, 0, true, 0}));

TEST(RoundToNearest, AgreesBitForBitOnEveryProcessor) {
  for (int bits : {2, 4, 8})
    for (int64_t group : {16, 32, 0})
      for (ZeroPoint zero : {ZeroPoint::Symmetric, ZeroPoint::U8, ZeroPoint::Float})
        for (int64_t K : {1, 17, 100, 576}) {
          std::vector<float> weights = gaussian(K, K + bits);
          WeightFormat format = WeightFormat::integer(bits, group, zero, FloatKind::F16);
          Rounded first(weights, format, roundingVersions().front());
          for (const char *version : roundingVersions()) {
            Rounded other(weights, format, version);
            EXPECT_EQ(first.codes, other.codes) << version;
            EXPECT_EQ(first.zeros, other.zeros) << version;
            EXPECT_EQ(std::memcmp(first.scales.data(), other.scales.data(), first.scales.size() * 4), 0) << version;
          }
        }
}

TEST(RoundToNearest, UsesTheWholeRangeWithEitherSign) {
  // 8 levels on one side and 7 on the other: both are exact, one with a negative scale.
  for (float sign : {1.0f, -1.0f}) {
    std::vector<float> weights(16 * kTile);
    for (int64_t k = 0; k < 16; ++k)
      for (int64_t l = 0; l < kTile; ++l)
        weights[k * kTile + l] = sign * static_cast<float>(k - 8) * 0.25f;
    Rounded rounded(weights, WeightFormat::integer(4, 16, ZeroPoint::Symmetric, FloatKind::F32));
    for (int64_t k = 0; k < 16; ++k)
      EXPECT_EQ(rounded.value(k, 3), weights[k * kTile + 3]);
    EXPECT_EQ(rounded.scales[0], sign * 0.25f);
  }
}

TEST(RoundToNearest, KeepsZerosAndConstants) {
  for (ZeroPoint zero : {ZeroPoint::Symmetric, ZeroPoint::U8, ZeroPoint::Float}) {
    std::vector<float> weights(32 * kTile, 0.0f);
    for (int64_t k = 0; k < 32; ++k)
      weights[k * kTile + 1] = 3.5f, weights[k * kTile + 2] = -1e30f, weights[k * kTile + 3] = 1e-20f;
    Rounded rounded(weights, WeightFormat::integer(4, 32, zero, FloatKind::F32));
    ASSERT_EQ(rounded.fault, RoundingFault::None);
    for (int64_t k = 0; k < 32; ++k) {
      EXPECT_EQ(rounded.value(k, 0), 0);
      for (int64_t l : {1, 2, 3})
        EXPECT_NEAR(rounded.value(k, l), weights[k * kTile + l], std::fabs(weights[k * kTile + l]) * 1e-6);
    }
  }
}

TEST(RoundToNearest, RefusesWhatIsNotFinite) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()})
    for (const char *version : roundingVersions()) {
      std::vector<float> weights = gaussian(40, 1);
      weights[39 * kTile + 5] = bad;
      Rounded rounded(weights, WeightFormat::integer(4, 32, ZeroPoint::Symmetric, FloatKind::F32), version);
      EXPECT_EQ(rounded.fault, RoundingFault::NotFinite);
      EXPECT_EQ(rounded.lane, 5);
    }
}

TEST(RoundToNearest, RefusesScalesThatDoNotFit) {
  std::vector<float> weights = gaussian(32, 1);
  weights[7 * kTile + 9] = 1e7f;
  Rounded narrow(weights, WeightFormat::integer(4, 32, ZeroPoint::Symmetric, FloatKind::F16));
  EXPECT_EQ(narrow.fault, RoundingFault::ScaleTooLarge);
  EXPECT_EQ(narrow.lane, 9);
  Rounded wide(weights, WeightFormat::integer(4, 32, ZeroPoint::Symmetric, FloatKind::BF16));
  EXPECT_EQ(wide.fault, RoundingFault::None);
}

} // namespace
