// The derivation of signs is a file format: pinned values, prefixes and independence of roles.
#include "hadron/Support/Signs.h"

#include "gtest/gtest.h"

using namespace hadron;

namespace {

/// The published generator, written as its sequential form.
struct SplitMix64 {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
};

TEST(Signs, AreTheSplitMix64Sequence) {
  EXPECT_EQ((SplitMix64{1234567}.next()), 6457827717110365317u); // published test value
  uint64_t key = SplitMix64{42}.next();
  key = SplitMix64{key ^ 3}.next();   // role
  key = SplitMix64{key ^ 576}.next(); // width
  key = SplitMix64{key ^ 1}.next();   // round
  SplitMix64 sequence{key};
  std::vector<uint8_t> signs = deriveSigns(42, SignRole::Input, 576, 1);
  ASSERT_EQ(signs.size(), 72u);
  for (int word = 0; word < 9; ++word) {
    uint64_t bits = sequence.next();
    for (int i = 0; i < 64; ++i)
      EXPECT_EQ(signAt(signs, 64 * word + i), (bits >> i) & 1 ? -1 : 1);
  }
}

TEST(Signs, UnusedBitsAreZero) {
  for (int64_t width : {1, 3, 7, 9, 63}) {
    std::vector<uint8_t> signs = deriveSigns(7, SignRole::Residual, width);
    ASSERT_EQ(static_cast<int64_t>(signs.size()), (width + 7) / 8);
    EXPECT_EQ(signs.back() >> ((width - 1) % 8 + 1), 0);
  }
  EXPECT_TRUE(deriveSigns(7, SignRole::Residual, 0).empty());
}

TEST(Signs, EveryArgumentMatters) {
  auto base = deriveSigns(1, SignRole::Residual, 256);
  EXPECT_EQ(base, deriveSigns(1, SignRole::Residual, 256));
  EXPECT_NE(base, deriveSigns(2, SignRole::Residual, 256));
  EXPECT_NE(base, deriveSigns(1, SignRole::ValueHead, 256));
  EXPECT_NE(base, deriveSigns(1, SignRole::Residual, 256, 1));
  auto longer = deriveSigns(1, SignRole::Residual, 512);
  longer.resize(32);
  EXPECT_NE(base, longer);
}

TEST(Signs, Balanced) {
  int64_t sum = 0, width = 1 << 16;
  auto signs = deriveSigns(3, SignRole::Input, width);
  for (int64_t i = 0; i < width; ++i)
    sum += signAt(signs, i);
  EXPECT_LT(std::abs(sum), 4 * 256); // four standard deviations
}

} // namespace
