// Every format, activation and instruction set of this machine against a plain f64 loop.
#include "MatmulCase.h"

#include <gtest/gtest.h>

using namespace hadron::kernels;
using namespace hadron::test;

namespace {

const std::vector<int64_t> kRows = {0, 1, 2, 3, 7, 8, 9, 33, 129};

struct Shape {
  const char *why;
  int64_t K, N;
};
const Shape kShapes[] = {
    {"one number", 1, 1},
    {"nothing is a multiple of anything", 83, 17},
    {"a partial tile, K a multiple of 16 only", 208, 63},
    {"several blocks of inputs, even tiles", 576, 320},
};

WeightFormat dense(FloatKind type) { return WeightFormat::dense(type); }
WeightFormat ints(int bits, int64_t group, ZeroPoint zero = ZeroPoint::Symmetric, FloatKind scale = FloatKind::F32) {
  return WeightFormat::integer(bits, group, zero, scale);
}

MatmulSpec spec(int64_t K, int64_t N, WeightFormat format, Activation activation = Activation::Float,
                FloatKind activationType = FloatKind::F32, FloatKind outputType = FloatKind::F32) {
  MatmulSpec s;
  s.K = K;
  s.N = N;
  s.format = format;
  s.activation = activation;
  s.activationType = activationType;
  s.outputType = outputType;
  return s;
}

void checkShapes(WeightFormat format, Activation activation = Activation::Float,
                 FloatKind activationType = FloatKind::F32, FloatKind outputType = FloatKind::F32) {
  for (const Shape &shape : kShapes) {
    SCOPED_TRACE(shape.why);
    MatmulCase test(spec(shape.K, shape.N, format, activation, activationType, outputType), 129, shape.K + shape.N);
    test.check(kRows);
  }
}

TEST(Matmul, DenseF32) { checkShapes(dense(FloatKind::F32)); }
TEST(Matmul, DenseF16) { checkShapes(dense(FloatKind::F16), Activation::Float, FloatKind::F16, FloatKind::F16); }
TEST(Matmul, DenseBF16) { checkShapes(dense(FloatKind::BF16), Activation::Float, FloatKind::BF16, FloatKind::BF16); }

class Integer : public testing::TestWithParam<WeightFormat> {};
TEST_P(Integer, FloatRows) { checkShapes(GetParam()); }
TEST_P(Integer, Int8Row) { checkShapes(GetParam(), Activation::Int8Row); }
TEST_P(Integer, Int8Group) { checkShapes(GetParam(), Activation::Int8Group); }
INSTANTIATE_TEST_SUITE_P(Formats, Integer,
                         testing::Values(ints(4, 32), ints(4, 128, ZeroPoint::U8),
                                         ints(4, 16, ZeroPoint::Float, FloatKind::F16), ints(8, 0),
                                         ints(8, 256, ZeroPoint::U8), ints(8, 48, ZeroPoint::Float),
                                         ints(2, 64, ZeroPoint::Symmetric, FloatKind::F16),
                                         ints(2, 128, ZeroPoint::U8, FloatKind::BF16), ints(2, 0, ZeroPoint::Float)),
                         [](const auto &info) { return info.param.str(); });

} // namespace
