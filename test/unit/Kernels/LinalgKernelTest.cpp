// Elementwise kernels and kernels of rows; what is refused.
#include "LinalgHarness.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Object/ObjectFile.h"

using namespace hadron::test;

namespace {

// Elementwise.

TEST(LinalgKernel, SiluTimes) {
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    func.func @k(%m: index, %a: tensor<?x65xf32> {hadron.shape = ["s0", "65"]}, %b: tensor<?x65xf32> {hadron.shape = ["s0", "65"]})
        -> (tensor<?x65xf32> {hadron.shape = ["s0", "65"]}) {
      %one = arith.constant 1.0 : f32
      %e = tensor.empty(%m) : tensor<?x65xf32>
      %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<?x65xf32>) outs(%e : tensor<?x65xf32>) {
      ^bb0(%x: f32, %o: f32):
        %n = arith.negf %x : f32
        %x1 = math.exp %n : f32
        %x2 = arith.addf %x1, %one : f32
        %x3 = arith.divf %x, %x2 : f32
        linalg.yield %x3 : f32
      } -> tensor<?x65xf32>
      %r = linalg.mul ins(%s, %b : tensor<?x65xf32>, tensor<?x65xf32>) outs(%e : tensor<?x65xf32>) -> tensor<?x65xf32>
      return %r : tensor<?x65xf32>
    })");
  for (size_t m : {0, 1, 2, 17, 33}) {
    size_t n = m * 65;
    Guarded<float> a(n, [](size_t i) { return 9 * noise(i); }), b(n, [](size_t i) { return noise(i, 1); }), y(n);
    k.run(
        slotsOf(m, a, b),
        [&] {
          for (size_t i = 0; i < n; ++i)
            expectNear(y[i], a[i] / (1 + std::exp(-static_cast<double>(a[i]))) * b[i], 1e-6, "y", i);
        },
        y);
  }
}

TEST(LinalgKernel, BroadcastAndCast) {
  // y[i, j] = f16(x[i, j] + bias[j]) ; z[i, j] = x > s[i]
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    #col = affine_map<(d0, d1) -> (d1)>
    func.func @k(%m: index, %n: index, %x: tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}, %b: tensor<?xf32> {hadron.shape = ["s1"]},
                 %s: tensor<?xf16> {hadron.shape = ["s0"]})
        -> (tensor<?x?xf16> {hadron.shape = ["s0", "s1"]}, tensor<?x?xi1> {hadron.shape = ["s0", "s1"]}) {
      %e = tensor.empty(%m, %n) : tensor<?x?xf16>
      %f = tensor.empty(%m, %n) : tensor<?x?xi1>
      %y:2 = linalg.generic {indexing_maps = [#id, #col, #row, #id, #id], iterator_types = ["parallel", "parallel"]}
          ins(%x, %b, %s : tensor<?x?xf32>, tensor<?xf32>, tensor<?xf16>) outs(%e, %f : tensor<?x?xf16>, tensor<?x?xi1>) {
      ^bb0(%a: f32, %c: f32, %d: f16, %o: f16, %p: i1):
        %t = arith.addf %a, %c : f32
        %u = arith.truncf %t : f32 to f16
        %w = arith.extf %d : f16 to f32
        %g = arith.cmpf ogt, %a, %w : f32
        linalg.yield %u, %g : f16, i1
      } -> (tensor<?x?xf16>, tensor<?x?xi1>)
      return %y#0, %y#1 : tensor<?x?xf16>, tensor<?x?xi1>
    })");
  for (size_t m : {0, 1, 3})
    for (size_t n : {0, 1, 5, 16, 131}) {
      Guarded<float> x(m * n, [](size_t i) { return 100 * noise(i); }), b(n, [](size_t i) { return noise(i, 3); });
      Guarded<_Float16> s(m, [](size_t i) { return static_cast<_Float16>(noise(i, 9)); }), y(m * n);
      Guarded<uint8_t> z(m * n);
      k.run(
          slotsOf(m, n, x, b, s),
          [&] {
            for (size_t i = 0; i < m * n; ++i) {
              EXPECT_EQ(static_cast<float>(y[i]), static_cast<float>(static_cast<_Float16>(x[i] + b[i % n]))) << i;
              EXPECT_EQ(z[i], x[i] > static_cast<float>(s[i / n])) << i;
            }
          },
          y, z);
    }
}

TEST(LinalgKernel, HalfRoundsAfterEachOperation) {
  LinalgKernel k(R"(
    #id = affine_map<(d0) -> (d0)>
    func.func @k(%n: index, %a: tensor<?xbf16> {hadron.shape = ["s0"]}, %b: tensor<?xbf16> {hadron.shape = ["s0"]})
        -> (tensor<?xbf16> {hadron.shape = ["s0"]}) {
      %e = tensor.empty(%n) : tensor<?xbf16>
      %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<?xbf16>, tensor<?xbf16>) outs(%e : tensor<?xbf16>) {
      ^bb0(%x: bf16, %z: bf16, %o: bf16):
        %p = arith.mulf %x, %z : bf16
        %q = arith.addf %p, %x : bf16
        linalg.yield %q : bf16
      } -> tensor<?xbf16>
      return %y : tensor<?xbf16>
    })");
  auto narrow = [](float f) {
    uint32_t u;
    std::memcpy(&u, &f, 4);
    return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
  };
  auto widen = [](uint16_t h) {
    uint32_t u = h << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
  };
  size_t n = 3001;
  Guarded<uint16_t> a(n, [&](size_t i) { return narrow(noise(i)); }),
      b(n, [&](size_t i) { return narrow(noise(i, 5)); }), y(n);
  k.run(
      slotsOf(n, a, b),
      [&] {
        for (size_t i = 0; i < n; ++i)
          EXPECT_EQ(y[i], narrow(widen(narrow(widen(a[i]) * widen(b[i]))) + widen(a[i]))) << i;
      },
      y);
}

TEST(LinalgKernel, IntegersAndDivision) {
  LinalgKernel k(R"(
    #id = affine_map<(d0) -> (d0)>
    func.func @k(%n: index, %a: tensor<?xi32> {hadron.shape = ["s0"]}, %b: tensor<?xi32> {hadron.shape = ["s0"]})
        -> (tensor<?xi32> {hadron.shape = ["s0"]}, tensor<?xi8> {hadron.shape = ["s0"]}, tensor<?xi64> {hadron.shape = ["s0"]}) {
      %e = tensor.empty(%n) : tensor<?xi32>
      %f = tensor.empty(%n) : tensor<?xi8>
      %g = tensor.empty(%n) : tensor<?xi64>
      %zero = arith.constant 0 : i32
      %y:3 = linalg.generic {indexing_maps = [#id, #id, #id, #id, #id], iterator_types = ["parallel"]} ins(%a, %b : tensor<?xi32>, tensor<?xi32>)
          outs(%e, %f, %g : tensor<?xi32>, tensor<?xi8>, tensor<?xi64>) {
      ^bb0(%x: i32, %z: i32, %o: i32, %p: i8, %q: i64):
        %d = arith.floordivsi %x, %z : i32
        %c = arith.ceildivsi %x, %z : i32
        %t = arith.trunci %c : i32 to i8
        %neg = arith.cmpi slt, %x, %zero : i32
        %r = scf.if %neg -> i32 {
          %m = arith.remsi %x, %z : i32
          scf.yield %m : i32
        } else {
          scf.yield %z : i32
        }
        %w = arith.extsi %r : i32 to i64
        linalg.yield %d, %t, %w : i32, i8, i64
      } -> (tensor<?xi32>, tensor<?xi8>, tensor<?xi64>)
      return %y#0, %y#1, %y#2 : tensor<?xi32>, tensor<?xi8>, tensor<?xi64>
    })");
  for (size_t n : {1, 7, 100}) {
    Guarded<int32_t> a(n, [](size_t i) { return static_cast<int32_t>(1000 * noise(i)); }), y(n);
    Guarded<int32_t> b(n, [](size_t i) { return (i & 1 ? -1 : 1) * static_cast<int32_t>(1 + i % 13); });
    Guarded<int8_t> z(n);
    Guarded<int64_t> w(n);
    k.run(
        slotsOf(n, a, b),
        [&] {
          for (size_t i = 0; i < n; ++i) {
            double q = static_cast<double>(a[i]) / b[i];
            EXPECT_EQ(y[i], static_cast<int32_t>(std::floor(q))) << i;
            EXPECT_EQ(z[i], static_cast<int8_t>(static_cast<int32_t>(std::ceil(q)))) << i;
            EXPECT_EQ(w[i], a[i] < 0 ? a[i] % b[i] : b[i]) << i;
          }
        },
        y, z, w);
  }
}

TEST(LinalgKernel, ScalarTensors) {
  LinalgKernel k(R"(
    #id = affine_map<() -> ()>
    func.func @k(%a: tensor<f32>) -> (tensor<f32>) {
      %c = arith.constant dense<2.0> : tensor<f32>
      %e = tensor.empty() : tensor<f32>
      %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = []} ins(%a, %c : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
      ^bb0(%x: f32, %z: f32, %o: f32):
        %p = math.powf %x, %z : f32
        linalg.yield %p : f32
      } -> tensor<f32>
      return %y : tensor<f32>
    })");
  Guarded<float> a(1, [](size_t) { return 3.5f; }), y(1);
  k.run(slotsOf(a), [&] { EXPECT_EQ(y[0], 12.25f); }, y);
}

// Rows.

const char *kSoftmax = R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    func.func @k(%m: index, %n: index, %x: tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) -> (tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) {
      %inf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %e1 = tensor.empty(%m) : tensor<?xf32>
      %e2 = tensor.empty(%m, %n) : tensor<?x?xf32>
      %f1 = linalg.fill ins(%inf : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
      %f0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
      %max = linalg.reduce { arith.maximumf } ins(%x : tensor<?x?xf32>) outs(%f1 : tensor<?xf32>) dimensions = [1]
      %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %max : tensor<?x?xf32>, tensor<?xf32>) outs(%e2 : tensor<?x?xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %d = arith.subf %a, %b : f32
        %ex = math.exp %d : f32
        linalg.yield %ex : f32
      } -> tensor<?x?xf32>
      %sum = linalg.reduce { arith.addf } ins(%p : tensor<?x?xf32>) outs(%f0 : tensor<?xf32>) dimensions = [1]
      %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%p, %sum : tensor<?x?xf32>, tensor<?xf32>) outs(%e2 : tensor<?x?xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %d = arith.divf %a, %b : f32
        linalg.yield %d : f32
      } -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })";

TEST(LinalgKernel, Softmax) {
  LinalgKernel k(kSoftmax);
  for (size_t m : {0, 1, 3, 8})
    for (size_t n : {1, 2, 15, 16, 64, 67, 1031}) {
      Guarded<float> x(m * n, [](size_t i) { return 10 * noise(i); }), y(m * n);
      k.run(
          slotsOf(m, n, x),
          [&] {
            for (size_t r = 0; r < m; ++r) {
              double max = -INFINITY, sum = 0;
              for (size_t i = 0; i < n; ++i)
                max = std::max<double>(max, x[r * n + i]);
              for (size_t i = 0; i < n; ++i)
                sum += std::exp(x[r * n + i] - max);
              for (size_t i = 0; i < n; ++i)
                expectNear(y[r * n + i], std::exp(x[r * n + i] - max) / sum, 1e-6, "y", i);
            }
          },
          y);
    }
}

TEST(LinalgKernel, NormWithSeveralResults) {
  // Mean and mean square in one reduction with two results; y, and the row's 1/σ kept as [m, 1].
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    #keep = affine_map<(d0, d1) -> (d0, 0)>
    #col = affine_map<(d0, d1) -> (d1)>
    #one = affine_map<(d0) -> (d0)>
    func.func @k(%m: index, %x: tensor<?x576xf32> {hadron.shape = ["s0", "576"]}, %g: tensor<576xf32>)
        -> (tensor<?x576xf32> {hadron.shape = ["s0", "576"]}, tensor<?x1xf32> {hadron.shape = ["s0", "1"]}) {
      %zero = arith.constant 0.0 : f32
      %n = arith.constant 576.0 : f32
      %eps = arith.constant 1.0e-5 : f32
      %e1 = tensor.empty(%m) : tensor<?xf32>
      %e2 = tensor.empty(%m) : tensor<?x576xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
      %s:2 = linalg.generic {indexing_maps = [#id, #row, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x576xf32>) outs(%f, %f : tensor<?xf32>, tensor<?xf32>) {
      ^bb0(%a: f32, %o: f32, %p: f32):
        %t = arith.addf %o, %a : f32
        %q = arith.mulf %a, %a : f32
        %u = arith.addf %p, %q : f32
        linalg.yield %t, %u : f32, f32
      } -> (tensor<?xf32>, tensor<?xf32>)
      %inv = linalg.generic {indexing_maps = [#one, #one, #one], iterator_types = ["parallel"]} ins(%s#0, %s#1 : tensor<?xf32>, tensor<?xf32>) outs(%e1 : tensor<?xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %mean = arith.divf %a, %n : f32
        %sq = arith.divf %b, %n : f32
        %mm = arith.mulf %mean, %mean : f32
        %v = arith.subf %sq, %mm : f32
        %ve = arith.addf %v, %eps : f32
        %r = math.rsqrt %ve : f32
        linalg.yield %r : f32
      } -> tensor<?xf32>
      %c1 = arith.constant 1 : index
      %kept = tensor.expand_shape %inv [[0, 1]] output_shape [%m, 1] : tensor<?xf32> into tensor<?x1xf32>
      %y = linalg.generic {indexing_maps = [#id, #row, #keep, #col, #id], iterator_types = ["parallel", "parallel"]}
          ins(%x, %s#0, %kept, %g : tensor<?x576xf32>, tensor<?xf32>, tensor<?x1xf32>, tensor<576xf32>) outs(%e2 : tensor<?x576xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %o: f32):
        %mean = arith.divf %b, %n : f32
        %t = arith.subf %a, %mean : f32
        %u = arith.mulf %t, %c : f32
        %w = arith.mulf %u, %d : f32
        linalg.yield %w : f32
      } -> tensor<?x576xf32>
      return %y, %kept : tensor<?x576xf32>, tensor<?x1xf32>
    })");
  size_t n = 576;
  Guarded<float> g(n, [](size_t i) { return noise(i, 8); });
  for (size_t m : {0, 1, 5}) {
    Guarded<float> x(m * n, [](size_t i) { return 3 * noise(i) + 1; }), y(m * n), kept(m);
    k.run(
        slotsOf(m, x, g),
        [&] {
          for (size_t r = 0; r < m; ++r) {
            double s = 0, q = 0;
            for (size_t i = 0; i < n; ++i)
              s += x[r * n + i], q += static_cast<double>(x[r * n + i]) * x[r * n + i];
            double inv = 1 / std::sqrt(q / n - s / n * s / n + 1e-5);
            expectNear(kept[r], inv, 1e-5, "inv", r);
            for (size_t i = 0; i < n; ++i)
              expectNear(y[r * n + i], (x[r * n + i] - s / n) * inv * g[i], 1e-5, "y", i);
          }
        },
        y, kept);
  }
}

TEST(LinalgKernel, ArgMax) {
  LinalgKernel k(R"(
    #id = affine_map<(d0, d1) -> (d0, d1)>
    #row = affine_map<(d0, d1) -> (d0)>
    func.func @k(%m: index, %n: index, %x: tensor<?x?xf32> {hadron.shape = ["s0", "s1"]}) -> (tensor<?xi64> {hadron.shape = ["s0"]}) {
      %inf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0 : i64
      %e1 = tensor.empty(%m) : tensor<?xf32>
      %e2 = tensor.empty(%m) : tensor<?xi64>
      %f1 = linalg.fill ins(%inf : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
      %f2 = linalg.fill ins(%zero : i64) outs(%e2 : tensor<?xi64>) -> tensor<?xi64>
      %y:2 = linalg.generic {indexing_maps = [#id, #row, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x?xf32>) outs(%f1, %f2 : tensor<?xf32>, tensor<?xi64>) {
      ^bb0(%a: f32, %b: f32, %i: i64):
        %j = linalg.index 1 : index
        %jj = arith.index_cast %j : index to i64
        %c = arith.cmpf ogt, %a, %b : f32
        %s = arith.select %c, %a, %b : f32
        %t = arith.select %c, %jj, %i : i64
        linalg.yield %s, %t : f32, i64
      } -> (tensor<?xf32>, tensor<?xi64>)
      return %y#1 : tensor<?xi64>
    })");
  for (size_t n : {1, 5, 64, 67, 1000}) {
    size_t m = 3;
    Guarded<float> x(m * n, [](size_t i) { return std::round(8 * noise(i)); });
    if (n > 5)
      x[2 * n + 3] = -NAN;
    Guarded<int64_t> y(m);
    k.run(
        slotsOf(m, n, x),
        [&] {
          for (size_t r = 0; r < m; ++r) {
            float best = -INFINITY;
            int64_t where = 0;
            for (size_t i = 0; i < n; ++i)
              if (x[r * n + i] > best)
                best = x[r * n + i], where = i;
            EXPECT_EQ(y[r], where) << n;
          }
        },
        y);
  }
}

TEST(LinalgKernel, SharedSubgraphs) {
  // 40 levels that each use the one before twice: work must not double with each.
  std::string text = "#id = affine_map<(d0, d1) -> (d0, d1)>\nfunc.func @k(%n: index, %x0: tensor<?x7xf32> "
                     "{hadron.shape = [\"s0\", \"7\"]}) -> "
                     "(tensor<?x7xf32> {hadron.shape = [\"s0\", \"7\"]}) { %half = arith.constant 0.5 : f32 %e = "
                     "tensor.empty(%n) : tensor<?x7xf32>";
  for (int i = 0; i < 40; ++i)
    text +=
        " %x" + std::to_string(i + 1) +
        " = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = [\"parallel\", \"parallel\"]} ins(%x" +
        std::to_string(i) + ", %x" + std::to_string(i) +
        " : tensor<?x7xf32>, tensor<?x7xf32>) outs(%e : tensor<?x7xf32>) {\n^bb0(%a: f32, %b: f32, %o: f32): %s = "
        "arith.addf %a, %b : f32 "
        "%t = arith.mulf %s, %half : f32 linalg.yield %t : f32 } -> tensor<?x7xf32>";
  LinalgKernel k(text + " return %x40 : tensor<?x7xf32> }");
  Guarded<float> x(21, [](size_t i) { return noise(i); }), y(21);
  k.run(
      slotsOf(3, x),
      [&] {
        for (size_t i = 0; i < 21; ++i)
          EXPECT_EQ(y[i], x[i]);
      },
      y);
}

TEST(LinalgKernel, NothingIsCalled) {
  // The object of a kernel names no symbol that it does not define: no libm, no memory allocation.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string text =
      "func.func @k(%n: index, %x: tensor<?xf32> {hadron.shape = [\"s0\"]}, %h: tensor<?xf16> {hadron.shape = "
      "[\"s0\"]}) -> (tensor<?xf16> {hadron.shape = [\"s0\"]}) { %a0 = arith.extf %h : tensor<?xf16> to tensor<?xf32>";
  int last = 0;
  for (const char *op : {"exp", "log", "tanh", "erf", "sin", "cos", "floor", "ceil", "round", "roundeven", "trunc",
                         "sqrt", "cbrt", "log1p", "expm1", "atan", "acos", "sinh"}) {
    text += " %a" + std::to_string(last + 1) + " = math." + op + " %a" + std::to_string(last) + " : tensor<?xf32>";
    ++last;
  }
  std::string a = "%a" + std::to_string(last);
  text += " %p = math.powf " + a +
          ", %x : tensor<?xf32> %q = arith.remf %p, %x : tensor<?xf32> %r = math.fma %q, %x, " + a +
          " : tensor<?xf32> %y = arith.truncf %r : tensor<?xf32> to tensor<?xf16> return %y : tensor<?xf16> }";
  auto source = parse(text, &context);
  context.loadDialect<mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect, mlir::cf::ControlFlowDialect>();
  auto module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  auto body = [&](hadron::kernels::Body &b) { return hadron::kernels::emitLinalgKernel(onlyFunction(*source), b); };
  auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
    return hadron::kernels::emitLinalgWork(onlyFunction(*source), b, loc, slots);
  };
  llvm::SmallVector<const hadron::cpu::Target *> targets;
  for (const hadron::cpu::Target &target : hadron::cpu::allTargets())
    targets.push_back(&target);
  ASSERT_TRUE(succeeded(hadron::kernels::emitKernel(module, {"k", {true, false, false, false}, body, work}, targets)));
  ASSERT_FALSE(hadron::cpu::lowerToLLVMDialect(module));
  auto object = hadron::cpu::emitObject(module);
  ASSERT_TRUE(static_cast<bool>(object));
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object->data(), object->size()), "k"));
  ASSERT_TRUE(static_cast<bool>(file));
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols())
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
      EXPECT_EQ(llvm::cantFail(symbol.getName()), "");
  module->erase();
}

TEST(LinalgKernel, Refusals) {
  auto reason = [](const std::string &text) {
    mlir::MLIRContext context;
    auto module = parse(text, &context);
    return hadron::kernels::unsupportedReason(onlyFunction(*module));
  };
  EXPECT_EQ(reason("func.func @k(%a: tensor<?xf32>) -> (tensor<?xf32>) { return %a : tensor<?xf32> }"),
            "hadron.shape does not name the sizes of tensor<?xf32>");
  EXPECT_EQ(reason("func.func @k(%a: tensor<4xf64>) -> (tensor<4xf64>) { %b = math.erf %a : tensor<4xf64> return %b : "
                   "tensor<4xf64> }"),
            "math.erf: no expansion for f64");
  EXPECT_EQ(reason("func.func @k(%a: tensor<4xi4>) -> (tensor<4xi4>) { return %a : tensor<4xi4> }"),
            "no kernel takes or gives tensor<4xi4>");
  EXPECT_EQ(reason("func.func @k(%a: tensor<4xf64>) -> (tensor<4xf16>) { %b = arith.truncf %a : tensor<4xf64> to "
                   "tensor<4xf16> return %b : tensor<4xf16> }"),
            "arith.truncf: rounds twice; go through f32 explicitly");
  EXPECT_EQ(reason("func.func @k(%a: tensor<4xf32>) -> (tensor<4xf32>) { %b = arith.addf %a, %a : tensor<4xf32> return "
                   "%b : tensor<4xf32> }"),
            "");
}

} // namespace
