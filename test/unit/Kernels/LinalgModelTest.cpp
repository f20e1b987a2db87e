// Kernels as models have them: normalization over several dimensions, convolution, quantization, masks; every math
// operation; reductions of every kind.
#include "LinalgHarness.h"

using namespace hadron::test;

namespace {

TEST(LinalgModel, GroupNorm) {
  // [n, 6, h] in groups of 2 channels: x viewed as [n, 3, 2, h], statistics over the last two.
  LinalgKernel k(R"(
    #all = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
    #stat = affine_map<(d0, d1, d2, d3) -> (d0, d1)>
    func.func @k(%n: index, %h: index, %x: tensor<?x6x?xf32> {hadron.shape = ["s0", "6", "s1"]}) -> (tensor<?x6x?xf32> {hadron.shape = ["s0", "6", "s1"]}) {
      %zero = arith.constant 0.0 : f32
      %two = arith.constant 2.0 : f32
      %v = tensor.expand_shape %x [[0], [1, 2], [3]] output_shape [%n, 3, 2, %h] : tensor<?x6x?xf32> into tensor<?x3x2x?xf32>
      %e = tensor.empty(%n) : tensor<?x3xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
      %sum = linalg.reduce { arith.addf } ins(%v : tensor<?x3x2x?xf32>) outs(%f : tensor<?x3xf32>) dimensions = [2, 3]
      %o = tensor.empty(%n, %h) : tensor<?x3x2x?xf32>
      %y = linalg.generic {indexing_maps = [#all, #stat, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%v, %sum : tensor<?x3x2x?xf32>, tensor<?x3xf32>) outs(%o : tensor<?x3x2x?xf32>) {
      ^bb0(%a: f32, %s: f32, %u: f32):
        %i = arith.index_cast %h : index to i32
        %c = arith.sitofp %i : i32 to f32
        %c2 = arith.mulf %c, %two : f32
        %m = arith.divf %s, %c2 : f32
        %d = arith.subf %a, %m : f32
        linalg.yield %d : f32
      } -> tensor<?x3x2x?xf32>
      %r = tensor.collapse_shape %y [[0], [1, 2], [3]] : tensor<?x3x2x?xf32> into tensor<?x6x?xf32>
      return %r : tensor<?x6x?xf32>
    })");
  for (size_t n : {1, 2})
    for (size_t h : {1, 7, 40}) {
      Guarded<float> x(n * 6 * h, [](size_t i) { return noise(i); }), y(n * 6 * h);
      k.run(
          slotsOf(n, h, x),
          [&] {
            for (size_t g = 0; g < n * 3; ++g) {
              double sum = 0;
              for (size_t i = 0; i < 2 * h; ++i)
                sum += x[g * 2 * h + i];
              for (size_t i = 0; i < 2 * h; ++i)
                expectNear(y[g * 2 * h + i], x[g * 2 * h + i] - sum / (2 * h), 1e-6, "y", i);
            }
          },
          y);
    }
}

TEST(LinalgModel, Convolution) {
  LinalgKernel k(R"(
    func.func @k(%n: index, %x: tensor<?x9x8x5xf32> {hadron.shape = ["s0", "9", "8", "5"]}, %w: tensor<3x2x5x20xf32>)
        -> (tensor<?x4x7x20xf32> {hadron.shape = ["s0", "4", "7", "20"]}) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%n) : tensor<?x4x7x20xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4x7x20xf32>) -> tensor<?x4x7x20xf32>
      %y = linalg.conv_2d_nhwc_hwcf {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
          ins(%x, %w : tensor<?x9x8x5xf32>, tensor<3x2x5x20xf32>) outs(%f : tensor<?x4x7x20xf32>) -> tensor<?x4x7x20xf32>
      return %y : tensor<?x4x7x20xf32>
    })");
  LinalgKernel pool(R"(
    func.func @k(%n: index, %c: index, %x: tensor<?x?x8x9xf32> {hadron.shape = ["s0", "s1", "8", "9"]})
        -> (tensor<?x?x4x8xf32> {hadron.shape = ["s0", "s1", "4", "8"]}) {
      %inf = arith.constant 0xFF800000 : f32
      %w = tensor.empty() : tensor<2x2xf32>
      %e = tensor.empty(%n, %c) : tensor<?x?x4x8xf32>
      %f = linalg.fill ins(%inf : f32) outs(%e : tensor<?x?x4x8xf32>) -> tensor<?x?x4x8xf32>
      %y = linalg.pooling_nchw_max {strides = dense<[2, 1]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
          ins(%x, %w : tensor<?x?x8x9xf32>, tensor<2x2xf32>) outs(%f : tensor<?x?x4x8xf32>) -> tensor<?x?x4x8xf32>
      return %y : tensor<?x?x4x8xf32>
    })");
  size_t n = 2;
  Guarded<float> x(n * 360, [](size_t i) { return noise(i); }), w(600, [](size_t i) { return noise(i, 3); }),
      y(n * 560);
  k.run(
      slotsOf(n, x, w),
      [&] {
        for (size_t i = 0; i < n * 560; ++i) {
          size_t f = i % 20, ow = i / 20 % 7, oh = i / 140 % 4, b = i / 560;
          double sum = 0;
          for (size_t a = 0; a < 3; ++a)
            for (size_t c = 0; c < 2; ++c)
              for (size_t l = 0; l < 5; ++l)
                sum += static_cast<double>(x[((b * 9 + oh * 2 + a) * 8 + ow + c) * 5 + l]) *
                       w[((a * 2 + c) * 5 + l) * 20 + f];
          expectNear(y[i], sum, 1e-5, "y", i);
        }
      },
      y);
  Guarded<float> z(n * 3 * 72, [](size_t i) { return noise(i); }), m(n * 3 * 32);
  pool.run(
      slotsOf(n, 3, z),
      [&] {
        for (size_t i = 0; i < n * 3 * 32; ++i) {
          const float *p = z.data() + (i / 32 * 8 + i / 8 % 4 * 2) * 9 + i % 8;
          EXPECT_EQ(m[i], std::max(std::max(p[0], p[1]), std::max(p[9], p[10])));
        }
      },
      m);
}

TEST(LinalgModel, DynamicQuantization) {
  // q = i8(clamp(round(x / s))), s = max|x| / 127 by row.
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    #one = affine_map<(d0) -> (d0)>
    func.func @k(%m: index, %n: index, %x: tensor<?x?xf16> {hadron.shape = ["s0", "s1"]})
        -> (tensor<?x?xi8> {hadron.shape = ["s0", "s1"]}, tensor<?xf32> {hadron.shape = ["s0"]}) {
      %zero = arith.constant 0.0 : f32
      %top = arith.constant 127.0 : f32
      %low = arith.constant -127.0 : f32
      %e = tensor.empty(%m) : tensor<?xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %max = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x?xf16>) outs(%f : tensor<?xf32>) {
      ^bb0(%a: f16, %o: f32):
        %w = arith.extf %a : f16 to f32
        %b = math.absf %w : f32
        %c = arith.maximumf %o, %b : f32
        linalg.yield %c : f32
      } -> tensor<?xf32>
      %s = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel"]} ins(%max : tensor<?xf32>) outs(%e : tensor<?xf32>) {
      ^bb0(%a: f32, %o: f32):
        %b = arith.divf %a, %top : f32
        linalg.yield %b : f32
      } -> tensor<?xf32>
      %eq = tensor.empty(%m, %n) : tensor<?x?xi8>
      %q = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %s : tensor<?x?xf16>, tensor<?xf32>) outs(%eq : tensor<?x?xi8>) {
      ^bb0(%a: f16, %b: f32, %o: i8):
        %w = arith.extf %a : f16 to f32
        %d = arith.divf %w, %b : f32
        %r = math.roundeven %d : f32
        %c0 = arith.maxnumf %r, %low : f32
        %c1 = arith.minnumf %c0, %top : f32
        %i = arith.fptosi %c1 : f32 to i8
        linalg.yield %i : i8
      } -> tensor<?x?xi8>
      return %q, %s : tensor<?x?xi8>, tensor<?xf32>
    })");
  for (size_t m : {1, 3})
    for (size_t n : {1, 19, 64, 200}) {
      Guarded<_Float16> x(m * n, [](size_t i) { return static_cast<_Float16>(3 * noise(i)); });
      Guarded<int8_t> q(m * n);
      Guarded<float> s(m);
      k.run(
          slotsOf(m, n, x),
          [&] {
            for (size_t r = 0; r < m; ++r) {
              float max = 0;
              for (size_t i = 0; i < n; ++i)
                max = std::max(max, std::fabs(static_cast<float>(x[r * n + i])));
              EXPECT_EQ(s[r], max / 127);
              for (size_t i = 0; i < n; ++i)
                EXPECT_EQ(q[r * n + i], static_cast<int8_t>(std::nearbyint(static_cast<float>(x[r * n + i]) / s[r])));
            }
          },
          q, s);
    }
}

TEST(LinalgModel, CausalMaskAndMixedMatmul) {
  LinalgKernel mask(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    func.func @k(%s: index, %t: index, %past: index) -> (tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) {
      %zero = arith.constant 0.0 : f32
      %inf = arith.constant 0xFF800000 : f32
      %e = tensor.empty(%s, %t) : tensor<?x?xf32>
      %y = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<?x?xf32>) {
      ^bb0(%o: f32):
        %i = linalg.index 0 : index
        %j = linalg.index 1 : index
        %p = arith.addi %i, %past : index
        %c = arith.cmpi sle, %j, %p : index
        %r = arith.select %c, %zero, %inf : f32
        linalg.yield %r : f32
      } -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })");
  Guarded<float> y(5 * 37);
  mask.run(
      slotsOf(5, 37, 9),
      [&] {
        for (int i = 0; i < 5 * 37; ++i)
          EXPECT_EQ(y[i], i % 37 <= i / 37 + 9 ? 0.0f : -INFINITY);
      },
      y);

  LinalgKernel matmul(R"(
    func.func @k(%m: index, %a: tensor<?x33xf16> {hadron.shape = ["s0", "33"]}, %b: tensor<33x21xf16>) -> (tensor<?x21xf32> {hadron.shape = ["s0", "21"]}) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%m) : tensor<?x21xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x21xf32>) -> tensor<?x21xf32>
      %y = linalg.matmul ins(%a, %b : tensor<?x33xf16>, tensor<33x21xf16>) outs(%f : tensor<?x21xf32>) -> tensor<?x21xf32>
      return %y : tensor<?x21xf32>
    })");
  size_t m = 11;
  Guarded<_Float16> a(m * 33, [](size_t i) { return static_cast<_Float16>(noise(i)); }),
      b(33 * 21, [](size_t i) { return static_cast<_Float16>(noise(i, 1)); });
  Guarded<float> z(m * 21);
  matmul.run(
      slotsOf(m, a, b),
      [&] {
        for (size_t i = 0; i < m * 21; ++i) {
          double sum = 0;
          for (size_t l = 0; l < 33; ++l)
            sum += static_cast<double>(a[i / 21 * 33 + l]) * static_cast<double>(b[l * 21 + i % 21]);
          expectNear(z[i], sum, 1e-5, "z", i);
        }
      },
      z);
}

TEST(LinalgModel, GlobalReductionThenElementwise) {
  LinalgKernel k(R"(
    #id = affine_map<(d0) -> (d0)>
    #none = affine_map<(d0) -> ()>
    func.func @k(%n: index, %x: tensor<?xf32> {hadron.shape = ["s0"]}) -> (tensor<?xf32> {hadron.shape = ["s0"]}, tensor<f32>) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<f32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
      %sum = linalg.reduce { arith.addf } ins(%x : tensor<?xf32>) outs(%f : tensor<f32>) dimensions = [0]
      %o = tensor.empty(%n) : tensor<?xf32>
      %y = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel"]} ins(%x, %sum : tensor<?xf32>, tensor<f32>) outs(%o : tensor<?xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %d = arith.divf %a, %b : f32
        linalg.yield %d : f32
      } -> tensor<?xf32>
      return %y, %sum : tensor<?xf32>, tensor<f32>
    })");
  for (size_t n : {1, 5, 2000}) {
    Guarded<float> x(n, [](size_t i) { return noise(i) + 1; }), y(n), s(1);
    k.run(
        slotsOf(n, x),
        [&] {
          double sum = 0;
          for (size_t i = 0; i < n; ++i)
            sum += x[i];
          expectNear(s[0], sum, 1e-6, "s", 0);
          for (size_t i = 0; i < n; ++i)
            expectNear(y[i], x[i] / sum, 1e-6, "y", i);
        },
        y, s);
  }
}

template <typename T>
void reduceKind(const std::string &op, const std::string &type, const std::string &init,
                const std::function<double(double, double)> &f) {
  SCOPED_TRACE(op);
  std::string constant = "%c = arith.constant " + init + (type == "i1" ? " " : " : " + type + " ");
  LinalgKernel k("func.func @k(%m: index, %n: index, %x: tensor<?x?x" + type +
                 R"(> {hadron.shape = ["s0", "s1"]}) -> (tensor<?x)" + type +
                 R"(> {hadron.shape = ["s0"]}, tensor<?x)" + type + R"(> {hadron.shape = ["s1"]}) {)" + constant +
                 "%e = tensor.empty(%m) : tensor<?x" + type + "> %e2 = tensor.empty(%n) : tensor<?x" + type + ">" +
                 "%f = linalg.fill ins(%c : " + type + ") outs(%e : tensor<?x" + type + ">) -> tensor<?x" + type + ">" +
                 "%f2 = linalg.fill ins(%c : " + type + ") outs(%e2 : tensor<?x" + type + ">) -> tensor<?x" + type +
                 ">" + "%y = linalg.reduce { " + op + " } ins(%x : tensor<?x?x" + type + ">) outs(%f : tensor<?x" +
                 type + ">) dimensions = [1]" + "%z = linalg.reduce { " + op + " } ins(%x : tensor<?x?x" + type +
                 ">) outs(%f2 : tensor<?x" + type + ">) dimensions = [0]" + "return %y, %z : tensor<?x" + type +
                 ">, tensor<?x" + type + "> }");
  double start = std::is_floating_point_v<T> ? std::stod(init)
                 : init == "true"            ? 1
                 : init == "false"           ? 0
                                             : std::stod(init);
  for (size_t n : {0, 1, 6, 83}) {
    size_t m = 3;
    Guarded<T> x(m * n, [&](size_t i) {
      float v = noise(i);
      return type == "i1"                  ? static_cast<T>(i % 5 != 0)
             : std::is_floating_point_v<T> ? static_cast<T>(v)
                                           : static_cast<T>(static_cast<int>(100 * v));
    });
    Guarded<T> y(m), z(n);
    k.run(
        slotsOf(m, n, x),
        [&] {
          for (size_t r = 0; r < m; ++r) {
            double want = start;
            for (size_t i = 0; i < n; ++i)
              want = f(want, static_cast<double>(x[r * n + i]));
            expectNear(static_cast<double>(y[r]), static_cast<double>(static_cast<T>(want)), 1e-5, "rows", r);
          }
          for (size_t i = 0; i < n; ++i) {
            double want = start;
            for (size_t r = 0; r < m; ++r)
              want = f(want, static_cast<double>(x[r * n + i]));
            expectNear(static_cast<double>(z[i]), static_cast<double>(static_cast<T>(want)), 1e-5, "columns", i);
          }
        },
        y, z);
  }
}

TEST(LinalgModel, ReductionKinds) {
  auto sum = [](double a, double b) { return a + b; };
  auto max = [](double a, double b) { return std::max(a, b); };
  auto min = [](double a, double b) { return std::min(a, b); };
  reduceKind<float>("arith.addf", "f32", "1.5", sum);
  reduceKind<double>("arith.addf", "f64", "1.5", sum);
  reduceKind<float>("arith.mulf", "f32", "2.0", [](double a, double b) { return a * b; });
  reduceKind<float>("arith.maximumf", "f32", "0.25", max);
  reduceKind<float>("arith.minnumf", "f32", "0.25", min);
  reduceKind<int32_t>("arith.addi", "i32", "3", sum);
  reduceKind<int64_t>("arith.maxsi", "i64", "-7", max);
  reduceKind<int8_t>("arith.minsi", "i8", "7", min);
  reduceKind<uint8_t>("arith.maxui", "i8", "1", max);
  reduceKind<uint8_t>("arith.andi", "i1", "true", [](double a, double b) { return a != 0 && b != 0; });
  reduceKind<uint8_t>("arith.ori", "i1", "false", [](double a, double b) { return a != 0 || b != 0; });
}

TEST(LinalgModel, EveryMathOperation) {
  struct Row {
    const char *op;
    double (*f)(double);
    double low, high;
  };
  const Row rows[] = {{"exp", std::exp, -10, 10},       {"exp2", std::exp2, -10, 10},
                      {"expm1", std::expm1, -3, 3},     {"log", std::log, 0.01, 9},
                      {"log2", std::log2, 0.01, 9},     {"log10", std::log10, 0.01, 9},
                      {"log1p", std::log1p, -0.9, 9},   {"sin", std::sin, -50, 50},
                      {"cos", std::cos, -50, 50},       {"tan", std::tan, -1, 1},
                      {"asin", std::asin, -1, 1},       {"acos", std::acos, -1, 1},
                      {"atan", std::atan, -9, 9},       {"sinh", std::sinh, -5, 5},
                      {"cosh", std::cosh, -5, 5},       {"tanh", std::tanh, -5, 5},
                      {"asinh", std::asinh, -5, 5},     {"acosh", std::acosh, 1, 9},
                      {"atanh", std::atanh, -0.9, 0.9}, {"erf", std::erf, -3, 3},
                      {"erfc", std::erfc, -3, 3},       {"sqrt", std::sqrt, 0, 9},
                      {"cbrt", std::cbrt, -9, 9},       {"absf", std::fabs, -9, 9},
                      {"ceil", std::ceil, -9, 9},       {"floor", std::floor, -9, 9},
                      {"round", std::round, -9, 9},     {"roundeven", std::nearbyint, -9, 9},
                      {"trunc", std::trunc, -9, 9}};
  for (const Row &row : rows) {
    SCOPED_TRACE(row.op);
    LinalgKernel k("func.func @k(%n: index, %x: tensor<?xf32> {hadron.shape = [\"s0\"]}) -> (tensor<?xf32> "
                   "{hadron.shape = [\"s0\"]}) {"
                   "%y = math." +
                   std::string(row.op) + " %x : tensor<?xf32> return %y : tensor<?xf32> }");
    size_t n = 203;
    Guarded<float> x(n,
                     [&](size_t i) { return static_cast<float>(row.low + (row.high - row.low) * (noise(i) + 1) / 2); }),
        y(n);
    k.run(
        slotsOf(n, x),
        [&] {
          for (size_t i = 0; i < n; ++i)
            expectNear(y[i], row.f(x[i]), 1e-6, "y", i);
        },
        y);
  }
}

TEST(LinalgModel, IntegerPowerAndRemainder) {
  LinalgKernel k(R"(
    func.func @k(%n: index, %a: tensor<?xi32> {hadron.shape = ["s0"]}, %b: tensor<?xi32> {hadron.shape = ["s0"]}, %x: tensor<?xf32> {hadron.shape = ["s0"]}, %y: tensor<?xf32> {hadron.shape = ["s0"]})
        -> (tensor<?xi32> {hadron.shape = ["s0"]}, tensor<?xf32> {hadron.shape = ["s0"]}) {
      %p = math.ipowi %a, %b : tensor<?xi32>
      %r = arith.remf %x, %y : tensor<?xf32>
      return %p, %r : tensor<?xi32>, tensor<?xf32>
    })");
  size_t n = 101;
  Guarded<int32_t> a(n, [](size_t i) { return static_cast<int32_t>(i % 9) - 4; }),
      b(n, [](size_t i) { return static_cast<int32_t>(i % 7); }), p(n);
  Guarded<float> x(n, [](size_t i) { return 1000 * noise(i); }), y(n, [](size_t i) { return noise(i, 2); }), r(n);
  k.run(
      slotsOf(n, a, b, x, y),
      [&] {
        for (size_t i = 0; i < n; ++i) {
          EXPECT_EQ(p[i], static_cast<int32_t>(std::lround(std::pow(a[i], b[i])))) << a[i] << "^" << b[i];
          EXPECT_EQ(r[i], std::fmod(x[i], y[i]));
        }
      },
      p, r);
}

} // namespace
