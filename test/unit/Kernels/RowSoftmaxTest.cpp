// Softmax and log-softmax against f64.
#include "hadron/Kernels/RowKernel.h"

#include "FloatBits.h"
#include "KernelHarness.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace hadron::kernels;
using hadron::test::Tensor;

namespace {

void check(const SoftmaxSpec &spec, int64_t rows, std::function<double(int64_t)> x,
           std::function<double(int64_t)> mask) {
  auto emit = [&](Body &body) { return emitSoftmax(body, spec); };
  auto work = [](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
    return rowWork(b, loc, slots);
  };
  hadron::test::CompiledKernel kernel({"softmax", softmaxSlots(spec), emit, work});
  int64_t D = spec.width;
  Tensor input(spec.input, rows * D), added(spec.mask.value_or(FloatKind::F32), rows * D);
  for (int64_t i = 0; i < rows * D; ++i) {
    input.set(i, x(i));
    added.set(i, mask(i));
  }
  for (size_t isa = 0; isa < kernel.names.size(); ++isa) {
    SCOPED_TRACE(kernel.names[isa] + " D=" + std::to_string(D));
    Tensor output(spec.output, rows * D), pieces = output;
    std::vector<int64_t> slots{rows, input.slot()};
    if (spec.mask)
      slots.push_back(added.slot());
    slots.push_back(output.slot());
    kernel.run(isa, slots);
    slots.back() = pieces.slot();
    kernel.run(isa, slots, 3);
    EXPECT_TRUE(output == pieces && output.marginsIntact());
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<double> t(D);
      double greatest = -INFINITY, sum = 0;
      for (int64_t i = 0; i < D; ++i) {
        t[i] = input[row * D + i] * spec.scale + (spec.mask ? added[row * D + i] : 0);
        greatest = std::max(greatest, t[i]);
      }
      for (double value : t)
        sum += std::exp(value - greatest);
      double magnitude = 0;
      for (double value : t)
        if (std::isfinite(value))
          magnitude = std::max(magnitude, std::abs(value));
      // docs/numerics.md: t has an error of 2u|t|, which exp turns into a relative one.
      double relative = (4 * magnitude + D / 32.0 + 20) * 0x1p-24;
      double half = spec.output == FloatKind::F32 ? 0 : spec.output == FloatKind::F16 ? 0x1p-11 : 0x1p-8;
      for (int64_t i = 0; i < D; ++i) {
        double got = output[row * D + i], expected = std::exp(t[i] - greatest) / sum;
        if (spec.log)
          expected = t[i] - greatest - std::log(sum);
        if (std::isnan(expected) || std::isinf(expected)) {
          EXPECT_EQ(std::isnan(got), std::isnan(expected));
          continue;
        }
        double bound = spec.log ? relative + 4 * 0x1p-24 * std::abs(expected) : relative * expected + 1e-37;
        ASSERT_LE(std::abs(got - expected), bound + half * std::abs(expected) + (half ? 0x1p-25 : 0))
            << row << " " << i;
      }
    }
  }
}

double draw(int64_t i) { return static_cast<double>(i * 7919 % 1999) / 200 - 5; }
double none(int64_t) { return 0; }

TEST(Softmax, EveryWidth) {
  for (int64_t width : {1, 2, 3, 16, 17, 63, 64, 100, 576, 4096})
    for (bool log : {false, true}) {
      SoftmaxSpec spec;
      spec.width = width;
      spec.log = log;
      check(spec, 5, draw, none);
    }
}

TEST(Softmax, ScaleMaskAndHalfPrecision) {
  for (FloatKind kind : {FloatKind::F32, FloatKind::F16, FloatKind::BF16}) {
    SoftmaxSpec spec;
    spec.width = 100;
    spec.input = spec.output = kind;
    spec.scale = 0.125;
    spec.mask = FloatKind::F32;
    check(spec, 3, draw, [](int64_t i) { return i % 3 ? -INFINITY : 0.5; });
  }
}

TEST(Softmax, RowsWithoutANumber) {
  SoftmaxSpec spec;
  spec.width = 20;
  check(spec, 2, [](int64_t i) { return i < 20 ? -INFINITY : 1.0; }, none);
  check(spec, 2, [](int64_t i) { return i == 7 ? NAN : 1.0; }, none);
  check(spec, 1, [](int64_t i) { return i == 7 ? 1e30 : -1e30; }, none);
}

} // namespace
