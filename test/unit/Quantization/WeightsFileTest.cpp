// The container: what any safetensors reader checks, equal parameters once, and nothing left behind on failure.
#include "TestModule.h"

#include "hadron/Quantization/WeightsFile.h"
#include "hadron/Runtime/Descriptor.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace hadron;

namespace {

class WeightsFileTest : public TestModule {
protected:
  std::string read(const std::string &name) {
    auto buffer = llvm::MemoryBuffer::getFile(path(name));
    return buffer ? (*buffer)->getBuffer().str() : "";
  }

  const char *text = R"(
    hadron.param @one : tensor<1xf32> {
      %0 = hadron.file_slice "w.bin"[0, 4] : tensor<1xf32>
      hadron.yield %0 : tensor<1xf32>
    }
    hadron.param @w : !hadron.packed<32x20, #hadron.int<4, group = 32, sym, scale = f16>> {
      %0 = hadron.file_slice "w.bin"[0, 2560] : tensor<32x20xf32>
      %1 = hadron.quantize %0 : tensor<32x20xf32> -> !hadron.packed<32x20, #hadron.int<4, group = 32, sym, scale = f16>>
      hadron.yield %1 : !hadron.packed<32x20, #hadron.int<4, group = 32, sym, scale = f16>>
    }
    hadron.param @again : tensor<1xf32> {
      %0 = hadron.file_slice "w.bin"[0, 4] : tensor<1xf32>
      hadron.yield %0 : tensor<1xf32>
    }
    hadron.param @ids : tensor<2x3xi64> {
      %0 = arith.constant dense<7> : tensor<2x3xi64>
      hadron.yield %0 : tensor<2x3xi64>
    })";
};

TEST_F(WeightsFileTest, IsAContainerWithoutGaps) {
  std::vector<float> weights = gaussian(640);
  writeFile("w.bin", weights);
  parse(text);
  auto file = writeWeights(*module, path("x.weights"), path("model.onnx"), 2);
  ASSERT_TRUE(mlir::succeeded(file));
  std::string bytes = read("x.weights");
  ASSERT_EQ(static_cast<int64_t>(bytes.size()), file->bytes);
  uint64_t headerSize = llvm::support::endian::read64le(bytes.data());
  EXPECT_EQ((8 + headerSize) % 4096, 0u);
  EXPECT_EQ(hadron_rt_hash(bytes.data(), 8 + headerSize), file->headerHash);
  auto header = llvm::json::parse(llvm::StringRef(bytes).substr(8, headerSize));
  ASSERT_TRUE(static_cast<bool>(header));
  std::map<int64_t, int64_t> ranges;
  for (auto &[name, value] : *header->getAsObject()) {
    if (name == "__metadata__")
      continue;
    auto *offsets = value.getAsObject()->getArray("data_offsets");
    ranges[*(*offsets)[0].getAsInteger()] = *(*offsets)[1].getAsInteger();
  }
  int64_t end = 0;
  for (auto [from, to] : ranges) {
    EXPECT_EQ(from, end);
    end = to;
  }
  EXPECT_EQ(end + 8 + static_cast<int64_t>(headerSize), file->bytes);

  ASSERT_EQ(file->entries.size(), 4u);
  for (const WeightsFile::Entry &entry : file->entries)
    EXPECT_EQ(entry.offset % 64, 0) << entry.name;
  EXPECT_EQ(file->entries[0].offset, file->entries[2].offset); // @again is @one
  float one;
  std::memcpy(&one, &bytes[file->entries[0].offset], 4);
  EXPECT_EQ(one, weights[0]);
  int64_t id;
  std::memcpy(&id, &bytes[file->entries[3].offset + 40], 8);
  EXPECT_EQ(id, 7);
  auto *metadata = header->getAsObject()->getObject("__metadata__");
  EXPECT_EQ(metadata->getString("type:w"), "!hadron.packed<32x20, #hadron.int<4, group = 32, sym, scale = f16>>");
}

TEST_F(WeightsFileTest, DoesNotDependOnThreadsAndKnowsItsData) {
  writeFile("w.bin", gaussian(640));
  parse(text);
  auto one = writeWeights(*module, path("one"), path("m"), 1), four = writeWeights(*module, path("four"), path("m"), 4);
  ASSERT_TRUE(mlir::succeeded(one) && mlir::succeeded(four));
  EXPECT_EQ(read("one"), read("four"));
  writeFile("w.bin", gaussian(640, 2));
  auto other = writeWeights(*module, path("other"), path("m"), 1);
  ASSERT_TRUE(mlir::succeeded(other));
  EXPECT_NE(other->headerHash, one->headerHash);
}

TEST_F(WeightsFileTest, LeavesNothingBehindOnFailure) {
  writeFile("w.bin", gaussian(10));
  parse(text);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) { message = d.str(); });
  EXPECT_TRUE(mlir::failed(writeWeights(*module, path("x.weights"), path("m"), 2)));
  EXPECT_NE(message.find("parameter 'w'"), std::string::npos) << message;
  EXPECT_FALSE(llvm::sys::fs::exists(path("x.weights")));
  EXPECT_TRUE(mlir::failed(writeWeights(*module, path("none/x.weights"), path("m"), 2)));
  EXPECT_NE(message.find("cannot be created"), std::string::npos) << message;
}

} // namespace
