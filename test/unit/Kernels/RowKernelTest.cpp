// Row kernels against f64 references. Tolerances: docs/numerics.md, "Error bounds".
#include "hadron/Kernels/RowKernel.h"

#include "FloatBits.h"
#include "KernelHarness.h"
#include "hadron/Kernels/Matmul.h"
#include "hadron/Support/AlignedBytes.h"
#include "hadron/Support/Signs.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace hadron;
using namespace hadron::kernels;
using hadron::test::Tensor;

namespace {

constexpr double kUnit = 0x1p-24; // half a unit in the last place of f32

using Row = std::vector<double>;

/// All inputs and outputs of one call.
struct Call {
  Call(const RowSpec &spec, int64_t rows, unsigned seed, std::function<double(std::mt19937 &)> draw)
      : spec(spec), rows(rows), random(seed), x(make(spec.input, rows * spec.width, draw)),
        u(make(spec.input, rows * spec.width, draw)), residual(make(spec.input, rows * spec.width, draw)),
        gain(make(spec.gain.value_or(FloatKind::F32), spec.width, draw)),
        bias(make(spec.bias.value_or(FloatKind::F32), spec.width, draw)),
        sum(spec.storeSum.value_or(FloatKind::F32), rows * spec.width),
        output(spec.output.value_or(FloatKind::F32), rows * spec.width), q(rows * int8RowBytes(spec.width), 77),
        sums(rows * spec.groups(), -1), scales(rows * spec.groups(), -1.0f) {
    for (size_t i = 0; i < 2 * spec.rounds.size(); ++i)
      signs.push_back(deriveSigns(i, SignRole::Input, spec.width));
  }

  static Tensor make(FloatKind kind, size_t count, std::function<double(std::mt19937 &)> &draw) {
    static std::mt19937 random(5);
    std::vector<double> values(count);
    for (double &value : values)
      value = draw(random);
    return Tensor(kind, values);
  }

  std::vector<int64_t> slots() {
    std::vector<int64_t> result{rows, x.slot()};
    auto add = [&](bool present, int64_t slot) {
      if (present)
        result.push_back(slot);
    };
    add(spec.act == RowSpec::Act::SiLUMul, u.slot());
    add(spec.residual, residual.slot());
    add(spec.gain.has_value(), gain.slot());
    add(spec.bias.has_value(), bias.slot());
    for (size_t i = 0; i < spec.rounds.size(); ++i) {
      add(spec.rounds[i].signs, test::address(signs[2 * i].data()));
      add(spec.rounds[i].signsAfter, test::address(signs[2 * i + 1].data()));
    }
    add(spec.storeSum.has_value(), sum.slot());
    add(spec.output.has_value(), output.slot());
    add(spec.quantize.has_value(), test::address(q.data()));
    add(spec.quantize.has_value(), test::address(scales.data()));
    add(spec.quantize.has_value(), test::address(sums.data()));
    return result;
  }

  /// y of one row and, for every entry, how far f32 arithmetic may be from it.
  void reference(int64_t row, Row &y, Row &tolerance) {
    int64_t D = spec.width, at = row * D;
    Row v(D), error(D);
    for (int64_t i = 0; i < D; ++i) {
      v[i] = x[at + i];
      if (spec.act == RowSpec::Act::SiLUMul) {
        v[i] = v[i] / (1 + std::exp(-v[i])) * u[at + i];
        error[i] = 10 * kUnit * std::abs(v[i]);
      }
      if (spec.residual)
        v[i] += residual[at + i];
      error[i] += kUnit * std::abs(v[i]);
    }
    if (spec.norm != RowSpec::Norm::None) {
      double mean = 0, square = 0, greatest = 0;
      for (double value : v)
        greatest = std::max(greatest, std::abs(value));
      if (spec.norm == RowSpec::Norm::Layer)
        for (double value : v)
          mean += value / D;
      for (double &value : v) {
        value -= mean;
        square += value * value / D;
      }
      double factor = 1 / std::sqrt(square + spec.epsilon), depth = D / 32.0 + 8;
      for (int64_t i = 0; i < D; ++i) {
        if (spec.norm == RowSpec::Norm::Layer)
          error[i] += depth * kUnit * greatest;
        v[i] *= factor;
        error[i] = error[i] * factor + depth * kUnit * std::abs(v[i]);
      }
    }
    for (int64_t i = 0; i < D; ++i) {
      double g = spec.gain ? gain[i] : 1;
      v[i] = v[i] * g + (spec.bias ? bias[i] : 0);
      error[i] = error[i] * std::abs(g) + 2 * kUnit * (std::abs(v[i]) + (spec.bias ? std::abs(bias[i]) : 0));
    }
    for (size_t r = 0; r < spec.rounds.size(); ++r) {
      const RowSpec::Round &round = spec.rounds[r];
      int64_t n = round.transform.size();
      double depth = round.transform.log2 + (round.transform.m > 1 ? round.transform.m / 4 + 1 : 0);
      for (int64_t block = 0; block < D; block += n) {
        double magnitude = 0, wrong = 0;
        for (int64_t i = block; i < block + n; ++i) {
          if (round.signs)
            v[i] *= signAt(signs[2 * r], i);
          magnitude += std::abs(v[i]);
          wrong += error[i];
        }
        applyTransform(llvm::MutableArrayRef(v).slice(block, n), round.transform);
        for (int64_t i = block; i < block + n; ++i) {
          error[i] = wrong + depth * kUnit * magnitude;
          if (round.signsAfter)
            v[i] *= signAt(signs[2 * r + 1], i);
        }
      }
    }
    double scale = spec.finalScale();
    for (int64_t i = 0; i < D; ++i) {
      v[i] *= scale;
      error[i] = error[i] * scale + 2 * kUnit * std::abs(v[i]) + 1e-44;
    }
    y = v;
    tolerance = error;
  }

  RowSpec spec;
  int64_t rows;
  std::mt19937 random;
  Tensor x, u, residual, gain, bias, sum, output;
  std::vector<std::vector<uint8_t>> signs;
  std::vector<int8_t> q;
  std::vector<int32_t> sums;
  std::vector<float> scales;
};

double normal(std::mt19937 &random) { return std::normal_distribution<double>(0.3, 1)(random); }

/// What rounding to the output's type adds.
double rounding(FloatKind kind, double value) {
  return kind == FloatKind::F32   ? 0
         : kind == FloatKind::F16 ? std::max(std::abs(value) * 0x1p-11, 0x1p-25)
                                  : std::abs(value) * 0x1p-8;
}

class Runner {
public:
  explicit Runner(const RowSpec &spec) : spec(spec), slotIsIndex(rowSlots(spec)), kernel(describe()) {}

  /// Runs every body, whole and in pieces; checks against the reference; returns the last call.
  void check(int64_t rows, std::function<double(std::mt19937 &)> draw = normal) {
    Call first(spec, rows, 1, draw), call = first;
    for (size_t isa = 0; isa < kernel.names.size(); ++isa) {
      SCOPED_TRACE(kernel.names[isa] + " D=" + std::to_string(spec.width) + " rows=" + std::to_string(rows));
      call = first;
      kernel.run(isa, call.slots());
      checkOutput(call);
      if (spec.quantize)
        checkQuantized(call);
      Call pieces = first;
      kernel.run(isa, pieces.slots(), 3);
      EXPECT_TRUE(pieces.output == call.output && pieces.sum == call.sum && pieces.q == call.q &&
                  pieces.sums == call.sums && pieces.scales == call.scales);
      EXPECT_TRUE(call.output.marginsIntact() && call.sum.marginsIntact());
      if (isa && spec.act == RowSpec::Act::None) {
        EXPECT_TRUE(call.output == previous && call.q == previousQ) << "instruction sets disagree";
      }
      previous = call.output;
      previousQ = call.q;
    }
  }

  test::CompiledKernel &compiled() { return kernel; }

private:
  Kernel describe() {
    body = [this](Body &b) { return emitRow(b, this->spec); };
    work = [](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
      return rowWork(b, loc, slots);
    };
    return {"k", slotIsIndex, body, work};
  }

  void checkOutput(Call &call) {
    Row y, tolerance;
    for (int64_t row = 0; row < call.rows; ++row) {
      call.reference(row, y, tolerance);
      for (int64_t i = 0; i < spec.width && spec.output; ++i) {
        double got = call.output[row * spec.width + i];
        ASSERT_LE(std::abs(got - y[i]), tolerance[i] * 1.0001 + rounding(*spec.output, y[i]))
            << row << " " << i << " " << got << " " << y[i];
      }
      for (int64_t i = 0; i < spec.width && spec.storeSum; ++i) {
        int64_t at = row * spec.width + i;
        double s = call.x[at];
        if (spec.act == RowSpec::Act::SiLUMul)
          s = s / (1 + std::exp(-s)) * call.u[at];
        s += spec.residual ? call.residual[at] : 0;
        ASSERT_LE(std::abs(call.sum[at] - s),
                  12 * kUnit * (std::abs(s) + std::abs(call.residual[at])) + rounding(*spec.storeSum, s));
      }
    }
  }

  /// Exact where y is an f32 output too; else within one code of the reference.
  void checkQuantized(Call &call) {
    int64_t D = spec.width, group = spec.quantize->group ? spec.quantize->group : D, groups = spec.groups();
    bool exact = spec.output == FloatKind::F32;
    Row y, tolerance;
    for (int64_t row = 0; row < call.rows; ++row) {
      call.reference(row, y, tolerance);
      if (exact)
        for (int64_t i = 0; i < D; ++i)
          y[i] = call.output[row * D + i];
      for (int64_t g = 0; g < groups; ++g) {
        bool own = spec.quantize->groupScales;
        int64_t begin = g * group, end = std::min(D, begin + group);
        float greatest = 0;
        for (int64_t i = own ? begin : 0; i < (own ? end : D); ++i)
          greatest = std::max(greatest, std::abs(static_cast<float>(y[i])));
        bool zero = greatest < 0x1p-120f;
        float scale = zero ? 0 : greatest / 127, inverse = zero ? 0 : 127 / greatest;
        float gotScale = call.scales[own ? row * groups + g : row];
        EXPECT_NEAR(gotScale, scale, exact ? 0 : 1e-4 * scale);
        int32_t total = 0;
        for (int64_t i = begin; i < end; ++i) {
          int expected = static_cast<int>(std::nearbyint(static_cast<float>(y[i]) * inverse));
          int got = call.q[row * int8RowBytes(D) + i];
          total += got;
          if (exact)
            ASSERT_EQ(got, expected) << row << " " << i;
          else
            ASSERT_LE(std::abs(got - expected), 1) << row << " " << i;
        }
        EXPECT_EQ(call.sums[row * groups + g], total);
      }
      for (int64_t i = D; i < int8RowBytes(D); ++i)
        ASSERT_EQ(call.q[row * int8RowBytes(D) + i], 0);
    }
  }

  RowSpec spec;
  llvm::SmallVector<bool> slotIsIndex;
  std::function<mlir::LogicalResult(Body &)> body;
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Location, llvm::ArrayRef<mlir::Value>)> work;
  test::CompiledKernel kernel;
  Tensor previous{FloatKind::F32, size_t(0)};
  std::vector<int8_t> previousQ;
};

HadamardTransform order(int64_t n) {
  auto [m, log2] = *splitOrder(n);
  return {m, m == 1 ? "" : *defaultTable(m), log2};
}

RowSpec rotation(int64_t width, HadamardTransform transform, bool signs = true) {
  RowSpec spec;
  spec.width = width;
  spec.rounds.push_back({transform, signs, false});
  return spec;
}

TEST(RowKernel, Rotations) {
  for (auto [width, n] : {std::pair<int64_t, int64_t>{1, 1},
                          {2, 2},
                          {16, 16},
                          {16, 4},
                          {64, 64},
                          {100, 4},
                          {576, 64},
                          {1536, 512},
                          {4096, 4096},
                          {4096, 128},
                          {8192, 8192},
                          {24, 8}}) {
    Runner runner(rotation(width, order(n)));
    for (int64_t rows : {0, 1, 2, 5})
      runner.check(rows);
  }
}

TEST(RowKernel, LargestBlock) { Runner(rotation(32768, order(32768))).check(2); }

// 32 MiB and more, on a cache line, are stored past the caches: the same bits as where the result is on none.
TEST(RowKernel, ResultsThatNoCacheHolds) {
  RowSpec spec = rotation(4096, order(1024));
  int64_t rows = 2050, bytes = rows * spec.width * 4;
  Runner runner(spec);
  Call call(spec, rows, 1, normal);
  std::vector<int64_t> slots = call.slots(), straddling = slots;
  std::vector<char, AlignedAllocator<char>> aligned(bytes), other(bytes + 4);
  slots.back() = test::address(aligned.data());
  straddling.back() = test::address(other.data() + 4);
  for (size_t isa = 0; isa < runner.compiled().names.size(); ++isa) {
    std::fill(aligned.begin(), aligned.end(), 1);
    runner.compiled().run(isa, slots, 3);
    runner.compiled().run(isa, straddling);
    EXPECT_EQ(std::memcmp(aligned.data(), other.data() + 4, bytes), 0) << runner.compiled().names[isa];
  }
}

TEST(RowKernel, IntegersAreExact) {
  for (int64_t n : {8, 64, 1024, 8192}) {
    RowSpec spec = rotation(n, order(n));
    spec.scale = 1;
    Runner runner(spec);
    Call first(spec, 3, 1, [](std::mt19937 &random) { return double(int(random() % 17) - 8); });
    for (size_t isa = 0; isa < runner.compiled().names.size(); ++isa) {
      Call call = first;
      runner.compiled().run(isa, call.slots());
      Row y, tolerance;
      for (int64_t row = 0; row < 3; ++row) {
        call.reference(row, y, tolerance);
        for (int64_t i = 0; i < n; ++i)
          ASSERT_EQ(call.output[row * n + i], y[i]);
      }
    }
  }
}

TEST(RowKernel, InverseOfARotation) {
  RowSpec spec = rotation(256, order(128), false);
  spec.rounds[0].signsAfter = true;
  Runner(spec).check(3);
}

TEST(RowKernel, SignsWithoutATransform) {
  for (int64_t width : {1, 3, 17, 30, 64, 100}) {
    RowSpec spec = rotation(width, {});
    spec.rounds[0].signsAfter = true;
    Runner(spec).check(2);
  }
}

TEST(RowKernel, InverseOfAFactor) {
  for (int64_t width : {240, 1536}) {
    RowSpec spec = rotation(width, {12, "paley1", width == 240 ? 1 : 5, true}, false);
    spec.rounds[0].signsAfter = true;
    spec.input = FloatKind::F16;
    Runner(spec).check(2);
  }
}

TEST(RowKernel, Rounds) {
  RowSpec spec = rotation(1024, order(512));
  spec.rounds.push_back({order(1024), true, false});
  spec.rounds.push_back({order(32), true, true});
  Runner(spec).check(3);
}

TEST(RowKernel, NormsOfEveryWidth) {
  for (int64_t width : {1, 2, 3, 16, 17, 63, 64, 100, 576, 1536, 4096})
    for (RowSpec::Norm norm : {RowSpec::Norm::RMS, RowSpec::Norm::Layer}) {
      RowSpec spec;
      spec.width = width;
      spec.norm = norm;
      spec.gain = FloatKind::F32;
      if (norm == RowSpec::Norm::Layer)
        spec.bias = FloatKind::F32;
      Runner runner(spec);
      runner.check(2);
      runner.check(33);
    }
}

TEST(RowKernel, NormsOfOddInputs) {
  for (RowSpec::Norm norm : {RowSpec::Norm::RMS, RowSpec::Norm::Layer}) {
    RowSpec spec;
    spec.width = 100;
    spec.norm = norm;
    Runner runner(spec);
    runner.check(2, [](std::mt19937 &) { return 0.0; });
    runner.check(2, [](std::mt19937 &) { return 1e-30; });
    runner.check(2, [](std::mt19937 &random) { return random() % 2 ? 1e17 : -1e17; });
    runner.check(2, [](std::mt19937 &random) { return 1000 + 1e-2 * (random() % 100); });
    int drawn = 0;
    runner.check(2, [&](std::mt19937 &) { return ++drawn == 50 ? 1e4 : 0.0; });
  }
}

TEST(RowKernel, HalfPrecision) {
  for (FloatKind kind : {FloatKind::F16, FloatKind::BF16})
    for (int64_t width : {17, 64, 576, 1024}) {
      RowSpec spec;
      spec.width = width;
      spec.input = kind;
      spec.output = kind;
      spec.gain = kind;
      spec.residual = true;
      spec.storeSum = kind;
      spec.norm = RowSpec::Norm::RMS;
      if (width > 17)
        spec.rounds.push_back({order(64), true, false});
      Runner(spec).check(5);
    }
}

TEST(RowKernel, PrologueOfAMatmul) {
  for (int64_t width : {64, 576, 1536, 4096})
    for (bool output : {true, false})
      for (RowSpec::Quantize quantize :
           {RowSpec::Quantize{0, false}, RowSpec::Quantize{32, false}, RowSpec::Quantize{128, true}}) {
        RowSpec spec = rotation(width, order(width % 512 ? 64 : 512));
        spec.residual = true;
        spec.storeSum = FloatKind::F32;
        spec.norm = RowSpec::Norm::RMS;
        spec.gain = FloatKind::F16;
        spec.quantize = quantize;
        if (!output)
          spec.output = std::nullopt;
        Runner(spec).check(3);
      }
}

TEST(RowKernel, QuantizeAnyWidth) {
  for (int64_t width : {1, 2, 3, 16, 17, 63, 65, 100}) {
    RowSpec spec;
    spec.width = width;
    spec.quantize = RowSpec::Quantize{16, width % 2 == 0};
    Runner(spec).check(3);
  }
}

TEST(RowKernel, SiLUMul) {
  RowSpec spec = rotation(1536, order(512));
  spec.act = RowSpec::Act::SiLUMul;
  spec.quantize = RowSpec::Quantize{64, false};
  Runner(spec).check(4);
}

TEST(RowKernel, OddInputs) {
  RowSpec spec = rotation(256, order(256));
  spec.quantize = RowSpec::Quantize{64, false};
  Runner runner(spec);
  runner.check(2, [](std::mt19937 &) { return 0.0; });
  runner.check(2, [](std::mt19937 &) { return 1e-41; });
  runner.check(2, [](std::mt19937 &random) { return random() % 2 ? 1e-37 : -3e-38; });
  runner.check(2, [](std::mt19937 &random) { return random() % 2 ? 1e30 : -1e30; });
  int drawn = 0;
  runner.check(2, [&](std::mt19937 &) { return ++drawn == 100 ? 1e4 : 0.0; });
}

TEST(RowKernel, NaNAndInfinityReachTheScale) {
  RowSpec spec;
  spec.width = 100;
  spec.quantize = RowSpec::Quantize{0, false};
  Runner runner(spec);
  for (double bad : {double(NAN), double(INFINITY), -double(INFINITY)})
    for (int64_t place : {0, 57, 99})
      for (size_t isa = 0; isa < runner.compiled().names.size(); ++isa) {
        Call call(spec, 2, 1, [](std::mt19937 &) { return 1.0; });
        call.x.set(place, bad);
        runner.compiled().run(isa, call.slots());
        EXPECT_FALSE(std::isfinite(call.scales[0]));
        EXPECT_EQ(call.scales[1], 1.0f / 127);
        EXPECT_EQ(call.q[int8RowBytes(100)], 127);
      }
}

TEST(RowKernel, OrdersWithAFactor) {
  for (auto [width, transform] : {std::pair<int64_t, HadamardTransform>{576, order(576)},
                                  {1536, order(1536)},
                                  {100, order(100)},
                                  {112, order(112)},
                                  {240, {12, "paley1", 1, true}},
                                  {2560, order(2560)},
                                  {640, {20, "paley1", 5, true}},
                                  {1280, {40, "sylvester:2*paley1:20", 5}},
                                  {2752, {172, "williamson", 4, true}},
                                  {3584, order(3584)}}) {
    RowSpec spec = rotation(width, transform);
    spec.quantize = RowSpec::Quantize{0, false};
    Runner runner(spec);
    runner.check(1);
    runner.check(3);
  }
}

} // namespace
