// Elementary functions against long double libm, on every instruction set: random bit patterns (all exponents), a dense
// sweep of [-20, 20], and the special values. Vectors and scalars must give the same bits.
#include "KernelHarness.h"

#include "hadron/Kernels/MathFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using hadron::kernels::VectorMath;
using hadron::test::address;
using hadron::test::CompiledKernel;

namespace {

using Build = std::function<Value(VectorMath &, ValueRange)>;

/// out[i] = f(in0[i], …) on groups of 16 elements; `lanes` a step (0: scalar).
template <typename T>
std::unique_ptr<CompiledKernel> compile(unsigned arity, unsigned lanes, const Build &build) {
  auto emit = [&](hadron::kernels::Body &body) {
    OpBuilder &b = body.builder;
    Location loc = body.loc;
    Type element = sizeof(T) == 4 ? Type(b.getF32Type()) : Type(b.getF64Type());
    Type type = lanes ? Type(VectorType::get({lanes}, element)) : element;
    unsigned width = std::max(lanes, 1u);
    auto constant = [&](int64_t v) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(v)).getResult(); };
    Value per = constant(16 / width), one = constant(1);
    Value begin = arith::MulIOp::create(b, loc, body.begin, per), end = arith::MulIOp::create(b, loc, body.end, per);
    auto loop = scf::ForOp::create(b, loc, begin, end, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value offset = arith::MulIOp::create(b, loc, loop.getInductionVar(), constant(width));
    auto at = [&](Value base) {
      return LLVM::GEPOp::create(b, loc, base.getType(), element, base, ArrayRef<LLVM::GEPArg>{offset}).getResult();
    };
    SmallVector<Value> operands;
    for (unsigned i = 0; i < arity; ++i)
      operands.push_back(LLVM::LoadOp::create(b, loc, type, at(body.slots[i + 1]), sizeof(T)));
    VectorMath math{b, loc, body.target};
    LLVM::StoreOp::create(b, loc, build(math, operands), at(body.slots[arity + 1]), sizeof(T));
    return success();
  };
  hadron::kernels::Kernel kernel;
  kernel.name = "f";
  kernel.slotIsIndex.assign(arity + 2, false);
  kernel.slotIsIndex[0] = true;
  auto work = [](OpBuilder &, Location, ArrayRef<Value> slots) { return slots[0]; };
  kernel.emitBody = emit;
  kernel.emitWork = work;
  return std::make_unique<CompiledKernel>(kernel);
}

template <typename T>
std::vector<T> run(const CompiledKernel &kernel, size_t isa, const std::vector<std::vector<T>> &in) {
  std::vector<T> out(in[0].size());
  std::vector<int64_t> slots{static_cast<int64_t>(out.size() / 16)};
  for (auto &v : in)
    slots.push_back(address(v.data()));
  slots.push_back(address(out.data()));
  kernel.run(isa, slots, 3);
  return out;
}

const float kInf = INFINITY;
const float kSpecial[] = {0.0f,
                          -0.0f,
                          kInf,
                          -kInf,
                          NAN,
                          1e-45f,
                          -1e-45f,
                          1.1754942e-38f,
                          1.17549435e-38f,
                          -1e-39f,
                          3.4028235e38f,
                          -3.4028235e38f,
                          1,
                          -1,
                          0.5f,
                          -0.5f,
                          1.5f,
                          -1.5f,
                          2.5f,
                          -2.5f,
                          0.49999997f,
                          -0.49999997f,
                          2,
                          -2,
                          3,
                          8,
                          8388607.5f,
                          8388608,
                          8388609,
                          -8388609,
                          4194303.5f,
                          16777216,
                          88.72f,
                          88.73f,
                          -87.3f,
                          -103.9f,
                          -104.1f,
                          0.625f,
                          0.93f,
                          1e-5f,
                          -1e-10f,
                          0.70710677f,
                          0.70710683f,
                          3.1415927f,
                          1.5707964f,
                          100000.0f,
                          999999.0f};

/// Special values, random bit patterns, and a sweep of [-20, 20]; a multiple of 16 of them.
std::vector<float> samples(float limit) {
  std::vector<float> v(std::begin(kSpecial), std::end(kSpecial));
  std::mt19937 random(7);
  for (int i = 0; i < 200000; ++i) {
    uint32_t bits = random();
    float f;
    std::memcpy(&f, &bits, 4);
    v.push_back(f);
  }
  for (int i = 0; i < 200000; ++i)
    v.push_back((i + 0.37f) * 1e-4f * ((i & 1) ? 1 : -1));
  std::uniform_real_distribution<float> wide(-1, 1);
  for (int i = 0; i < 100000; ++i)
    v.push_back(wide(random) * limit);
  v.resize(v.size() / 16 * 16);
  return v;
}

/// No expectation: the function promises nothing there.
constexpr long double kSkip = 12345;
long double skipLarge(long double x, long double y) {
  return std::fabs(x) > 1e6 && std::fabs(x) < INFINITY ? kSkip : y;
}

/// Distance in units of the last place of the exact value as f32 (at least those of the smallest normal number).
double ulps(float got, long double exact) {
  if (std::isnan(exact) || std::isnan(got))
    return std::isnan(exact) && std::isnan(got) ? 0 : 1e9;
  float rounded = static_cast<float>(exact);
  if (std::isinf(got) || std::isinf(rounded))
    return got == rounded ? 0 : (std::fabs(exact) > 3.4028233e38L && std::fabs(got) > 3.402823e38f) ? 1 : 1e9;
  if (std::fabs(exact) < 1e-38L && std::fabs(got) < 1.2e-38f)
    return 0;
  int exponent = std::max(std::ilogb(rounded), -126);
  return static_cast<double>(std::fabs(got - exact) / std::ldexp(1.0L, exponent - 23));
}

void check(const char *name, unsigned arity, const Build &build,
           const std::function<long double(long double, long double)> &exact, double bound, float limit = 1e5f,
           long double smallest = 1e-38L) {
  std::vector<std::vector<float>> in{samples(limit)};
  if (arity == 2) {
    in.push_back(in[0]);
    std::shuffle(in[1].begin() + 40, in[1].end(), std::mt19937(3));
    for (size_t i = 0; i < 1600; ++i) { // every pair of special values
      in[0][i] = kSpecial[i % 40];
      in[1][i] = kSpecial[i / 40];
    }
    for (size_t i = 1600; i < 100000; ++i) { // moderate pairs, small integers among them
      in[0][i] = std::remainder(in[0][i], 50.0f);
      in[1][i] = (i & 1) ? std::round(std::remainder(in[1][i], 9.0f)) : std::remainder(in[1][i], 20.0f);
    }
  }
  auto vectors = compile<float>(arity, 16, build), scalars = compile<float>(arity, 0, build);
  for (size_t isa = 0; isa < vectors->names.size(); ++isa) {
    SCOPED_TRACE(std::string(name) + " " + vectors->names[isa]);
    std::vector<float> out = run(*vectors, isa, in), scalar = run(*scalars, isa, in);
    double worst = 0;
    size_t where = 0, differ = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      long double y = exact(in[0][i], in[arity - 1][i]);
      if (y == kSkip || (std::fabs(y) < smallest && std::fabs(out[i]) < 1.01 * smallest))
        continue;
      double u = ulps(out[i], y);
      if (u > worst)
        worst = u, where = i;
      if (y == 0 && std::signbit(y) != std::signbit(out[i]) && in[0][i] == 0)
        ADD_FAILURE() << "sign of zero at " << in[0][i] << ", " << in[arity - 1][i] << ": " << out[i];
      if (std::memcmp(&out[i], &scalar[i], 4) != 0 && !std::isnan(out[i]))
        ++differ;
    }
    EXPECT_LE(worst, bound) << "at " << in[0][where] << ", " << in[arity - 1][where] << ": " << out[where] << " for "
                            << static_cast<double>(exact(in[0][where], in[arity - 1][where]));
    EXPECT_EQ(differ, 0u) << "vector and scalar differ";
    std::printf("%-10s %-14s %.2f ulp\n", name, vectors->names[isa].c_str(), worst);
  }
}

#define UNARY(NAME, BUILD, EXACT, BOUND, ...)                                                                          \
  TEST(MathFunctions, NAME) {                                                                                          \
    check(                                                                                                             \
        #NAME, 1, [](VectorMath &m, ValueRange v) { return m.BUILD(v[0]); },                                           \
        [](long double x, long double) -> long double { return EXACT; }, BOUND, ##__VA_ARGS__);                        \
  }

UNARY(Exp, exp, std::exp(x), 2, 100)
UNARY(Exp2, exp2, std::exp2(x), 2, 150)
UNARY(Expm1, expm1, std::expm1(x), 4, 90)
UNARY(Log, log, std::log(x), 2)
UNARY(Log2, log2, std::log2(x), 2)
UNARY(Log10, log10, std::log10(x), 2)
UNARY(Log1p, log1p, std::log1p(x), 4, 2)
UNARY(Sqrt, sqrt, std::sqrt(x), 0.51)
UNARY(Rsqrt, rsqrt, 1 / std::sqrt(x), 2)
UNARY(Cbrt, cbrt, std::cbrt(x), 1)
UNARY(Sigmoid, sigmoid, 1 / (1 + std::exp(-x)), 4, 90, 1e-36L)
UNARY(Silu, silu, x == -kInf ? -0.0L : x / (1 + std::exp(-x)), 4, 90, 1e-36L)
UNARY(Tanh, tanh, std::tanh(x), 4, 10)
UNARY(Erf, erf, std::erf(x), 4, 5)
UNARY(Erfc, erfc, std::erfc(x), 4, 10)
UNARY(Gelu, gelu, x == -kInf ? -0.0L : x * 0.5L * std::erfc(-x / std::sqrt(2.0L)), 5, 13, 1e-36L)
UNARY(GeluTanh, geluTanh,
      x == -kInf ? -0.0L : x / (1 + std::exp(-2 * std::sqrt(2 / M_PIl) * (x + 0.044715L * x * x * x))), 4, 10, 1e-36L)
UNARY(Sin, sin, skipLarge(x, std::sin(x)), 4, 1e6)
UNARY(Cos, cos, skipLarge(x, std::cos(x)), 4, 1e6)
UNARY(Tan, tan, skipLarge(x, std::tan(x)), 4, 1e6)
UNARY(Asin, asin, std::asin(x), 4, 1)
UNARY(Acos, acos, std::acos(x), 4, 1)
UNARY(Atan, atan, std::atan(x), 4, 10)
UNARY(Sinh, sinh, std::sinh(x), 2, 90)
UNARY(Cosh, cosh, std::cosh(x), 2, 90)
UNARY(Asinh, asinh, std::asinh(x), 2)
UNARY(Acosh, acosh, std::acosh(x), 2)
UNARY(Atanh, atanh, std::atanh(x), 2, 1)
UNARY(Floor, floor, std::floor(x), 0)
UNARY(Ceil, ceil, std::ceil(x), 0)
UNARY(Trunc, trunc, std::trunc(x), 0)
UNARY(RoundEven, roundEven, std::nearbyint(x), 0)
UNARY(Round, roundAwayFromZero, std::round(x), 0)

TEST(MathFunctions, Pow) {
  check(
      "pow", 2, [](VectorMath &m, ValueRange v) { return m.pow(v[0], v[1]); },
      [](long double x, long double y) { return std::pow(x, y); }, 1);
}
TEST(MathFunctions, Atan2) {
  check(
      "atan2", 2, [](VectorMath &m, ValueRange v) { return m.atan2(v[0], v[1]); },
      [](long double x, long double y) { return std::atan2(x, y); }, 4);
}
TEST(MathFunctions, Remainder) {
  check(
      "fmod", 2, [](VectorMath &m, ValueRange v) { return m.remainder(v[0], v[1]); },
      [](long double x, long double y) { return std::fmod(x, y); }, 0);
}
TEST(MathFunctions, IntegerPower) {
  check(
      "x^3", 1, [](VectorMath &m, ValueRange v) { return m.powi(v[0], 3); },
      [](long double x, long double) { return x * x * x; }, 1.5);
}

TEST(MathFunctions, Double) {
  std::vector<double> x;
  std::mt19937_64 random(5);
  for (int i = 0; i < 100000; ++i)
    x.push_back(
        std::ldexp(std::uniform_real_distribution<double>(-1, 1)(random), static_cast<int>(random() % 34) - 10));
  for (double v : {0.0, -0.0, static_cast<double>(kInf), -static_cast<double>(kInf), static_cast<double>(NAN), 1.0,
                   -1.0, 1e-310, 709.78, -745.0, 1e8, 1e-300, 1.7e308, 2.5, -2.5, 4503599627370495.5})
    x.push_back(v);
  x.resize(x.size() / 16 * 16);
  struct Row {
    const char *name;
    Build build;
    long double (*exact)(long double);
    double bound;
  };
  const Row rows[] = {{"exp", [](VectorMath &m, ValueRange v) { return m.exp(v[0]); }, std::exp, 2},
                      {"log", [](VectorMath &m, ValueRange v) { return m.log(v[0]); }, std::log, 2},
                      {"sin", [](VectorMath &m, ValueRange v) { return m.sin(v[0]); }, std::sin, 4},
                      {"cos", [](VectorMath &m, ValueRange v) { return m.cos(v[0]); }, std::cos, 4},
                      {"floor", [](VectorMath &m, ValueRange v) { return m.floor(v[0]); }, std::floor, 0},
                      {"round", [](VectorMath &m, ValueRange v) { return m.roundAwayFromZero(v[0]); }, std::round, 0},
                      {"roundeven", [](VectorMath &m, ValueRange v) { return m.roundEven(v[0]); }, std::nearbyint, 0}};
  for (const Row &row : rows) {
    auto kernel = compile<double>(1, 8, row.build);
    for (size_t isa = 0; isa < kernel->names.size(); ++isa) {
      std::vector<double> out = run<double>(*kernel, isa, {x});
      double worst = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        long double y = row.exact(x[i]);
        bool trigonometric = row.bound == 4 && std::fabs(x[i]) > 1e8 && std::fabs(x[i]) < INFINITY;
        if (trigonometric || (std::isnan(y) && std::isnan(out[i])) || static_cast<double>(y) == out[i])
          continue;
        // Near a zero of sin the reduction leaves 2^-80 x of absolute error.
        long double unit = std::max(std::ldexp(1.0L, std::max(std::ilogb(y), -1022) - 52), std::fabs(x[i]) * 0x1p-100L);
        double u = std::fabs(out[i] - y) / unit;
        worst = std::isnan(u) ? 1e9 : std::max(worst, u);
        EXPECT_LE(u, row.bound) << row.name << "(" << x[i] << ") = " << out[i] << " on " << kernel->names[isa];
      }
      std::printf("%-10s f64 %-14s %.2f ulp\n", row.name, kernel->names[isa].c_str(), worst);
    }
  }
}

} // namespace
