// The interpreter against what can be said without it: identities, small cases by hand, errors.
#include "hadron/Reference/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace hadron;
using RefValue = reference::Value;

namespace {

class Interpreter : public testing::Test {
protected:
  Interpreter() {
    mlir::DialectRegistry registry;
    registry.insert<HadronDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                    mlir::math::MathDialect, mlir::scf::SCFDialect, mlir::tensor::TensorDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  RefValue floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values) {
    RefValue value(mlir::Float32Type::get(&context), shape);
    for (auto [to, from] : llvm::zip_equal(value.edit(), values))
      to.f = from;
    return value;
  }
  RefValue random(llvm::ArrayRef<int64_t> shape, unsigned seed = 1) {
    RefValue value(mlir::Float32Type::get(&context), shape);
    std::mt19937 generator(seed);
    std::normal_distribution<double> distribution;
    for (reference::Scalar &x : value.edit())
      x.f = distribution(generator);
    return value;
  }
  RefValue ints(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values, unsigned width = 64) {
    RefValue value(mlir::IntegerType::get(&context, width), shape);
    for (auto [to, from] : llvm::zip_equal(value.edit(), values))
      to.i = from;
    return value;
  }

  llvm::Expected<std::vector<RefValue>> tryRun(const std::string &text, std::vector<RefValue> inputs) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return llvm::createStringError("does not parse");
    return reference::interpret(module->lookupSymbol<mlir::func::FuncOp>("f"), std::move(inputs));
  }
  std::vector<RefValue> run(const std::string &text, std::vector<RefValue> inputs) {
    auto results = tryRun(text, std::move(inputs));
    EXPECT_TRUE(static_cast<bool>(results)) << (results ? "" : llvm::toString(results.takeError()));
    return results ? *results : std::vector<RefValue>();
  }
  std::string error(const std::string &text, std::vector<RefValue> inputs) {
    auto results = tryRun(text, std::move(inputs));
    return results ? "" : llvm::toString(results.takeError());
  }

  void expectNear(const RefValue &a, const RefValue &b, double tolerance = 1e-12) {
    ASSERT_EQ(a.getShape(), b.getShape());
    for (int64_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a.getFloat(i), b.getFloat(i), tolerance) << i;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(Interpreter, RotationsAreOrthonormalAndCancel) {
  RefValue x = random({3, 96});
  auto results = run(R"(
    #r = #hadron.rotation<[#hadron.signs<96, seed = 7, role = "input">, #hadron.hadamard<12, "paley1", 8>, #hadron.permute<[1, 0, 2]>]>
    func.func @f(%x: tensor<?x96xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
      %y = hadron.rotate %x : tensor<?x96xf32> -> !hadron.rotated<tensor<?x96xf32>, #r>
      %s = hadron.add %y, %y : !hadron.rotated<tensor<?x96xf32>, #r>
      %z = hadron.unrotate %s : !hadron.rotated<tensor<?x96xf32>, #r> -> tensor<?x96xf32>
      %w = hadron.fwht %x by #r {scale = 2.0 : f64} : tensor<?x96xf32>
      return %z, %w : tensor<?x96xf32>, tensor<?x96xf32>
    })",
                     {x});
  ASSERT_EQ(results.size(), 2u);
  double before = 0, after = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(results[0].getFloat(i), 2 * x.getFloat(i), 1e-12);
    before += std::pow(x.getFloat(i), 2);
    after += std::pow(results[1].getFloat(i) / 2, 2);
  }
  EXPECT_NEAR(before, after, 1e-9);
}

TEST_F(Interpreter, ProductsInRotatedBasesAgree) {
  // y = x W = (R x)^T (R W), and with an output basis R_out y.
  auto results = run(R"(
    #r = #hadron.rotation<[#hadron.signs<64, seed = 1, role = "input">, #hadron.wht<32>]>
    #o = #hadron.rotation<[#hadron.wht<8>]>
    #d = #hadron.dense<f32>
    func.func @f(%x: tensor<5x64xf32>, %w: tensor<64x24xf32>, %b: tensor<24xf32>) -> (tensor<5x24xf32>, tensor<5x24xf32>, tensor<64x24xf32>) {
      %p = hadron.quantize %w : tensor<64x24xf32> -> !hadron.packed<64x24, #d>
      %q = hadron.quantize %w : tensor<64x24xf32> -> !hadron.packed<64x24, #d, in = #r, out = #o>
      %y = hadron.matmul %x, %p : tensor<5x64xf32>, !hadron.packed<64x24, #d> -> tensor<5x24xf32>
      %xr = hadron.rotate %x : tensor<5x64xf32> -> !hadron.rotated<tensor<5x64xf32>, #r>
      %zr = hadron.matmul %xr, %q : !hadron.rotated<tensor<5x64xf32>, #r>, !hadron.packed<64x24, #d, in = #r, out = #o> -> !hadron.rotated<tensor<5x24xf32>, #o>
      %z = hadron.unrotate %zr : !hadron.rotated<tensor<5x24xf32>, #o> -> tensor<5x24xf32>
      %back = hadron.dequantize %q : !hadron.packed<64x24, #d, in = #r, out = #o> -> tensor<64x24xf32>
      return %y, %z, %back : tensor<5x24xf32>, tensor<5x24xf32>, tensor<64x24xf32>
    })",
                     {random({5, 64}), random({64, 24}, 2), random({24}, 3)});
  expectNear(results[0], results[1], 1e-5);
  expectNear(results[2], random({64, 24}, 2), 1e-6);
}

TEST_F(Interpreter, Int8ProductIsTheProductOfWhatWasRounded) {
  for (std::string arithmetic : {"1", "2"}) {
    std::string text = R"(
      #i = #hadron.int<4, group = 32, asym, scale = f32>
      func.func @f(%x: tensor<3x80xf32>, %w: tensor<80x20xf32>)
          -> (tensor<3x20xf32>, tensor<3x128xi8>, tensor<3xSxf32>, tensor<80x20xf32>) {
        %p = hadron.quantize %w : tensor<80x20xf32> -> !hadron.packed<80x20, #i>
        %q, %s, %t = hadron.prologue %x {arithmetic = A : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>}
          : tensor<3x80xf32> -> tensor<3x128xi8>, tensor<3xSxf32>, tensor<3x3xi32>
        %y = hadron.matmul %q, %p scales(%s : tensor<3xSxf32>) sums(%t : tensor<3x3xi32>) {arithmetic = A : i32}
          : tensor<3x128xi8>, !hadron.packed<80x20, #i> -> tensor<3x20xf32>
        %d = hadron.dequantize %p : !hadron.packed<80x20, #i> -> tensor<80x20xf32>
        return %y, %q, %s, %d : tensor<3x20xf32>, tensor<3x128xi8>, tensor<3xSxf32>, tensor<80x20xf32>
      })";
    int64_t perRow = arithmetic == "1" ? 1 : 3;
    for (size_t at; (at = text.find("A : i32")) != std::string::npos;)
      text.replace(at, 1, arithmetic);
    for (size_t at; (at = text.find("xSx")) != std::string::npos;)
      text.replace(at + 1, 1, std::to_string(perRow));
    RefValue x = random({3, 80});
    auto results = run(text, {x, random({80, 20}, 2)});
    ASSERT_EQ(results.size(), 4u);
    for (int64_t m = 0; m < 3; ++m)
      for (int64_t n = 0; n < 20; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < 80; ++k) {
          double scale = results[2].getFloat(m * perRow + (perRow == 1 ? 0 : k / 32));
          EXPECT_NEAR(results[1].getInt(m * 128 + k) * scale, x.getFloat(m * 80 + k), scale / 2 * 1.0001);
          sum += results[1].getInt(m * 128 + k) * scale * results[3].getFloat(k * 20 + n);
        }
        EXPECT_NEAR(results[0].getFloat(m * 20 + n), sum, 1e-12);
      }
  }
}

TEST_F(Interpreter, CachedAttentionIsAttentionOverAllTokens) {
  // Five tokens at once, or three and then two behind them.
  std::string text = R"(
    func.func @f(%q: tensor<2x?x4x8xf32> {hadron.name = "q", hadron.shape = ["2", "seq", "4", "8"]}, %k: tensor<2x?x2x8xf32>, %v: tensor<2x?x2x8xf32>,
                 %ks: !hadron.state<2x8xf32> {hadron.state = {past = "pk", present = "k", group = "kv", batch = "2", length = "past", new_length = "past + seq"}},
                 %vs: !hadron.state<2x8xf32>) -> tensor<2x?x4x8xf32> {
      %past = hadron.state.length %ks : !hadron.state<2x8xf32>
      %p = hadron.symbol "past" : index
      %s = hadron.symbol "seq" : index
      %total = arith.addi %p, %s : index
      %k1 = hadron.append %k, %ks at %past : tensor<2x?x2x8xf32>, !hadron.state<2x8xf32>
      %v1 = hadron.append %v, %vs at %past : tensor<2x?x2x8xf32>, !hadron.state<2x8xf32>
      %y = hadron.attend %q, %k1, %v1 total(%total) {causal, scale = 0.5 : f64, softcap = 3.0 : f64, window = 2 : i64}
        : tensor<2x?x4x8xf32>, !hadron.state<2x8xf32>, !hadron.state<2x8xf32> -> tensor<2x?x4x8xf32>
      return %y : tensor<2x?x4x8xf32>
    })";
  std::string whole = R"(
    func.func @f(%q: tensor<2x5x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x8xf32>) -> tensor<2x5x4x8xf32> {
      %y = hadron.attention %q, %k, %v {causal, scale = 0.5 : f64, softcap = 3.0 : f64, window = 2 : i64, resultSegmentSizes = array<i32: 1, 0, 0>}
        : tensor<2x5x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32> -> tensor<2x5x4x8xf32>
      return %y : tensor<2x5x4x8xf32>
    })";
  RefValue q = random({2, 5, 4, 8}, 1), k = random({2, 5, 2, 8}, 2), v = random({2, 5, 2, 8}, 3);
  RefValue expected = run(whole, {q, k, v})[0];
  auto tokens = [&](const RefValue &value, int64_t first, int64_t count) {
    int64_t width = value.getDim(2) * value.getDim(3);
    RefValue part(value.getElementType(), {2, count, value.getDim(2), value.getDim(3)});
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t i = 0; i < count * width; ++i)
        part.edit()[b * count * width + i] = value[(b * 5 + first) * width + i];
    return part;
  };
  auto type = StateType::get(&context, 2, 8, mlir::Float32Type::get(&context), {});
  RefValue keys = reference::emptyState(type), values = reference::emptyState(type);
  for (auto [first, count] : {std::pair(0, 3), std::pair(3, 2)}) {
    auto y = run(text, {tokens(q, first, count), tokens(k, first, count), tokens(v, first, count), keys, values});
    ASSERT_EQ(y.size(), 1u);
    expectNear(y[0], tokens(expected, first, count));
  }
  EXPECT_EQ(keys.getState().length, 5);
}

TEST_F(Interpreter, MasksAndLengthsHideKeys) {
  auto results = run(R"(
    func.func @f(%q: tensor<2x1x1x2xf32>, %k: tensor<2x3x1x2xf32>, %v: tensor<2x3x1x2xf32>, %n: tensor<2xi32>, %m: tensor<1x3xi1>)
        -> (tensor<2x1x1x2xf32>, tensor<2x1x1x2xf32>, tensor<2x1x3x2xf32>, tensor<2x1x3x2xf32>) {
      %y, %pk, %pv = hadron.attention %q, %k, %v lengths(%n : tensor<2xi32>) {resultSegmentSizes = array<i32: 1, 1, 1>}
        : tensor<2x1x1x2xf32>, tensor<2x3x1x2xf32>, tensor<2x3x1x2xf32> -> tensor<2x1x1x2xf32>, tensor<2x1x3x2xf32>, tensor<2x1x3x2xf32>
      %z = hadron.attention %q, %k, %v mask(%m : tensor<1x3xi1>) {resultSegmentSizes = array<i32: 1, 0, 0>}
        : tensor<2x1x1x2xf32>, tensor<2x3x1x2xf32>, tensor<2x3x1x2xf32> -> tensor<2x1x1x2xf32>
      return %y, %z, %pk, %pv : tensor<2x1x1x2xf32>, tensor<2x1x1x2xf32>, tensor<2x1x3x2xf32>, tensor<2x1x3x2xf32>
    })",
                     {random({2, 1, 1, 2}), random({2, 3, 1, 2}, 2), random({2, 3, 1, 2}, 3), ints({2}, {1, 0}, 32),
                      ints({1, 3}, {0, 1, 0}, 1)});
  ASSERT_EQ(results.size(), 4u);
  RefValue v = random({2, 3, 1, 2}, 3);
  for (int64_t c = 0; c < 2; ++c) {
    EXPECT_EQ(results[0].getFloat(c), v.getFloat(c));     // one key
    EXPECT_EQ(results[0].getFloat(2 + c), 0);             // none
    EXPECT_EQ(results[1].getFloat(c), v.getFloat(2 + c)); // the second
    EXPECT_EQ(results[1].getFloat(2 + c), v.getFloat(6 + 2 + c));
  }
}

TEST_F(Interpreter, NormsGatesAndRotary) {
  auto results = run(R"(
    func.func @f(%x: tensor<1x2xf32>, %g: tensor<2xf32>, %p: tensor<1x1xi64>, %c: tensor<3x1xf32>, %s: tensor<3x1xf32>)
        -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x1x1x2xf32>) {
      %0 = hadron.rms_norm %x gain(%g : tensor<2xf32>) {epsilon = 0.0 : f64} : tensor<1x2xf32>
      %1 = hadron.layer_norm %x bias(%g : tensor<2xf32>) {epsilon = 0.0 : f64} : tensor<1x2xf32>
      %2 = hadron.silu %x : tensor<1x2xf32>
      %h = tensor.expand_shape %x [[0, 1, 2], [3]] output_shape [1, 1, 1, 2] : tensor<1x2xf32> into tensor<1x1x1x2xf32>
      %3 = hadron.rotary %h, %c, %s positions(%p : tensor<1x1xi64>) : tensor<1x1x1x2xf32>, tensor<3x1xf32>
      return %0, %1, %2, %3 : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x1x1x2xf32>
    })",
                     {floats({1, 2}, {3, 4}), floats({2}, {1, 2}), ints({1, 1}, {2}), floats({3, 1}, {9, 9, 0.6}),
                      floats({3, 1}, {9, 9, 0.8})});
  ASSERT_EQ(results.size(), 4u);
  expectNear(results[0], floats({1, 2}, {3 / std::sqrt(12.5), 8 / std::sqrt(12.5)}));
  expectNear(results[1], floats({1, 2}, {0, 3}));
  expectNear(results[2], floats({1, 2}, {3 / (1 + std::exp(-3)), 4 / (1 + std::exp(-4))}));
  expectNear(results[3], floats({1, 1, 1, 2}, {3 * 0.6 - 4 * 0.8, 3 * 0.8 + 4 * 0.6}));
}

TEST_F(Interpreter, Embeddings) {
  auto results = run(R"(
    func.func @f(%ids: tensor<4xi64>, %w: tensor<2x3xf32>) -> tensor<4x2xf32> {
      %t = hadron.quantize %w : tensor<2x3xf32> -> !hadron.packed<2x3, #hadron.dense<f32>>
      %y = hadron.embedding %ids, %t : tensor<4xi64>, !hadron.packed<2x3, #hadron.dense<f32>> -> tensor<4x2xf32>
      return %y : tensor<4x2xf32>
    })",
                     {ints({4}, {2, -3, 3, 1}), floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  expectNear(results[0], floats({4, 2}, {3, 6, 1, 4, 0, 0, 2, 5}));
}

TEST_F(Interpreter, StructuredOperations) {
  auto results = run(R"(
    func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>, tensor<3x2xf32>, tensor<2x3xf32>, tensor<2x3xi64>) {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<2x2xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
      %m = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x2xf32>) outs(%i : tensor<2x2xf32>) -> tensor<2x2xf32>
      %v = tensor.empty() : tensor<2xf32>
      %vi = linalg.fill ins(%zero : f32) outs(%v : tensor<2xf32>) -> tensor<2xf32>
      %r = linalg.reduce { arith.maximumf } ins(%a : tensor<2x3xf32>) outs(%vi : tensor<2xf32>) dimensions = [1]
      %te = tensor.empty() : tensor<3x2xf32>
      %t = linalg.transpose ins(%a : tensor<2x3xf32>) outs(%te : tensor<3x2xf32>) permutation = [1, 0]
      %se = tensor.empty() : tensor<2x3xf32>
      %s = linalg.softmax dimension(1) ins(%a : tensor<2x3xf32>) outs(%se : tensor<2x3xf32>) -> tensor<2x3xf32>
      %ge = tensor.empty() : tensor<2x3xi64>
      %g = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%ge : tensor<2x3xi64>) {
        ^bb0(%o: i64):
          %x = linalg.index 0 : index
          %y = linalg.index 1 : index
          %c = arith.cmpi eq, %x, %y : index
          %el = tensor.extract %a[%x, %y] : tensor<2x3xf32>
          %n = arith.fptosi %el : f32 to i64
          %k = arith.constant 100 : i64
          %sel = arith.select %c, %n, %k : i64
          linalg.yield %sel : i64
      } -> tensor<2x3xi64>
      return %m, %r, %t, %s, %g : tensor<2x2xf32>, tensor<2xf32>, tensor<3x2xf32>, tensor<2x3xf32>, tensor<2x3xi64>
    })",
                     {floats({2, 3}, {1, 2, 3, 4, 5, 6}), floats({3, 2}, {1, 0, 0, 1, 1, 1})});
  ASSERT_EQ(results.size(), 5u);
  expectNear(results[0], floats({2, 2}, {4, 5, 10, 11}));
  expectNear(results[1], floats({2}, {3, 6}));
  expectNear(results[2], floats({3, 2}, {1, 4, 2, 5, 3, 6}));
  double a = std::exp(-2), b = std::exp(-1), sum = a + b + 1;
  expectNear(results[3], floats({2, 3}, {a / sum, b / sum, 1 / sum, a / sum, b / sum, 1 / sum}));
  std::vector<int64_t> want = {1, 100, 100, 100, 5, 100};
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(results[4].getInt(i), want[i]);
}

TEST_F(Interpreter, TensorsAndControlFlow) {
  auto results = run(R"(
    func.func private @double(%x: i64) -> i64 {
      %y = arith.addi %x, %x : i64
      return %y : i64
    }
    func.func @f(%a: tensor<?xi64> {hadron.name = "a", hadron.shape = ["n"]}) -> (tensor<?xi64>, tensor<2x2xi64>, i64) {
      %zero = arith.constant 0 : i64
      %n = hadron.symbol "n" : index
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %p = tensor.pad %a low[1] high[%c1] { ^bb0(%i: index): tensor.yield %zero : i64 } : tensor<?xi64> to tensor<?xi64>
      %j = tensor.concat dim(0) %p, %a : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
      %s = tensor.extract_slice %j[1] [4] [2] : tensor<?xi64> to tensor<4xi64>
      %e = tensor.expand_shape %s [[0, 1]] output_shape [2, 2] : tensor<4xi64> into tensor<2x2xi64>
      %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> i64 {
        %x = tensor.extract %a[%i] : tensor<?xi64>
        %big = arith.cmpi sgt, %x, %zero : i64
        %d = scf.if %big -> i64 {
          %y = func.call @double(%x) : (i64) -> i64
          scf.yield %y : i64
        } else {
          scf.yield %x : i64
        }
        %t = arith.addi %acc, %d : i64
        scf.yield %t : i64
      }
      return %j, %e, %sum : tensor<?xi64>, tensor<2x2xi64>, i64
    })",
                     {ints({3}, {INT64_MAX, -2, 3})});
  ASSERT_EQ(results.size(), 3u);
  std::vector<int64_t> joined = {0, INT64_MAX, -2, 3, 0, INT64_MAX, -2, 3};
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_EQ(results[0].getInt(i), joined[i]);
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(results[1].getInt(i), joined[1 + 2 * i]);
  EXPECT_EQ(results[2].getInt(0), -2 - 2 + 6); // 2 INT64_MAX wraps around to -2
}

TEST_F(Interpreter, RoundsWhereThatIsTheMeaning) {
  auto results = run(R"(
    func.func @f(%x: tensor<3xf32>) -> (tensor<3xf16>, tensor<3xbf16>) {
      %0 = hadron.cast %x : tensor<3xf32> -> tensor<3xf16>
      %1 = arith.truncf %x : tensor<3xf32> to tensor<3xbf16>
      return %0, %1 : tensor<3xf16>, tensor<3xbf16>
    })",
                     {floats({3}, {2049, 1e6, 257})});
  EXPECT_EQ(results[0].getFloat(0), 2048);
  EXPECT_EQ(results[0].getFloat(1), INFINITY);
  EXPECT_EQ(results[1].getFloat(2), 256);
}

TEST_F(Interpreter, ErrorsNameOperationAndPlace) {
  std::string text = error(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = "hadron.launch"(%x) {kernel = @f} : (tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    })",
                           {floats({2}, {1, 2})});
  EXPECT_NE(text.find("hadron.launch (at "), std::string::npos) << text;
  EXPECT_NE(text.find(":3:"), std::string::npos) << text;
  EXPECT_NE(text.find("does not know"), std::string::npos) << text;

  text = error(R"(
    func.func @f(%x: tensor<?x4xf32> {hadron.name = "x", hadron.shape = ["rows", "4"]}, %m: tensor<?xf32> {hadron.name = "m", hadron.shape = ["2*rows + 1"]}) -> tensor<?xf32> {
      return %m : tensor<?xf32>
    })",
               {random({3, 4}), random({6})});
  EXPECT_NE(text.find("axis 0 of 'm' is '2*rows + 1' = 7; found 6, rows = 3 by 'x'"), std::string::npos) << text;

  text = error(R"(
    func.func @f(%x: tensor<4xf32>, %i: index) -> tensor<2xf32> {
      %y = tensor.extract_slice %x[%i] [2] [1] : tensor<4xf32> to tensor<2xf32>
      return %y : tensor<2xf32>
    })",
               {random({4}), RefValue::index(&context, 3)});
  EXPECT_NE(text.find("leaves the tensor [4]"), std::string::npos) << text;
}

} // namespace
