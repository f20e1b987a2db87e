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
TEST_P(Integer, Int8Group) {
  MatmulCase test(spec(208, 63, GetParam(), Activation::Int8Group), 129, 3);
  test.check(kRows);
}
INSTANTIATE_TEST_SUITE_P(Formats, Integer,
                         testing::Values(ints(4, 32), ints(4, 128, ZeroPoint::U8),
                                         ints(4, 16, ZeroPoint::Float, FloatKind::F16), ints(8, 0),
                                         ints(8, 256, ZeroPoint::U8), ints(8, 48, ZeroPoint::Float),
                                         ints(2, 64, ZeroPoint::Symmetric, FloatKind::F16),
                                         ints(2, 128, ZeroPoint::U8, FloatKind::BF16), ints(2, 0, ZeroPoint::Float)),
                         [](const auto &info) { return info.param.str(); });

// Types of rows and results, one format each way.

void checkTypes(WeightFormat format, Activation activation, FloatKind activationType, FloatKind outputType) {
  MatmulCase test(spec(83, 17, format, activation, activationType, outputType), 33, 5);
  test.check({1, 2, 7, 33});
}

TEST(Matmul, HalfRowsAndResults) {
  checkTypes(ints(4, 64), Activation::Float, FloatKind::F16, FloatKind::F16);
  checkTypes(ints(8, 32, ZeroPoint::U8, FloatKind::BF16), Activation::Float, FloatKind::BF16, FloatKind::BF16);
  checkTypes(ints(4, 32, ZeroPoint::U8, FloatKind::F16), Activation::Int8Group, FloatKind::F32, FloatKind::F16);
  checkTypes(dense(FloatKind::BF16), Activation::Float, FloatKind::F32, FloatKind::F16);
  checkTypes(dense(FloatKind::F32), Activation::Float, FloatKind::BF16, FloatKind::F32);
}

// Groups longer than a block of inputs, and inputs that end inside a group, a word, a row of 64 bytes.

TEST(Matmul, LongGroups) {
  for (Activation activation : {Activation::Float, Activation::Int8Group})
    for (WeightFormat format : {ints(4, 1040, ZeroPoint::Float), ints(8, 1024, ZeroPoint::U8), ints(2, 0)}) {
      MatmulCase test(spec(2091, 33, format, activation), 17, 7);
      test.check({1, 5, 17});
    }
}

// What follows the product.

TEST(Matmul, BiasEpilogueResidual) {
  const FloatKind types[] = {FloatKind::F32, FloatKind::F16, FloatKind::BF16};
  for (Epilogue epilogue : {Epilogue::None, Epilogue::ReLU, Epilogue::SiLU, Epilogue::GELU, Epilogue::GELUTanh}) {
    FloatKind type = types[static_cast<int>(epilogue) % 3];
    MatmulSpec s = spec(96, 41, ints(4, 32), Activation::Float, type, type);
    s.epilogue = epilogue;
    s.bias = s.residual = true;
    MatmulCase test(s, 33, 11);
    test.check({1, 6, 33});
  }
}

TEST(Matmul, SiLUMul) {
  for (Activation activation : {Activation::Float, Activation::Int8Row, Activation::Int8Group}) {
    MatmulSpec s = spec(128, activation == Activation::Int8Row ? 17 : 144, ints(4, 32, ZeroPoint::U8), activation);
    s.epilogue = Epilogue::SiLUMul;
    s.bias = s.residual = activation == Activation::Int8Group;
    MatmulCase test(s, 70, 13);
    test.check({0, 1, 4, 70});
  }
}

// Numbers at the edges.

TEST(Matmul, ZeroWeightsAndRowsGiveZero) {
  for (Activation activation : {Activation::Float, Activation::Int8Row}) {
    MatmulCase test(spec(100, 20, ints(4, 32), activation), 12, 1, Style::Zeros);
    test.check({1, 3, 12});
  }
}

TEST(Matmul, HugeAndNegativeScales) {
  for (Style style : {Style::HugeScales, Style::NegativeScales})
    for (Activation activation : {Activation::Float, Activation::Int8Group}) {
      MatmulCase test(spec(160, 20, ints(8, 32, ZeroPoint::U8), activation), 12, 1, style);
      test.check({1, 3, 12});
    }
}

/// Codes at their maximum and q = ±127, where a saturating instruction would show: with scales of 1 and sums below 2^24
/// the result is exact.
TEST(Matmul, IntegerProductsAreExact) {
  for (int bits : {2, 4, 8})
    for (ZeroPoint zero : {ZeroPoint::Symmetric, ZeroPoint::U8})
      for (Style style : {Style::Saturated, Style::Ones}) {
        MatmulCase test(spec(256, 33, ints(bits, 64, zero), Activation::Int8Row), 20, bits, style);
        std::fill(test.tolerances.begin(), test.tolerances.end(), 0);
        test.check({1, 2, 4, 9, 20});
      }
}

} // namespace
