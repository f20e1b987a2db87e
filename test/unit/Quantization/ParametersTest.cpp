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
