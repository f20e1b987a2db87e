// The execution layout: sizes and places as documented, and packing there and back.
#include "MatmulCase.h"

#include <gtest/gtest.h>

using namespace hadron::kernels;
using namespace hadron::test;

namespace {

TEST(WeightLayout, DenseTilesAreRowsOfSixteen) {
  WeightLayout layout(WeightFormat::dense(FloatKind::F16), 5, 17);
  EXPECT_EQ(layout.tiles(), 2);
  EXPECT_EQ(layout.tileBytes(), 192); // 5 rows of 32 bytes, to the next 64
  EXPECT_EQ(layout.totalBytes(), 384);
}

/// One stream: the scales and zero points of as many groups as fill whole lines, then their codes.
TEST(WeightLayout, BlocksHoldScalesZerosCodes) {
  WeightLayout layout(WeightFormat::integer(4, 32, ZeroPoint::U8, FloatKind::F16), 200, 16);
  EXPECT_EQ(layout.groups(), 7);
  EXPECT_EQ(layout.blockGroups(), 4); // 16 bytes of zero points a group
  EXPECT_EQ(layout.zerosInBlock(), 128);
  EXPECT_EQ(layout.codesInBlock(), 192);
  EXPECT_EQ(layout.blockBytes(), 192 + 4 * 256);
  EXPECT_EQ(layout.scalesAt(5), 1216 + 32);
  EXPECT_EQ(layout.zerosAt(5), 1216 + 128 + 16);
  EXPECT_EQ(layout.codesAt(5), 1216 + 192 + 256);
  EXPECT_EQ(layout.tileBytes(), 1216 + 192 + 2 * 256 + 64); // the last group has 8 inputs
}

/// Byte j of a word holds, low bits first, the codes of inputs j, 4 + j, 8 + j, …
TEST(WeightLayout, FourBytesAreFourConsecutiveInputs) {
  for (int bits : {2, 4, 8}) {
    WeightLayout layout(WeightFormat::integer(bits, 0, ZeroPoint::Symmetric, FloatKind::F32), 32, 1);
    std::vector<uint8_t> codes(32), tile(layout.tileBytes());
    float scale = 1;
    for (int k = 0; k < 32; ++k) {
      std::fill(codes.begin(), codes.end(), 0);
      codes[k] = (1 << bits) - 1;
      WeightRow row{nullptr, codes.data(), &scale};
      layout.packTile(row, tile);
      int c = 32 / bits, inWord = k % c, byte = 64 + k / c * 64 + inWord % 4;
      for (int i = layout.codesAt(0); i < layout.tileBytes(); ++i)
        EXPECT_EQ(tile[i], i == byte ? codes[k] << (inWord / 4 * bits) : 0) << "bits " << bits << " input " << k;
    }
  }
}

TEST(WeightLayout, UnpackRowGivesBackTheWeights) {
  std::mt19937 random(1);
  for (ZeroPoint zero : {ZeroPoint::Symmetric, ZeroPoint::U8, ZeroPoint::Float})
    for (int bits : {0, 2, 4, 8}) {
      WeightFormat format{bits, bits ? 48 : 0, zero, FloatKind::BF16};
      Weights weights(format, 101, 35, random, Style::Plain);
      std::vector<float> row(101);
      for (int64_t n = 0; n < 35; ++n) {
        weights.layout.unpackRow({weights.packed.data, weights.packed.size}, n, row);
        for (int64_t k = 0; k < 101; ++k)
          ASSERT_NEAR(row[k], weights.at(n, k), std::abs(weights.at(n, k)) * 0x1p-22) << format.str();
      }
    }
}

TEST(WeightLayout, FloatKindsRoundToNearestEven) {
  EXPECT_EQ(encodeFloat(FloatKind::F16, 1.0f), 0x3c00u);
  EXPECT_EQ(encodeFloat(FloatKind::F16, 1 + 0x1p-11f), 0x3c00u);
  EXPECT_EQ(encodeFloat(FloatKind::F16, 1 + 0x3p-11f), 0x3c02u);
  EXPECT_EQ(encodeFloat(FloatKind::F16, 65520.0f), 0x7c00u);
  EXPECT_EQ(encodeFloat(FloatKind::F16, 0x1p-25f), 0u);
  EXPECT_EQ(encodeFloat(FloatKind::BF16, 1 + 0x1p-8f), 0x3f80u);
  EXPECT_EQ(encodeFloat(FloatKind::BF16, 1 + 0x3p-8f), 0x3f82u);
  for (uint32_t bits = 0; bits < 0x7c00; ++bits)
    ASSERT_EQ(encodeFloat(FloatKind::F16, decodeFloat(FloatKind::F16, bits)), bits);
}

} // namespace
