// Kernels that move data: transposes, slices, concatenation, padding, gathers.
#include "LinalgHarness.h"

using namespace hadron::test;

namespace {

TEST(LinalgKernel, Transpose) {
  LinalgKernel k(R"(
    func.func @k(%a: index, %b: index, %x: tensor<?x?x3x20xf16> {hadron.shape = ["s0", "s1", "3", "20"]}) -> (tensor<?x3x?x20xf16> {hadron.shape = ["s0", "3", "s1", "20"]}) {
      %e = tensor.empty(%a, %b) : tensor<?x3x?x20xf16>
      %y = linalg.transpose ins(%x : tensor<?x?x3x20xf16>) outs(%e : tensor<?x3x?x20xf16>) permutation = [0, 2, 1, 3]
      return %y : tensor<?x3x?x20xf16>
    })");
  LinalgKernel t(R"(
    func.func @k(%a: index, %b: index, %x: tensor<?x?xi8> {hadron.shape = ["s0", "s1"]}) -> (tensor<?x?xi8> {hadron.shape = ["s1", "s0"]}) {
      %e = tensor.empty(%b, %a) : tensor<?x?xi8>
      %y = linalg.transpose ins(%x : tensor<?x?xi8>) outs(%e : tensor<?x?xi8>) permutation = [1, 0]
      return %y : tensor<?x?xi8>
    })");
  for (size_t a : {0, 1, 2})
    for (size_t b : {1, 5, 37}) {
      Guarded<uint16_t> x(a * b * 60, [](size_t i) { return static_cast<uint16_t>(i * 7 % 31000); }), y(a * b * 60);
      k.run(
          slotsOf(a, b, x),
          [&] {
            for (size_t i = 0; i < a * b * 60; ++i)
              EXPECT_EQ(y[((i / 60 / b * 3 + i / 20 % 3) * b + i / 60 % b) * 20 + i % 20], x[i]) << i;
          },
          y);
      Guarded<int8_t> u(a * b, [](size_t i) { return static_cast<int8_t>(i); }), v(a * b);
      t.run(
          slotsOf(a, b, u),
          [&] {
            for (size_t i = 0; i < a * b; ++i)
              EXPECT_EQ(v[i % b * a + i / b], u[i]) << i;
          },
          v);
    }
}

TEST(LinalgKernel, ConcatPadSlice) {
  LinalgKernel k(R"(
    func.func @k(%a: index, %n: index, %m: index, %all: index, %x: tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}, %y: tensor<?x?xf32> {hadron.shape = ["s0", "s2"]})
        -> (tensor<?x?xf32> {hadron.shape = ["s0", "s3"]}, tensor<?x?xf32> {hadron.shape = ["s0", "s3"]}, tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) {
      %c = tensor.concat dim(1) %x, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
      %v = arith.constant 7.0 : f32
      %p = tensor.pad %x low[0, 0] high[0, %m] {
      ^bb0(%i: index, %j: index):
        tensor.yield %v : f32
      } : tensor<?x?xf32> to tensor<?x?xf32>
      %s = tensor.extract_slice %c[0, %m] [%a, %n] [1, 1] : tensor<?x?xf32> to tensor<?x?xf32>
      return %c, %p, %s : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
    })");
  for (size_t a : {1, 3})
    for (size_t n : {0, 1, 5, 64, 100})
      for (size_t m : {0, 1, 33}) {
        size_t all = n + m;
        Guarded<float> x(a * n, [](size_t i) { return noise(i); }), y(a * m, [](size_t i) { return noise(i, 2); });
        Guarded<float> c(a * all), p(a * all), s(a * n);
        auto at = [&](size_t r, size_t j) { return j < n ? x[r * n + j] : y[r * m + j - n]; };
        k.run(
            slotsOf(a, n, m, all, x, y),
            [&] {
              for (size_t r = 0; r < a; ++r) {
                for (size_t j = 0; j < all; ++j) {
                  EXPECT_EQ(c[r * all + j], at(r, j)) << n << " " << m << " " << j;
                  EXPECT_EQ(p[r * all + j], j < n ? x[r * n + j] : 7.0f);
                }
                for (size_t j = 0; j < n; ++j)
                  EXPECT_EQ(s[r * n + j], at(r, j + m));
              }
            },
            c, p, s);
      }
}

TEST(LinalgKernel, InsertSliceAndReshape) {
  LinalgKernel k(R"(
    func.func @k(%a: index, %x: tensor<?x6xf32> {hadron.shape = ["s0", "6"]}, %y: tensor<?x2xf32> {hadron.shape = ["s0", "2"]}, %flat: index)
        -> (tensor<?xf32> {hadron.shape = ["s1"]}, tensor<?x3x2xf32> {hadron.shape = ["s0", "3", "2"]}) {
      %i = tensor.insert_slice %y into %x[0, 3] [%a, 2] [1, 1] : tensor<?x2xf32> into tensor<?x6xf32>
      %f = tensor.collapse_shape %i [[0, 1]] : tensor<?x6xf32> into tensor<?xf32>
      %g = tensor.expand_shape %i [[0], [1, 2]] output_shape [%a, 3, 2] : tensor<?x6xf32> into tensor<?x3x2xf32>
      return %f, %g : tensor<?xf32>, tensor<?x3x2xf32>
    })");
  for (size_t a : {1, 2, 40}) {
    Guarded<float> x(a * 6, [](size_t i) { return noise(i); }), y(a * 2, [](size_t i) { return noise(i, 2); }),
        f(a * 6), g(a * 6);
    k.run(
        slotsOf(a, x, y, a * 6),
        [&] {
          for (size_t i = 0; i < a * 6; ++i) {
            float want = i % 6 == 3 || i % 6 == 4 ? y[i / 6 * 2 + i % 6 - 3] : x[i];
            EXPECT_EQ(f[i], want) << i;
            EXPECT_EQ(g[i], want) << i;
          }
        },
        f, g);
  }
}

TEST(LinalgKernel, GatherAndRotateHalf) {
  // y[i, j] = table[id[i], j]; z[i, j] = j < 32 ? -x[i, j + 32] : x[i, j - 32].
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    func.func @k(%m: index, %t: tensor<50x64xf16>, %i: tensor<?xi64> {hadron.shape = ["s0"]}, %x: tensor<?x64xf32> {hadron.shape = ["s0", "64"]})
        -> (tensor<?x64xf32> {hadron.shape = ["s0", "64"]}, tensor<?x64xf32> {hadron.shape = ["s0", "64"]}) {
      %half = arith.constant 32 : index
      %e = tensor.empty(%m) : tensor<?x64xf32>
      %y = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]} ins(%i : tensor<?xi64>) outs(%e : tensor<?x64xf32>) {
      ^bb0(%a: i64, %o: f32):
        %r = arith.index_cast %a : i64 to index
        %j = linalg.index 1 : index
        %v = tensor.extract %t[%r, %j] : tensor<50x64xf16>
        %w = arith.extf %v : f16 to f32
        linalg.yield %w : f32
      } -> tensor<?x64xf32>
      %z = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<?x64xf32>) {
      ^bb0(%o: f32):
        %r = linalg.index 0 : index
        %j = linalg.index 1 : index
        %up = arith.addi %j, %half : index
        %down = arith.subi %j, %half : index
        %low = arith.cmpi ult, %j, %half : index
        %a = tensor.extract %x[%r, %up] : tensor<?x64xf32>
        %b = tensor.extract %x[%r, %down] : tensor<?x64xf32>
        %n = arith.negf %a : f32
        %s = arith.select %low, %n, %b : f32
        linalg.yield %s : f32
      } -> tensor<?x64xf32>
      return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
    })");
  for (size_t m : {0, 1, 5}) {
    Guarded<_Float16> t(50 * 64, [](size_t i) { return static_cast<_Float16>(noise(i)); });
    Guarded<int64_t> id(m, [](size_t i) { return static_cast<int64_t>(49 - i * 7); });
    Guarded<float> x(m * 64, [](size_t i) { return noise(i, 2); }), y(m * 64), z(m * 64);
    k.run(
        slotsOf(m, t, id, x),
        [&] {
          for (size_t i = 0; i < m * 64; ++i) {
            EXPECT_EQ(y[i], static_cast<float>(t[id[i / 64] * 64 + i % 64])) << i;
            EXPECT_EQ(z[i], i % 64 < 32 ? -x[i + 32] : x[i - 32]) << i;
          }
        },
        y, z);
  }
}

TEST(LinalgKernel, GatherAlongLanes) {
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #col = affine_map<(d0, d1) -> (d1)>
    func.func @k(%m: index, %n: index, %w: index, %x: tensor<?x?xf32> {hadron.shape = ["s0", "s2"]}, %i: tensor<?xi32> {hadron.shape = ["s1"]})
        -> (tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) {
      %e = tensor.empty(%m, %n) : tensor<?x?xf32>
      %y = linalg.generic {indexing_maps = [#col, #id], iterator_types = ["parallel", "parallel"]} ins(%i : tensor<?xi32>) outs(%e : tensor<?x?xf32>) {
      ^bb0(%a: i32, %o: f32):
        %r = linalg.index 0 : index
        %j = arith.index_cast %a : i32 to index
        %v = tensor.extract %x[%r, %j] : tensor<?x?xf32>
        linalg.yield %v : f32
      } -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })");
  for (size_t n : {1, 7, 80}) {
    size_t m = 3, w = 11;
    Guarded<float> x(m * w, [](size_t i) { return noise(i); }), y(m * n);
    Guarded<int32_t> id(n, [&](size_t i) { return static_cast<int32_t>(i * 5 % w); });
    k.run(
        slotsOf(m, n, w, x, id),
        [&] {
          for (size_t i = 0; i < m * n; ++i)
            EXPECT_EQ(y[i], x[i / n * w + id[i % n]]) << i;
        },
        y);
  }
}

TEST(LinalgKernel, Conditions) {
  // Under a condition on the row (scalar) and one on the column (lanes), with a division that only one branch may do.
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    func.func @k(%m: index, %n: index, %x: tensor<?x?xi32> {hadron.shape = ["s0", "s1"]}) -> (tensor<?x?xi32> {hadron.shape = ["s0", "s1"]}) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %zero = arith.constant 0 : i32
      %hundred = arith.constant 100 : i32
      %e = tensor.empty(%m, %n) : tensor<?x?xi32>
      %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x?xi32>) outs(%e : tensor<?x?xi32>) {
      ^bb0(%a: i32, %o: i32):
        %r = linalg.index 0 : index
        %low = arith.cmpi ult, %r, %c1 : index
        %u = scf.if %low -> i32 {
          %v = tensor.extract %x[%r, %c0] : tensor<?x?xi32>
          scf.yield %v : i32
        } else {
          %v = tensor.extract %x[%r, %c0] : tensor<?x?xi32>
          %w = arith.addi %v, %hundred : i32
          scf.yield %w : i32
        }
        %isZero = arith.cmpi eq, %a, %zero : i32
        %q = scf.if %isZero -> i32 {
          scf.yield %u : i32
        } else {
          %d = arith.divsi %u, %a : i32
          scf.yield %d : i32
        }
        linalg.yield %q : i32
      } -> tensor<?x?xi32>
      return %y : tensor<?x?xi32>
    })");
  size_t m = 3;
  for (size_t n : {1, 21, 64}) {
    Guarded<int32_t> x(m * n, [](size_t i) { return static_cast<int32_t>(i % 5) * 3; }), y(m * n);
    k.run(
        slotsOf(m, n, x),
        [&] {
          for (size_t i = 0; i < m * n; ++i) {
            int32_t u = x[i / n * n] + (i / n ? 100 : 0);
            EXPECT_EQ(y[i], x[i] ? u / x[i] : u) << i;
          }
        },
        y);
  }
}

} // namespace
