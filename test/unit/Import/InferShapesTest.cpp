// Rules of shape inference, each on a graph of a few nodes.
#include "ONNX/IR/ONNX.h"
#include "hadron/Import/ONNX.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace hadron;

namespace {

struct Input {
  const char *name, *type; // "x", "batch x 4 x f32"
};

// A graph from short text: `y = Op(a, b) {attributes}`, one node a line, `y, z = 2 Op.domain/version(a, _)` at its
// longest.
class GraphText {
public:
  GraphText(std::initializer_list<Input> inputs) {
    std::string list;
    for (const Input &input : inputs) {
      list += (list.empty() ? "" : ", ") + ("\"" + std::string(input.name) + "\" %" + input.name) + ": !onnx.tensor<" +
              input.type + ">";
      types[input.name] = std::string("!onnx.tensor<") + input.type + ">";
    }
    text = "onnx.graph @main(" + list +
           ") -> (\"out\") attributes {ir_version = 10 : i64, opsets = {ai.onnx = 23 : i64}} {\n  %_ = onnx.none\n";
    types["_"] = "none";
  }
  GraphText &constant(const std::string &name, const std::string &dense, const std::string &dims) {
    std::string shaped = dims.empty() ? "" : dims + "x";
    text += "  %" + name + " = onnx.initializer \"" + name + "\" dense<" + dense + "> : tensor<" + shaped +
            "i64> -> !onnx.tensor<" + (dims.empty() ? "" : dims + " x ") + "i64>\n";
    types[name] = "!onnx.tensor<" + (dims.empty() ? "" : dims + " x ") + "i64>";
    return *this;
  }
  GraphText &node(std::vector<std::string> results, const std::string &op, std::vector<std::string> inputs,
                  const std::string &attributes = "", const std::string &domain = "", int since = 13) {
    std::string resultList, inputList, inputTypes, resultTypes, names;
    for (auto &result : results) {
      resultList += (resultList.empty() ? "%" : ", %") + result;
      resultTypes += std::string(resultTypes.empty() ? "" : ", ") + "!onnx.tensor<* x none>";
      names += (names.empty() ? "\"" : ", \"") + result + "\"";
      types[result] = "!onnx.tensor<* x none>";
    }
    for (auto &input : inputs) {
      inputList += (inputList.empty() ? "%" : ", %") + input;
      inputTypes += (inputTypes.empty() ? "" : ", ") + types[input];
    }
    text += "  " + resultList + " = onnx.node \"" + op + "\"" + (domain.empty() ? "" : " of \"" + domain + "\"") +
            " since " + std::to_string(since) + " (" + inputList + ") " + attributes + " outputs [" + names + "] : (" +
            inputTypes + ") -> (" + resultTypes + ")\n";
    last = results.front();
    return *this;
  }
  /// The type of a result without `!onnx.tensor`, then what else was found.
  std::string infer(std::string result = "") {
    result = result.empty() ? last : result;
    MLIRContext context;
    context.loadDialect<onnx::ONNXDialect>();
    std::string diagnostics;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { diagnostics += diagnostic.str(); });
    auto module =
        parseSourceString<ModuleOp>(text + "  onnx.return %" + result + " : " + types[result] + "\n}\n", &context);
    if (!module)
      return "parse error: " + diagnostics + "\n" + text;
    auto graph = *module->getOps<onnx::GraphOp>().begin();
    if (failed(onnx::inferShapes(graph)))
      return "error: " + diagnostics;
    std::string out;
    llvm::raw_string_ostream os(out);
    Value value = graph.getReturn().getOperand(0);
    std::string type;
    llvm::raw_string_ostream(type) << value.getType();
    os << llvm::StringRef(type).drop_front(strlen("!onnx.tensor<")).drop_back();
    if (auto values = onnx::getKnownValues(value)) {
      os << " = [";
      llvm::interleaveComma(*values, os, [&](const SymbolicSize &size) { os << size.str(); });
      os << "]";
    }
    if (auto replaced = graph.getSubstitutions())
      for (NamedAttribute entry : *replaced)
        os << "; " << entry.getName().getValue() << " = " << cast<StringAttr>(entry.getValue()).getValue();
    if (auto constraints = graph.getConstraints())
      for (StringRef constraint : constraints->getAsValueRange<StringAttr>())
        os << "; " << constraint;
    if (auto symbols = graph.getDataDependent())
      for (StringRef symbol : symbols->getAsValueRange<StringAttr>())
        os << "; new " << symbol;
    return out;
  }

private:
  std::string text, last;
  std::map<std::string, std::string> types;
};

const char *ms = "com.microsoft";

TEST(InferShapes, Broadcast) {
  EXPECT_EQ(GraphText({{"a", "b x 1 x 4 x f32"}, {"c", "s x 1 x f32"}}).node({"y"}, "Add", {"a", "c"}).infer(),
            "b x s x 4 x f32");
  // Equal symbols; unequal ones are made equal, the later one goes.
  EXPECT_EQ(GraphText({{"a", "n x f32"}, {"c", "m x f32"}}).node({"y"}, "Mul", {"a", "c"}).infer(), "n x f32; m = n");
  EXPECT_EQ(GraphText({{"a", "total x f32"}, {"c", "(past + seq) x f32"}}).node({"y"}, "Mul", {"a", "c"}).infer(),
            "(past + seq) x f32; total = past + seq");
  EXPECT_EQ(GraphText({{"a", "n x f32"}, {"c", "8 x f32"}}).node({"y"}, "Mul", {"a", "c"}).infer(), "8 x f32; n = 8");
  EXPECT_EQ(GraphText({{"a", "(2*n) x f32"}, {"c", "(3*m) x f32"}}).node({"y"}, "Mul", {"a", "c"}).infer(),
            "(2*n) x f32; 2*n == 3*m");
  EXPECT_EQ(GraphText({{"a", "n x f32"}, {"c", "n x f32"}}).node({"y"}, "LessOrEqual", {"a", "c"}).infer(), "n x i1");
  EXPECT_EQ(
      GraphText({{"c", "n x 1 x i1"}, {"a", "4 x f16"}, {"b", "f16"}}).node({"y"}, "Where", {"c", "a", "b"}).infer(),
      "n x 4 x f16");
  EXPECT_NE(GraphText({{"a", "n x f32"}, {"c", "(n + 1) x f32"}})
                .node({"y"}, "Add", {"a", "c"})
                .infer()
                .find("needs equal sizes"),
            std::string::npos);
}

TEST(InferShapes, ShapeArithmetic) {
  auto base = [] {
    return GraphText({{"x", "batch x seq x 576 x f32"}})
        .node({"s"}, "Shape", {"x"})
        .constant("zero", "0", "")
        .constant("one", "1", "")
        .constant("two", "2", "")
        .constant("axis", "0", "1")
        .constant("m1", "-1", "1")
        .node({"b"}, "Gather", {"s", "zero"})
        .node({"l"}, "Gather", {"s", "one"})
        .node({"h"}, "Gather", {"s", "two"});
  };
  EXPECT_EQ(base().infer("s"), "3 x i64 = [batch, seq, 576]");
  EXPECT_EQ(base().infer("l"), "i64 = [seq]");
  EXPECT_EQ(base().node({"y"}, "Mul", {"b", "l"}).infer(), "i64 = [batch*seq]");
  EXPECT_EQ(base().node({"y"}, "Div", {"h", "two"}).infer(), "i64 = [288]");
  EXPECT_EQ(base().node({"y"}, "Mul", {"l", "two"}).node({"z"}, "Div", {"y", "two"}).infer(), "i64 = [seq]");
  EXPECT_EQ(base().node({"y"}, "Div", {"l", "two"}).infer(), "i64") << "a half of seq is no sum of products";
  EXPECT_EQ(base().node({"y"}, "Sub", {"l", "one"}).infer(), "i64 = [seq - 1]");
  EXPECT_EQ(
      base().node({"y"}, "Unsqueeze", {"l", "axis"}).node({"z"}, "Concat", {"y", "m1"}, "{axis = 0 : i64}").infer(),
      "2 x i64 = [seq, -1]");
  EXPECT_EQ(base().node({"y"}, "Cast", {"s"}, "{to = 6 : i64}").infer(), "3 x i32 = [batch, seq, 576]");
  EXPECT_EQ(base().node({"y"}, "ReduceProd", {"s"}, "{keepdims = 0 : i64}").infer(), "i64 = [576*batch*seq]");
  EXPECT_EQ(base().node({"y"}, "Size", {"x"}).infer(), "i64 = [576*batch*seq]");
  EXPECT_EQ(base().node({"y"}, "Max", {"l", "zero"}).infer(), "i64 = [seq]");
  EXPECT_EQ(base().node({"y"}, "Max", {"l", "b"}).infer(), "i64") << "either may be larger";
  // torchscript's way to write an Expand: where the wish is -1, take 1. A size is never -1.
  EXPECT_EQ(base().node({"eq"}, "Equal", {"s", "m1"}).node({"y"}, "Where", {"eq", "one", "s"}).infer(),
            "3 x i64 = [batch, seq, 576]");
  EXPECT_EQ(base().node({"y"}, "Shape", {"x"}, "{start = -2 : i64, end = -1 : i64}").infer(), "1 x i64 = [seq]");
}

TEST(InferShapes, Reshape) {
  auto base = [](const char *dims) { return GraphText({{"x", dims}}); };
  EXPECT_EQ(base("b x s x 576 x f32").constant("t", "[0, 0, 9, 64]", "4").node({"y"}, "Reshape", {"x", "t"}).infer(),
            "b x s x 9 x 64 x f32");
  EXPECT_EQ(base("b x s x 576 x f32").constant("t", "[-1, 64]", "2").node({"y"}, "Reshape", {"x", "t"}).infer(),
            "(9*b*s) x 64 x f32");
  EXPECT_EQ(base("b x (past + seq) x 3 x 64 x f32")
                .constant("t", "[0, -1, 192]", "3")
                .node({"y"}, "Reshape", {"x", "t"})
                .infer(),
            "b x (past + seq) x 192 x f32");
  EXPECT_EQ(base("0 x 4 x f32")
                .constant("t", "[4, 0]", "2")
                .node({"y"}, "Reshape", {"x", "t"}, "{allowzero = 1 : i64}")
                .infer(),
            "4 x 0 x f32");
  // What does not divide is a size that only the data has.
  EXPECT_EQ(base("n x f32").constant("t", "[-1, 3]", "2").node({"y"}, "Reshape", {"x", "t"}).infer(),
            "y_d0 x 3 x f32; new y_d0");
  EXPECT_EQ(base("2 x 6 x f32").constant("t", "[3, -1]", "2").node({"y"}, "Flatten", {"x"}, "{axis = 1 : i64}").infer(),
            "2 x 6 x f32");
  EXPECT_EQ(base("b x 1 x s x f32").constant("t", "[1, -3]", "2").node({"y"}, "Unsqueeze", {"x", "t"}).infer(),
            "b x 1 x 1 x 1 x s x f32")
      << "axes count in the result";
  EXPECT_EQ(base("b x 1 x s x f32").constant("t", "1", "1").node({"y"}, "Squeeze", {"x", "t"}).infer(), "b x s x f32");
  EXPECT_EQ(base("b x 1 x s x f32").node({"y"}, "Squeeze", {"x"}).infer(), "* x f32") << "b may be 1";
  EXPECT_EQ(base("b x s x 3 x f32").node({"y"}, "Transpose", {"x"}, "{perm = array<i64: 2, 0, 1>}").infer(),
            "3 x b x s x f32");
}

TEST(InferShapes, Slice) {
  auto slice = [](const char *dims, const char *start, const char *end, const char *axis, const char *step = "1") {
    return GraphText({{"x", dims}})
        .constant("s", start, "1")
        .constant("e", end, "1")
        .constant("a", axis, "1")
        .constant("k", step, "1")
        .node({"y"}, "Slice", {"x", "s", "e", "a", "k"})
        .infer();
  };
  EXPECT_EQ(slice("b x 64 x f32", "32", "9223372036854775807", "1"), "b x 32 x f32");
  EXPECT_EQ(slice("b x 64 x f32", "-9223372036854775808", "-2", "1"), "b x 62 x f32");
  EXPECT_EQ(slice("b x 64 x f32", "0", "9223372036854775807", "0"), "b x 64 x f32");
  EXPECT_EQ(slice("b x s x f32", "-1", "9223372036854775807", "1"), "b x 1 x f32; 1 <= s") << "the last token";
  EXPECT_EQ(slice("b x 7 x f32", "0", "7", "1", "2"), "b x 4 x f32");
  EXPECT_EQ(slice("b x 7 x f32", "-1", "-9223372036854775808", "1", "-1"), "b x 7 x f32");
  EXPECT_EQ(slice("b x 7 x f32", "5", "2", "1"), "b x 0 x f32");
  EXPECT_EQ(slice("b x (2*s) x f32", "0", "9223372036854775807", "1", "2"), "b x s x f32");
  EXPECT_EQ(slice("b x s x f32", "9223372036854775807", "-9223372036854775808", "1", "-1"), "b x s x f32");
  // A table of 512 rows, as many of them as the sequence is long.
  EXPECT_EQ(GraphText({{"x", "1 x 512 x i64"}, {"ids", "b x s x i64"}})
                .node({"l"}, "Shape", {"ids"}, "{start = 1 : i64}")
                .constant("z", "0", "1")
                .constant("a", "1", "1")
                .node({"y"}, "Slice", {"x", "z", "l", "a"})
                .infer(),
            "1 x s x i64; s <= 512");
}

TEST(InferShapes, Movement) {
  EXPECT_EQ(GraphText({{"p", "b x 3 x past x 64 x f32"}, {"n", "b x 3 x seq x 64 x f32"}})
                .node({"y"}, "Concat", {"p", "n"}, "{axis = -2 : i64}")
                .infer(),
            "b x 3 x (past + seq) x 64 x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x 960 x f32"}})
                .constant("p", "[576, 192, 192]", "3")
                .node({"q", "k", "v"}, "Split", {"x", "p"}, "{axis = 2 : i64}")
                .infer("k"),
            "b x s x 192 x f32");
  EXPECT_EQ(
      GraphText({{"x", "7 x f32"}}).node({"p", "q", "r"}, "Split", {"x"}, "{num_outputs = 3 : i64}", "", 18).infer("r"),
      "1 x f32");
  EXPECT_EQ(GraphText({{"w", "49152 x 576 x f32"}, {"i", "b x s x i64"}}).node({"y"}, "Gather", {"w", "i"}).infer(),
            "b x s x 576 x f32");
  EXPECT_EQ(
      GraphText({{"x", "b x t x i1"}, {"i", "b x 1 x 1 x s x 2 x i64"}}).node({"y"}, "GatherND", {"x", "i"}).infer(),
      "b x 1 x 1 x s x i1");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}}).constant("r", "[1, 3]", "2").node({"y"}, "Tile", {"x", "r"}).infer(),
            "b x (3*s) x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}}).constant("r", "[0, 1, 0, 2]", "4").node({"y"}, "Pad", {"x", "r"}).infer(),
            "b x (s + 3) x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}}).node({"y"}, "NonZero", {"x"}).infer(), "2 x y_d1 x i64; new y_d1");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}}).constant("k", "5", "1").node({"y", "i"}, "TopK", {"x", "k"}).infer("i"),
            "b x 5 x i64");
  EXPECT_EQ(GraphText({{"x", "b x 1 x f32"}, {"t", "b x s x f32"}})
                .node({"s"}, "Shape", {"t"})
                .node({"y"}, "Expand", {"x", "s"})
                .infer(),
            "b x s x f32");
  auto range = [](const char *limit) {
    return GraphText({{"x", "n x f32"}})
        .constant("z", "0", "")
        .constant("o", "1", "")
        .constant("c", limit, "")
        .node({"l"}, "Size", {"x"});
  };
  EXPECT_EQ(range("4").node({"y"}, "Range", {"z", "l", "o"}).infer(), "n x i64");
  EXPECT_EQ(range("4").node({"y"}, "Range", {"z", "c", "o"}).infer(), "4 x i64 = [0, 1, 2, 3]");
  EXPECT_EQ(range("4").node({"t"}, "Add", {"l", "c"}).node({"y"}, "Range", {"l", "t", "o"}).infer(),
            "4 x i64 = [n, n + 1, n + 2, n + 3]");
}

TEST(InferShapes, Products) {
  EXPECT_EQ(GraphText({{"a", "b x 9 x s x 64 x f32"}, {"c", "b x 9 x 64 x t x f32"}})
                .node({"y"}, "MatMul", {"a", "c"})
                .infer(),
            "b x 9 x s x t x f32");
  EXPECT_EQ(GraphText({{"a", "k x f32"}, {"c", "b x k x n x f32"}}).node({"y"}, "MatMul", {"a", "c"}).infer(),
            "b x n x f32");
  EXPECT_EQ(GraphText({{"a", "b x m x k x f32"}, {"c", "k x f32"}}).node({"y"}, "MatMul", {"a", "c"}).infer(),
            "b x m x f32");
  EXPECT_EQ(GraphText({{"a", "k x m x f32"}, {"c", "8 x k x f32"}})
                .node({"y"}, "Gemm", {"a", "c"}, "{transA = 1 : i64, transB = 1 : i64}")
                .infer(),
            "m x 8 x f32");
  EXPECT_EQ(GraphText({{"a", "b x s x d x f32"}, {"c", "b x t x d x f32"}})
                .node({"y"}, "Einsum", {"a", "c"}, "{equation = \"bsd, btd -> bst\"}")
                .infer(),
            "b x s x t x f32");
  EXPECT_EQ(GraphText({{"a", "b x s x k x f16"}, {"w", "960 x 18 x 16 x ui8"}, {"c", "960 x 18 x f16"}})
                .node({"y"}, "MatMulNBits", {"a", "w", "c"},
                      "{K = 576 : i64, N = 960 : i64, bits = 4 : i64, block_size = 32 : i64}", ms, 1)
                .infer(),
            "b x s x 960 x f16; k = 576");
  EXPECT_EQ(GraphText({{"w", "49152 x 288 x ui8"}, {"i", "b x s x i64"}, {"c", "49152 x 18 x f32"}})
                .node({"y"}, "GatherBlockQuantized", {"w", "i", "c"}, "{bits = 4 : i64, block_size = 32 : i64}", ms, 1)
                .infer(),
            "b x s x 576 x f32");
  EXPECT_EQ(GraphText({{"w", "576 x 960 x i4"}, {"c", "18 x 960 x f32"}})
                .node({"y"}, "DequantizeLinear", {"w", "c"}, "{axis = 0 : i64, block_size = 32 : i64}")
                .infer(),
            "576 x 960 x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}, {"c", "f32"}})
                .node({"y"}, "QuantizeLinear", {"x", "c"}, "{output_dtype = 25 : i64}")
                .infer(),
            "b x s x ui2");
}

TEST(InferShapes, Reductions) {
  EXPECT_EQ(
      GraphText({{"x", "b x s x 576 x f32"}}).constant("a", "-1", "1").node({"y"}, "ReduceMean", {"x", "a"}).infer(),
      "b x s x 1 x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x f32"}}).node({"y"}, "ReduceSum", {"x"}, "{keepdims = 0 : i64}").infer(), "f32");
  EXPECT_EQ(
      GraphText({{"x", "b x s x f32"}}).node({"y"}, "ReduceSum", {"x"}, "{noop_with_empty_axes = 1 : i64}").infer(),
      "b x s x f32");
  EXPECT_EQ(
      GraphText({{"x", "b x s x f32"}}).node({"y"}, "ArgMax", {"x"}, "{axis = -1 : i64, keepdims = 0 : i64}").infer(),
      "b x i64");
  EXPECT_EQ(GraphText({{"x", "b x s x 4 x f16"}, {"g", "4 x f16"}})
                .node({"y", "m", "i"}, "LayerNormalization", {"x", "g"})
                .infer("m"),
            "b x s x 1 x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x 4 x f16"}, {"g", "4 x f32"}}).node({"y"}, "RMSNormalization", {"x", "g"}).infer(),
            "b x s x 4 x f32");
  EXPECT_EQ(GraphText({{"x", "b x s x 4 x f32"}, {"r", "b x s x 4 x f32"}, {"g", "4 x f32"}})
                .node({"y", "m", "i", "t"}, "SkipSimplifiedLayerNormalization", {"x", "r", "g"}, "", ms, 1)
                .infer("t"),
            "b x s x 4 x f32");
}

TEST(InferShapes, Attention) {
  // The head size follows from the width of the packed input, the cache's length from its input.
  auto gqa = [] {
    return GraphText({{"x", "b x s x 960 x f32"},
                      {"m", "b x total x i64"},
                      {"k", "b x 3 x past x d x f32"},
                      {"v", "b x 3 x past x d x f32"},
                      {"l", "b x i32"}})
        .node({"sh"}, "Shape", {"m"}, "{start = 1 : i64}")
        .node({"t"}, "Cast", {"sh"}, "{to = 6 : i64}")
        .node({"y", "pk", "pv"}, "GroupQueryAttention", {"x", "_", "_", "k", "v", "l", "t"},
              "{num_heads = 9 : i64, kv_num_heads = 3 : i64}", ms, 1);
  };
  EXPECT_EQ(gqa().infer("y"), "b x s x 576 x f32; d = 64; total = past + s");
  EXPECT_EQ(gqa().infer("pv"), "b x 3 x (past + s) x 64 x f32; d = 64; total = past + s");
  EXPECT_EQ(gqa().infer("sh"), "1 x i64 = [past + s]; d = 64; total = past + s") << "also before the node that says so";

  EXPECT_EQ(GraphText({{"q", "b x 9 x s x 64 x f32"},
                       {"k", "b x 3 x s x 64 x f32"},
                       {"v", "b x 3 x s x 32 x f32"},
                       {"m", "s x t x i1"},
                       {"pk", "b x 3 x past x 64 x f32"},
                       {"pv", "b x 3 x past x 32 x f32"}})
                .node({"y", "nk", "nv"}, "Attention", {"q", "k", "v", "m", "pk", "pv"}, "", "", 23)
                .infer("nv"),
            "b x 3 x (past + s) x 32 x f32; t = past + s");
  EXPECT_EQ(GraphText({{"q", "b x s x 576 x f32"}, {"k", "b x t x 192 x f32"}, {"v", "b x t x 96 x f32"}})
                .node({"y"}, "Attention", {"q", "k", "v"}, "{q_num_heads = 9 : i64, kv_num_heads = 3 : i64}", "", 23)
                .infer(),
            "b x s x 288 x f32");
  EXPECT_EQ(GraphText({{"q", "b x s x 384 x f32"}, {"k", "b x t x 384 x f32"}, {"v", "b x t x 384 x f32"}})
                .node({"y", "pk", "pv"}, "MultiHeadAttention", {"q", "k", "v"}, "{num_heads = 12 : i64}", ms, 1)
                .infer("pk"),
            "b x 12 x t x 32 x f32");
  // Same name, two domains, different order of inputs; the same shape.
  EXPECT_EQ(
      GraphText({{"x", "b x 9 x s x 64 x f32"}, {"p", "b x s x i64"}, {"c", "512 x 32 x f32"}, {"n", "512 x 32 x f32"}})
          .node({"y"}, "RotaryEmbedding", {"x", "p", "c", "n"}, "", ms, 1)
          .infer(),
      "b x 9 x s x 64 x f32");
}

TEST(InferShapes, WhatIsNotKnownSaysSo) {
  EXPECT_EQ(GraphText({{"x", "b x f32"}}).node({"y"}, "Mystery", {"x"}, "", "some.domain", 0).infer(), "* x none");
  EXPECT_EQ(GraphText({{"x", "b x f32"}})
                .node({"u"}, "Mystery", {"x"}, "", "some.domain", 0)
                .node({"y"}, "Add", {"x", "u"})
                .infer(),
            "* x f32");
  EXPECT_EQ(GraphText({{"x", "b x f32"}, {"t", "3 x i64"}}).node({"y"}, "Reshape", {"x", "t"}).infer(),
            "y_d0 x y_d1 x y_d2 x f32; new y_d0; new y_d1; new y_d2");
  // The same operator in another domain is another operator.
  EXPECT_EQ(GraphText({{"x", "b x f32"}}).node({"y"}, "Relu", {"x"}, "", "some.domain", 0).infer(), "* x none");
}

} // namespace
