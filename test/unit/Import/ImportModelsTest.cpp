// Models as exporters write them: every value's size is known, in symbols of the inputs.
#include "ONNX/IR/ONNX.h"
#include "hadron/Import/ONNX.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace hadron;

namespace {

struct Imported {
  MLIRContext context;
  std::string diagnostics;
  OwningOpRef<ModuleOp> module;
  onnx::GraphOp graph;

  explicit Imported(llvm::StringRef name, bool requireWeights = false) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { diagnostics += diagnostic.str() + "\n"; });
    ImportOptions options;
    options.requireWeights = requireWeights;
    module = importONNX(&context, std::string(HADRON_EXAMPLE_MODELS) + "/" + name.str(), options);
    if (module)
      graph = *module->getOps<onnx::GraphOp>().begin();
  }

  std::vector<std::string> symbols() {
    std::vector<std::string> names;
    for (llvm::StringRef name : graph.getSymbols()->getAsValueRange<StringAttr>())
      names.push_back(name.str());
    return names;
  }

  // Types that are not known, and symbols that are not the inputs'.
  std::string findUnknown() {
    std::string unknown;
    std::vector<std::string> known = symbols();
    graph.walk([&](onnx::NodeOp node) {
      for (Value result : node.getResults()) {
        auto type = dyn_cast<onnx::OnnxTensorType>(result.getType());
        if (!type)
          continue;
        if (!type.hasRank() || !type.hasElementType())
          unknown += node.describe() + "\n";
        else
          for (const SymbolicSize &dim : type.getDims())
            for (const std::string &symbol : dim.getSymbols())
              if (!llvm::is_contained(known, symbol))
                unknown += node.describe() + ": " + symbol + "\n";
      }
    });
    return unknown;
  }

  std::string outputType(unsigned i) {
    std::string text;
    llvm::raw_string_ostream(text) << graph.getReturn().getOperand(i).getType();
    return text;
  }
};

TEST(ImportModels, Genai) {
  Imported model("smollm2-genai-fp32.onnx");
  ASSERT_TRUE(model.module) << model.diagnostics;
  EXPECT_EQ(model.diagnostics, "");
  EXPECT_EQ(model.findUnknown(), "");
  // The mask's length is the cache's and the new tokens'; the head size follows from the attributes and the width of
  // QKV.
  EXPECT_EQ(model.symbols(), (std::vector<std::string>{"batch_size", "sequence_length", "past_sequence_length"}));
  auto substitutions = *model.graph.getSubstitutions();
  EXPECT_EQ(substitutions.getAs<StringAttr>("kv_cache_dim").getValue(), "64");
  EXPECT_EQ(substitutions.getAs<StringAttr>("total_sequence_length").getValue(),
            "past_sequence_length + sequence_length");
  EXPECT_FALSE(model.graph.getConstraints());
  EXPECT_FALSE(model.graph.getDataDependent());
  EXPECT_EQ(model.graph.getInputNames().size(), 62u);
  EXPECT_EQ(model.outputType(0), "!onnx.tensor<batch_size x sequence_length x 49152 x f32>");
  EXPECT_EQ(model.outputType(1), "!onnx.tensor<batch_size x 3 x (past_sequence_length + sequence_length) x 64 x f32>");
  EXPECT_EQ(model.graph.getOpset(""), 22);
  EXPECT_EQ(model.graph.getOpset("com.microsoft"), 1);
}

TEST(ImportModels, GenaiNodes) {
  Imported model("smollm2-genai-fp32.onnx");
  ASSERT_TRUE(model.module) << model.diagnostics;
  unsigned attention = 0, norms = 0;
  model.graph.walk([&](onnx::NodeOp node) {
    if (node.is("com.microsoft", "GroupQueryAttention") && attention++ == 0) {
      EXPECT_EQ(node.getNodeName(), "/model/layers.0/attn/GroupQueryAttention");
      EXPECT_EQ(node.getInputs().size(), 12u);
      EXPECT_FALSE(node.getInput(1)) << "keys are packed with the queries";
      EXPECT_FALSE(node.getInput(11));
      EXPECT_FALSE(node.getInput(99));
      EXPECT_TRUE(node.getInput(3));
      EXPECT_EQ(node.getInt("num_heads", 0), 9);
      EXPECT_EQ(node.getFloat("scale", 0), 0.125);
      auto total = onnx::getKnownValues(node.getInput(6));
      ASSERT_TRUE(total && total->size() == 1);
      EXPECT_EQ((*total)[0].str(), "past_sequence_length + sequence_length");
      EXPECT_FALSE(onnx::getKnownValues(node.getInput(5))) << "lengths are summed from the mask's data";
    }
    if (node.is("com.microsoft", "SkipSimplifiedLayerNormalization") && norms++ == 0) {
      EXPECT_EQ(node.getNumResults(), 4u);
      EXPECT_FALSE(node.getOutput(1));
      EXPECT_TRUE(node.getOutput(3));
    }
  });
  EXPECT_EQ(attention, 30u);
  EXPECT_EQ(norms, 60u);
}

TEST(ImportModels, WeightsStayInTheirFile) {
  Imported model("smollm2-genai-fp32.onnx");
  ASSERT_TRUE(model.module) << model.diagnostics;
  uint64_t bytes = 0;
  model.graph.walk([&](onnx::InitializerOp initializer) {
    if (auto slice = dyn_cast<onnx::FileSliceAttr>(initializer.getData())) {
      EXPECT_EQ(slice.getFile(), "smollm2-genai-fp32.weights");
      bytes += slice.getLength();
    } else {
      EXPECT_LE(initializer.getType().getRank(), 1u);
    }
  });
  EXPECT_GT(bytes, 500u << 20);
}

TEST(ImportModels, MissingWeightsAreAnErrorWhenAskedFor) {
  Imported model("smollm2-genai-fp32.onnx", /*requireWeights=*/true);
  EXPECT_FALSE(model.module);
  EXPECT_NE(model.diagnostics.find("its data file 'smollm2-genai-fp32.weights' does not exist"), std::string::npos)
      << model.diagnostics;
}

TEST(ImportModels, Torchscript) {
  Imported model("minilm-torchscript17.onnx");
  ASSERT_TRUE(model.module) << model.diagnostics;
  EXPECT_EQ(model.diagnostics, "");
  EXPECT_EQ(model.findUnknown(), "");
  EXPECT_EQ(model.symbols(), (std::vector<std::string>{"batch", "sequence"}));
  EXPECT_EQ(model.outputType(0), "!onnx.tensor<batch x sequence x 384 x f32>");
  // The position table has 512 rows, and a slice of it has as many as the sequence.
  ASSERT_TRUE(model.graph.getConstraints());
  EXPECT_EQ(cast<StringAttr>((*model.graph.getConstraints())[0]).getValue(), "sequence <= 512");
}

TEST(ImportModels, ContentSaysWhatItIs) {
  EXPECT_TRUE(looksLikeONNX(llvm::StringRef("\x08\x0a\x12\x07pytorch", 11)));
  EXPECT_FALSE(looksLikeONNX("GGUF\x03"));
  EXPECT_FALSE(looksLikeONNX("module {"));
  EXPECT_FALSE(looksLikeONNX("onnx.graph @main"));
  EXPECT_FALSE(looksLikeONNX(""));
}

} // namespace
