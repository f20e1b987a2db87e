// Parameters against the reference interpreter: the same expression, evaluated twice.
#include "TestModule.h"

#include "Hadron/IR/HadronFormats.h"
#include "hadron/Quantization/Parameters.h"
#include "hadron/Reference/Interpreter.h"

using namespace hadron;

namespace {

class Parameters : public TestModule {
protected:
  /// One parameter `p` of `type` over the file w.bin.
  void makeParam(const std::string &type, const std::string &body) {
    parse(R"(
      #r = #hadron.rotation<[#hadron.signs<96, seed = 7, role = "input">, #hadron.wht<32>]>
      #h = #hadron.rotation<[#hadron.hadamard<12, "paley1", 4>]>
      #s = #hadron.int<4, group = 32, sym, scale = f32>
      #a = #hadron.int<2, group = 16, asym, scale = f16>
      #z = #hadron.int<8, group = 0, float_zero, scale = f32>
      hadron.param @p : )" +
          type + " {\n" + body + "\n}");
  }

  std::vector<char> evaluate(unsigned threads = 2) {
    MappedFiles files(folder);
    auto bytes = evaluateParameter(param("p"), files, threads);
    EXPECT_TRUE(static_cast<bool>(bytes)) << (bytes ? "" : llvm::toString(bytes.takeError()));
    return bytes ? *bytes : std::vector<char>();
  }

  std::string evaluationError() {
    MappedFiles files(folder);
    auto bytes = evaluateParameter(param("p"), files, 2);
    return bytes ? "" : llvm::toString(bytes.takeError());
  }

  /// A packed parameter equals the reference's, up to `tolerance` of rare ties that a rounding in between turned over.
  void checkPacked(double tolerance = 0) {
    std::vector<char> bytes = evaluate();
    EXPECT_EQ(bytes, evaluate(1)) << "the number of threads shows";
    auto expected = reference::evaluate(param("p"), {folder});
    ASSERT_TRUE(static_cast<bool>(expected)) << llvm::toString(expected.takeError());
    const reference::PackedMatrix &packed = expected->getPacked();
    kernels::WeightLayout layout = getWeightLayout(packed.type);
    ASSERT_EQ(static_cast<int64_t>(bytes.size()), layout.totalBytes());
    std::vector<float> row(layout.K());
    int64_t differ = 0;
    for (int64_t n = 0; n < layout.N(); ++n) {
      layout.unpackRow({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, n, row);
      for (int64_t k = 0; k < layout.K(); ++k) {
        double want = packed.rows[n * layout.K() + k];
        differ += std::fabs(row[k] - want) > 1e-6 * std::fabs(want) + 1e-9;
      }
    }
    EXPECT_LE(differ, tolerance * layout.K() * layout.N());
  }

  /// A plain tensor of f32 equals the reference's to rounding.
  void checkFloats() {
    std::vector<char> bytes = evaluate();
    auto expected = reference::evaluate(param("p"), {folder});
    ASSERT_TRUE(static_cast<bool>(expected)) << llvm::toString(expected.takeError());
    ASSERT_EQ(static_cast<int64_t>(bytes.size()), expected->size() * 4);
    for (int64_t i = 0; i < expected->size(); ++i) {
      float x;
      std::memcpy(&x, &bytes[i * 4], 4);
      ASSERT_NEAR(x, expected->getFloat(i), 1e-6 * (1 + std::fabs(expected->getFloat(i)))) << i;
    }
  }
};

const char *kSlice = "%w = hadron.file_slice \"w.bin\"[0, 19200] : tensor<96x50xf32>\n";
const char *kTransposed = R"(
  %t = hadron.file_slice "w.bin"[0, 19200] : tensor<50x96xf32>
  %e = tensor.empty() : tensor<96x50xf32>
  %w = linalg.transpose ins(%t : tensor<50x96xf32>) outs(%e : tensor<96x50xf32>) permutation = [1, 0]
)";

std::string quantized(const std::string &type) {
  return "%q = hadron.quantize %w : tensor<96x50xf32> -> " + type + "\nhadron.yield %q : " + type;
}

TEST_F(Parameters, Dense) {
  writeFile("w.bin", gaussian(4800));
  for (const char *source : {kSlice, kTransposed})
    for (const char *format : {"f32", "f16", "bf16"}) {
      std::string type = "!hadron.packed<96x50, #hadron.dense<" + std::string(format) + ">>";
      makeParam(type, source + quantized(type));
      checkPacked();
    }
}

TEST_F(Parameters, Integers) {
  writeFile("w.bin", gaussian(4800));
  for (const char *source : {kSlice, kTransposed})
    for (const char *format : {"#s", "#a", "#z"}) {
      std::string type = "!hadron.packed<96x50, " + std::string(format) + ">";
      makeParam(type, source + quantized(type));
      checkPacked();
    }
}

TEST_F(Parameters, Rotated) {
  writeFile("w.bin", gaussian(4800));
  for (const char *basis : {"in = #r", "in = #h", "in = #hadron.rotation<[#hadron.permute<[2, 0, 1]>]>",
                            "out = #hadron.rotation<[#hadron.wht<2>]>",
                            "in = #r, out = #hadron.rotation<[#hadron.signs<50, seed = 1, role = \"input\">]>"})
    for (const char *format : {"#s", "#hadron.dense<f32>"}) {
      std::string type = "!hadron.packed<96x50, " + std::string(format) + ", " + basis + ">";
      makeParam(type, kTransposed + quantized(type));
      checkPacked(1e-3);
    }
}

TEST_F(Parameters, Packs) {
  std::vector<uint8_t> bytes;
  std::mt19937 random(3);
  for (int i = 0; i < 50 * 3 * 16 + 50 * 2; ++i)
    bytes.push_back(random());
  std::vector<float> scales = gaussian(150);
  writeFile("c.bin", bytes);
  writeFile("w.bin", scales);
  std::string type = "!hadron.packed<96x50, #hadron.int<4, group = 32, asym, scale = f32>>";
  makeParam(type, R"(
    %c = hadron.file_slice "c.bin"[0, 2400] : tensor<50x3x16xi8>
    %z = hadron.file_slice "c.bin"[2400, 100] : tensor<50x2xi8>
    %s = hadron.file_slice "w.bin"[0, 600] : tensor<50x3xf32>
    %q = hadron.pack %c, %s, %z : tensor<50x3x16xi8>, tensor<50x3xf32>, tensor<50x2xi8> -> )" +
                      type + "\nhadron.yield %q : " + type);
  checkPacked();
}

TEST_F(Parameters, PacksAgain) {
  // What a graph brings packed, rotated: decoded, and encoded anew.
  writeFile("w.bin", gaussian(4800));
  std::string first = "!hadron.packed<96x50, #s>", second = "!hadron.packed<96x50, #s, in = #r>";
  makeParam(second, std::string(kSlice) + "%p = hadron.quantize %w : tensor<96x50xf32> -> " + first +
                        "\n%d = hadron.dequantize %p : " + first + " -> tensor<96x50xf32>\n" +
                        "%q = hadron.quantize %d : tensor<96x50xf32> -> " + second + "\nhadron.yield %q : " + second);
  checkPacked(1e-3);
}

TEST_F(Parameters, JoinsAndFoldsGains) {
  writeFile("w.bin", gaussian(9696));
  const char *text = R"(
    %a = hadron.file_slice "w.bin"[0, 7680] : tensor<20x96xf32>
    %b = hadron.file_slice "w.bin"[7680, 11520] : tensor<30x96xf32>
    %g = hadron.file_slice "w.bin"[38400, 384] : tensor<96xf32>
    %ea = tensor.empty() : tensor<96x20xf32>
    %eb = tensor.empty() : tensor<96x30xf32>
    %e = tensor.empty() : tensor<96x50xf32>
    %ta = linalg.transpose ins(%a : tensor<20x96xf32>) outs(%ea : tensor<96x20xf32>) permutation = [1, 0]
    %tb = linalg.transpose ins(%b : tensor<30x96xf32>) outs(%eb : tensor<96x30xf32>) permutation = [1, 0]
    %j = tensor.concat dim(1) %ta, %tb : (tensor<96x20xf32>, tensor<96x30xf32>) -> tensor<96x50xf32>
    %w = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
                         iterator_types = ["parallel", "parallel"]}
        ins(%j, %g : tensor<96x50xf32>, tensor<96xf32>) outs(%e : tensor<96x50xf32>) {
      ^bb0(%x: f32, %y: f32, %o: f32):
        %m = arith.mulf %x, %y : f32
        linalg.yield %m : f32
    } -> tensor<96x50xf32>
  )";
  makeParam("tensor<96x50xf32>", std::string(text) + "hadron.yield %w : tensor<96x50xf32>");
  checkFloats();
  std::string type = "!hadron.packed<96x50, #s, in = #r>";
  makeParam(type, text + quantized(type));
  checkPacked(1e-3);
}

TEST_F(Parameters, MovesAndCasts) {
  std::vector<uint16_t> halves;
  for (int i = 0; i < 4800; ++i)
    halves.push_back(static_cast<uint16_t>(i * 13)); // with subnormals
  writeFile("w.bin", halves);
  makeParam("tensor<4x6x10xf32>", R"(
    %0 = hadron.file_slice "w.bin"[96, 9504] : tensor<99x48xf16>
    %1 = tensor.extract_slice %0[2, 0] [10, 24] [3, 2] : tensor<99x48xf16> to tensor<10x24xf16>
    %2 = tensor.expand_shape %1 [[0], [1, 2]] output_shape [10, 4, 6] : tensor<10x24xf16> into tensor<10x4x6xf16>
    %e = tensor.empty() : tensor<4x6x10xf16>
    %3 = linalg.transpose ins(%2 : tensor<10x4x6xf16>) outs(%e : tensor<4x6x10xf16>) permutation = [1, 2, 0]
    %4 = hadron.cast %3 : tensor<4x6x10xf16> -> tensor<4x6x10xf32>
    hadron.yield %4 : tensor<4x6x10xf32>
  )");
  checkFloats();
  // Through f16 and back: the rounding counts.
  writeFile("w.bin", gaussian(600));
  makeParam("tensor<600xf32>", R"(
    %0 = hadron.file_slice "w.bin"[0, 2400] : tensor<600xf32>
    %1 = arith.truncf %0 : tensor<600xf32> to tensor<600xf16>
    %2 = arith.extf %1 : tensor<600xf16> to tensor<600xf32>
    hadron.yield %2 : tensor<600xf32>
  )");
  checkFloats();
}

TEST_F(Parameters, ShardsConstantsAndSmallExpressions) {
  writeFile("w.bin", gaussian(600));
  makeParam("tensor<2x4xf32>", R"(
    %0 = hadron.file_slice "w.bin"[16, 32] {rows = 2, stride = 64} : tensor<2x4xf32>
    %c = arith.constant dense<0.5> : tensor<2x4xf32>
    %1 = arith.mulf %0, %c : tensor<2x4xf32>
    %2 = math.exp %1 : tensor<2x4xf32>
    hadron.yield %2 : tensor<2x4xf32>
  )");
  checkFloats();
  makeParam("tensor<3xi64>", R"(
    %0 = arith.constant dense<[1, -2, 9007199254740993]> : tensor<3xi64>
    %1 = arith.addi %0, %0 : tensor<3xi64>
    hadron.yield %1 : tensor<3xi64>
  )");
  std::vector<char> bytes = evaluate();
  int64_t values[3];
  ASSERT_EQ(bytes.size(), sizeof(values));
  std::memcpy(values, bytes.data(), sizeof(values));
  EXPECT_EQ(values[1], -4);
  EXPECT_EQ(values[2], 18014398509481986);
}

TEST_F(Parameters, UnpacksCodesInTheGraph) {
  // Signed nibbles in row-major order, as DequantizeLinear has them, into the blobs that pack takes: 3 MiB of them.
  std::vector<uint8_t> bytes;
  std::mt19937 random(5);
  for (int i = 0; i < 64 * 50000 / 2; ++i)
    bytes.push_back(random());
  writeFile("w.bin", bytes);
  makeParam("tensor<50000x2x16xi8>", R"(
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c32 = arith.constant 32 : index
    %c63 = arith.constant 63 : index
    %n = arith.constant 50000 : index
    %c4 = arith.constant 4 : i8
    %c8 = arith.constant 8 : i8
    %c15 = arith.constant 15 : i8
    %0 = hadron.file_slice "w.bin"[0, 1600000] : tensor<1600000xi8>
    %e = tensor.empty() : tensor<64x50000xi8>
    %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<64x50000xi8>) {
      ^bb0(%o: i8):
        %i = linalg.index 0 : index
        %j = linalg.index 1 : index
        %r = arith.muli %i, %n : index
        %at = arith.addi %r, %j : index
        %byte = arith.divui %at, %c2 : index
        %x = tensor.extract %0[%byte] : tensor<1600000xi8>
        %odd = arith.remui %at, %c2 : index
        %s = arith.index_cast %odd : index to i8
        %t = arith.muli %s, %c4 : i8
        %u = arith.subi %c4, %t : i8
        %up = arith.shli %x, %u : i8
        %down = arith.shrsi %up, %c4 : i8
        linalg.yield %down : i8
    } -> tensor<64x50000xi8>
    %f = tensor.empty() : tensor<50000x2x16xi8>
    %2 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%f : tensor<50000x2x16xi8>) {
      ^bb0(%o: i8):
        %i = linalg.index 0 : index
        %j = linalg.index 1 : index
        %k = linalg.index 2 : index
        %k2 = arith.muli %k, %c2 : index
        %g = arith.muli %j, %c32 : index
        %even = arith.addi %g, %k2 : index
        %odd = arith.addi %even, %c1 : index
        %last = arith.minsi %odd, %c63 : index
        %a = tensor.extract %1[%even, %i] : tensor<64x50000xi8>
        %b = tensor.extract %1[%last, %i] : tensor<64x50000xi8>
        %au = arith.addi %a, %c8 : i8
        %bu = arith.addi %b, %c8 : i8
        %am = arith.andi %au, %c15 : i8
        %bs = arith.shli %bu, %c4 : i8
        %in = arith.cmpi slt, %odd, %c63 : index
        %v = arith.ori %am, %bs : i8
        %w = arith.select %in, %v, %am : i8
        linalg.yield %w : i8
    } -> tensor<50000x2x16xi8>
    hadron.yield %2 : tensor<50000x2x16xi8>)");
  std::vector<char> result = evaluate();
  ASSERT_EQ(result.size(), 1600000u);
  EXPECT_EQ(result, evaluate(1));
  auto nibble = [&](int64_t k, int64_t n) {
    int64_t at = k * 50000 + n;
    return ((bytes[at / 2] >> (at % 2 * 4)) & 15) ^ 8; // plus 8, modulo 16
  };
  for (int64_t n = 0; n < 50000; n += 77)
    for (int64_t b = 0; b < 32; ++b) {
      int want = nibble(2 * b, n) | (b == 31 ? 0 : nibble(2 * b + 1, n) << 4);
      ASSERT_EQ(static_cast<uint8_t>(result[n * 32 + b]), want) << n << " " << b;
    }
}

TEST_F(Parameters, ErrorsNameParameterAndOperation) {
  std::vector<float> weights = gaussian(4800);
  weights[96 * 17 + 5] = NAN;
  writeFile("w.bin", weights);
  makeParam("!hadron.packed<96x50, #s>", kTransposed + quantized("!hadron.packed<96x50, #s>"));
  std::string error = evaluationError();
  EXPECT_NE(error.find("parameter 'p': hadron.quantize"), std::string::npos) << error;
  EXPECT_NE(error.find("output 17 has a weight that is not finite"), std::string::npos) << error;

  makeParam("tensor<5000xf32>",
            "%0 = hadron.file_slice \"w.bin\"[0, 20000] : tensor<5000xf32>\nhadron.yield %0 : tensor<5000xf32>");
  error = evaluationError();
  EXPECT_NE(error.find("parameter 'p': hadron.file_slice"), std::string::npos) << error;
  EXPECT_NE(error.find("past its end at 19200"), std::string::npos) << error;

  makeParam("tensor<1x4xf32>",
            "%0 = hadron.file_slice \"../w.bin\"[0, 16] : tensor<1x4xf32>\nhadron.yield %0 : tensor<1x4xf32>");
  EXPECT_NE(evaluationError().find("'..'"), std::string::npos);

  makeParam("tensor<600x1000xf32>", R"(
    %c = arith.constant dense<0.5> : tensor<600x1000xf32>
    %0 = math.exp %c : tensor<600x1000xf32>
    hadron.yield %0 : tensor<600x1000xf32>)");
  error = evaluationError();
  EXPECT_NE(error.find("math.exp"), std::string::npos) << error;
}

} // namespace
