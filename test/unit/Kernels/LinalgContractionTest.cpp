// Reductions over dimensions before the last, and products of two activations.
#include "LinalgHarness.h"

using namespace hadron::test;

namespace {

// Reductions over other dimensions.

TEST(LinalgKernel, MiddleSum) {
  LinalgKernel k(R"(
    func.func @k(%a: index, %b: index, %c: index, %x: tensor<?x?x?xf32> {hadron.shape = ["s0", "s1", "s2"]}) -> (tensor<?x?xf32> {hadron.shape = ["s0", "s2"]}) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%a, %c) : tensor<?x?xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
      %s = linalg.reduce { arith.addf } ins(%x : tensor<?x?x?xf32>) outs(%f : tensor<?x?xf32>) dimensions = [1]
      return %s : tensor<?x?xf32>
    })");
  for (size_t a : {1, 3})
    for (size_t b : {0, 1, 7})
      for (size_t c : {1, 9, 64, 300}) {
        Guarded<float> x(a * b * c, [](size_t i) { return noise(i); }), y(a * c);
        k.run(
            slotsOf(a, b, c, x),
            [&] {
              for (size_t i = 0; i < a * c; ++i) {
                double sum = 0;
                for (size_t j = 0; j < b; ++j)
                  sum += x[(i / c * b + j) * c + i % c];
                expectNear(y[i], sum, 1e-6, "y", i);
              }
            },
            y);
      }
}

TEST(LinalgKernel, SoftmaxOverTheMiddle) {
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
    #red = affine_map<(d0, d1, d2) -> (d0, d2)>
    func.func @k(%a: index, %b: index, %c: index, %x: tensor<?x?x?xf32> {hadron.shape = ["s0", "s1", "s2"]}) -> (tensor<?x?x?xf32> {hadron.shape = ["s0", "s1", "s2"]}) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%a, %c) : tensor<?x?xf32>
      %e3 = tensor.empty(%a, %b, %c) : tensor<?x?x?xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
      %p = linalg.exp ins(%x : tensor<?x?x?xf32>) outs(%e3 : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
      %s = linalg.reduce { arith.addf } ins(%p : tensor<?x?x?xf32>) outs(%f : tensor<?x?xf32>) dimensions = [1]
      %y = linalg.generic {indexing_maps = [#id, #red, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p, %s : tensor<?x?x?xf32>, tensor<?x?xf32>) outs(%e3 : tensor<?x?x?xf32>) {
      ^bb0(%q: f32, %r: f32, %o: f32):
        %d = arith.divf %q, %r : f32
        linalg.yield %d : f32
      } -> tensor<?x?x?xf32>
      return %y : tensor<?x?x?xf32>
    })");
  for (size_t b : {1, 7})
    for (size_t c : {1, 9, 100}) {
      size_t a = 2;
      Guarded<float> x(a * b * c, [](size_t i) { return 3 * noise(i); }), y(a * b * c);
      k.run(
          slotsOf(a, b, c, x),
          [&] {
            for (size_t i = 0; i < a; ++i)
              for (size_t l = 0; l < c; ++l) {
                double sum = 0;
                for (size_t j = 0; j < b; ++j)
                  sum += std::exp(x[(i * b + j) * c + l]);
                for (size_t j = 0; j < b; ++j)
                  expectNear(y[(i * b + j) * c + l], std::exp(x[(i * b + j) * c + l]) / sum, 1e-6, "y", l);
              }
          },
          y);
    }
}

// Contractions.

void batchMatmul(bool transposed, bool epilogue) {
  std::string rhs =
      transposed ? "affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>" : "affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>";
  std::string shape = transposed ? "[\"s0\", \"s2\", \"s3\"]" : "[\"s0\", \"s3\", \"s2\"]";
  std::string tail = epilogue ? R"(
      %r = linalg.generic {indexing_maps = [#id, #bias, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p, %c : tensor<?x?x?xf32>, tensor<?xf32>) outs(%e : tensor<?x?x?xf32>) {
      ^bb0(%x: f32, %z: f32, %o: f32):
        %t = arith.addf %x, %z : f32
        linalg.yield %t : f32
      } -> tensor<?x?x?xf32>
      return %r : tensor<?x?x?xf32> })"
                              : "return %p : tensor<?x?x?xf32> }";
  LinalgKernel k("#lhs = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>\n#rhs = " + rhs + R"(
    #out = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
    #id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
    #bias = affine_map<(d0, d1, d2) -> (d2)>
    func.func @k(%B: index, %M: index, %N: index, %K: index, %a: tensor<?x?x?xf32> {hadron.shape = ["s0", "s1", "s3"]},
                 %b: tensor<?x?x?xf32> {hadron.shape = )" +
                 shape + R"(}, %c: tensor<?xf32> {hadron.shape = ["s2"]})
        -> (tensor<?x?x?xf32> {hadron.shape = ["s0", "s1", "s2"]}) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty(%B, %M, %N) : tensor<?x?x?xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
      %p = linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a, %b : tensor<?x?x?xf32>, tensor<?x?x?xf32>) outs(%f : tensor<?x?x?xf32>) {
      ^bb0(%x: f32, %z: f32, %o: f32):
        %q = arith.mulf %x, %z : f32
        %s = arith.addf %o, %q : f32
        linalg.yield %s : f32
      } -> tensor<?x?x?xf32>
)" + tail);
  struct Shape {
    size_t b, m, n, k;
  };
  for (Shape s : {Shape{1, 1, 1, 1}, {2, 9, 33, 17}, {3, 8, 64, 64}, {1, 13, 300, 5}, {2, 1, 70, 31}, {1, 4, 3, 0}}) {
    Guarded<float> a(s.b * s.m * s.k, [](size_t i) { return noise(i); }),
        b(s.b * s.n * s.k, [](size_t i) { return noise(i, 4); });
    Guarded<float> c(s.n, [](size_t i) { return noise(i, 7); }), y(s.b * s.m * s.n);
    k.run(
        slotsOf(s.b, s.m, s.n, s.k, a, b, c),
        [&] {
          for (size_t i = 0; i < s.b * s.m; ++i)
            for (size_t j = 0; j < s.n; ++j) {
              double sum = epilogue ? c[j] : 0;
              for (size_t l = 0; l < s.k; ++l)
                sum += static_cast<double>(a[i * s.k + l]) *
                       (transposed ? b[(i / s.m * s.n + j) * s.k + l] : b[(i / s.m * s.k + l) * s.n + j]);
              expectNear(y[i * s.n + j], sum, 1e-5, "y", i * s.n + j);
            }
        },
        y);
  }
}
TEST(LinalgKernel, BatchMatmul) { batchMatmul(false, false); }
TEST(LinalgKernel, BatchMatmulTransposedWithBias) { batchMatmul(true, true); }

} // namespace
