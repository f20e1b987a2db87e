#include "hadron/Driver/Tensor.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace hadron;
using namespace hadron::driver;

static NpyArray floats(std::vector<float> values) {
  NpyArray array;
  array.shape = {int64_t(values.size())};
  array.data.assign(reinterpret_cast<char *>(values.data()), reinterpret_cast<char *>(values.data() + values.size()));
  return array;
}

TEST(Tensor, TypesKeepTheirWidth) {
  for (auto [dtype, kind, width] : {std::tuple{HADRON_FLOAT16, 'f', 2},
                                    {HADRON_FLOAT64, 'f', 8},
                                    {HADRON_INT64, 'i', 8},
                                    {HADRON_UINT8, 'u', 1},
                                    {HADRON_BOOL, 'b', 1}}) {
    Tensor tensor(dtype, {2, 3});
    NpyArray array = toNpy(tensor);
    EXPECT_EQ(array.kind, kind);
    EXPECT_EQ(array.width, width);
    EXPECT_EQ(fromNpy(array, dtype).dtype, dtype);
    EXPECT_EQ(int(tensor.data.size()), 6 * width);
  }
}

// Ties go to the even mantissa; 0x1.01p0 lies between 0x1.00p0 and 0x1.02p0, 0x1.03p0 between 0x1.02p0 and 0x1.04p0.
TEST(Tensor, BFloat16IsRoundedFromFloat32) {
  float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  Tensor tensor = fromNpy(floats({1.0f, 0x1.01p0f, 0x1.03p0f, 0x1.010002p0f, -infinity, nan, -0.0f}), HADRON_BFLOAT16);
  ASSERT_EQ(tensor.dtype, HADRON_BFLOAT16);
  EXPECT_EQ(getElement(tensor, 0), 1.0);
  EXPECT_EQ(getElement(tensor, 1), 1.0);
  EXPECT_EQ(getElement(tensor, 2), 0x1.04p0);
  EXPECT_EQ(getElement(tensor, 3), 0x1.02p0);
  EXPECT_EQ(getElement(tensor, 4), -infinity);
  EXPECT_TRUE(std::isnan(getElement(tensor, 5)));
  EXPECT_TRUE(std::signbit(getElement(tensor, 6)));
  EXPECT_EQ(toNpy(tensor).width, 4);
  // Another place leaves the type alone.
  EXPECT_EQ(fromNpy(floats({1.0f}), HADRON_FLOAT16).dtype, HADRON_FLOAT32);
}

TEST(Tensor, Float16) {
  Tensor tensor(HADRON_FLOAT16, {6});
  uint16_t bits[] = {0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0xfc00};
  double values[] = {1, -2, 0x1p-24, -0x1.ff8p-15, 65504, -std::numeric_limits<double>::infinity()};
  for (int i = 0; i < 6; ++i) {
    tensor.as<uint16_t>()[i] = bits[i];
    EXPECT_EQ(getElement(tensor, i), values[i]);
  }
}
