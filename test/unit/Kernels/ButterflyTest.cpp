// Plans: the f64 walk over the passes is the transform, on every register width; the cost is what it should be.
#include "hadron/Kernels/Butterfly.h"

#include "gtest/gtest.h"

using namespace hadron;
using namespace hadron::kernels;

namespace {

TEST(Butterfly, PlansComputeTheTransform) {
  std::vector<std::pair<int64_t, HadamardTransform>> cases;
  for (int log2 = 0; log2 <= 15; ++log2)
    cases.push_back({int64_t(1) << log2, {1, "", log2}});
  cases.push_back({100, {1, "", 2}});
  cases.push_back({576, {1, "", 6}});
  cases.push_back({37 * 64, {1, "", 6}});
  for (int log2 : {0, 1, 2, 3, 4, 5, 8})
    for (bool transposed : {false, true})
      for (int64_t m : {12, 28, 36})
        cases.push_back({3 * (m << log2), {m, *defaultTable(m), log2, transposed}});
  for (auto &[width, transform] : cases)
    for (auto [lanes, registers] : {std::pair<int64_t, int64_t>{4, 16}, {8, 16}, {16, 32}}) {
      std::vector<double> x(width), expected;
      for (int64_t i = 0; i < width; ++i)
        x[i] = static_cast<double>(i * 7919 % 201) - 100;
      expected = x;
      for (int64_t block = 0; block < width; block += transform.size())
        applyTransform(llvm::MutableArrayRef(expected).slice(block, transform.size()), transform);
      evaluateButterfly(planButterfly(transform, width, lanes, registers), x);
      ASSERT_EQ(x, expected) << width << " " << transform.m << " " << transform.log2 << " lanes " << lanes;
    }
}

TEST(Butterfly, CostOfPowersOfTwo) {
  for (int log2 = 0; log2 <= 15; ++log2)
    for (auto [lanes, registers] : {std::pair<int64_t, int64_t>{4, 16}, {8, 16}, {16, 32}}) {
      int64_t n = int64_t(1) << log2;
      EXPECT_EQ(planButterfly({1, "", log2}, n, lanes, registers).additions(), n * log2) << n << " " << lanes;
    }
  EXPECT_EQ(planButterfly({1, "", 2}, 100, 16, 32).additions(), 200);
}

TEST(Butterfly, CostOfFactors) {
  for (int64_t m : {12, 20, 28, 36, 172}) {
    int64_t sums = m / 4 * (12 + m) - m;
    EXPECT_EQ(planButterfly({m, *defaultTable(m), 7}, m << 7, 16, 32).additions(), (m << 7) * 7 + (sums << 7)) << m;
  }
}

TEST(Butterfly, TilesFitTheRegisters) {
  for (int log2 = 1; log2 <= 15; ++log2)
    for (auto [lanes, registers, passes] : {std::tuple<int64_t, int64_t, int>{4, 16, 3}, {8, 16, 3}, {16, 32, 4}})
      for (const ButterflyPass &pass : planButterfly({1, "", log2}, int64_t(1) << log2, lanes, registers).passes) {
        EXPECT_LE(pass.registerBits, passes);
        EXPECT_LE(pass.registers, registers / 2);
      }
  EXPECT_EQ(planButterfly({1, "", 8}, 256, 16, 32).passes.size(), 1u);
  EXPECT_EQ(planButterfly({1, "", 12}, 4096, 16, 32).passes.size(), 2u);
  EXPECT_EQ(planButterfly({1, "", 15}, 32768, 16, 32).passes.size(), 3u);
}

} // namespace
