// Reductions, normalizations, and others that keep most of their input's shape.
#include "Infer.h"
#include "Tensors.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

void likeFirst(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

// All elements of a list of sizes together: ReduceProd of a Shape is a number of elements.
void foldReduction(NodeInference &n) {
  const Dims *values = n.values(0), *dims = n.dims(0);
  Type type = n.elementType(0);
  if (!values || values->empty() || !dims || dims->size() != 1 || !type || !isa<IntegerType>(type))
    return;
  StringRef op = n.node.getOpType();
  SymbolicSize result = values->front();
  for (const SymbolicSize &value : ArrayRef(*values).drop_front()) {
    if (op == "ReduceProd")
      result *= value;
    else if (op == "ReduceSum")
      result += value;
    else if (op == "ReduceMax" || op == "ReduceMin") {
      bool isMax = op == "ReduceMax";
      if (value.isCoefficientwiseAtMost(result))
        result = isMax ? result : value;
      else if (result.isCoefficientwiseAtMost(value))
        result = isMax ? value : result;
      else
        return;
    } else
      return;
  }
  n.setValues(0, {result});
}

void reduce(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  bool keep = n.node.getInt("keepdims", 1);
  SmallVector<int64_t> axes;
  if (n.has(1)) {
    std::optional<SmallVector<int64_t>> given = n.constants(1);
    if (!given) {
      Dims unknown = keep ? n.freshDims(0, input->size()) : Dims();
      return n.set(0, n.elementType(0), keep ? std::optional<Dims>(unknown) : std::nullopt);
    }
    axes = *given;
  } else if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("axes")) {
    axes.assign(given->begin(), given->end());
  }
  if (axes.empty() && n.node.getInt("noop_with_empty_axes", 0)) {
    likeFirst(n);
    return;
  }
  SmallVector<bool> isReduced(input->size(), axes.empty());
  for (int64_t given : axes) {
    std::optional<int64_t> axis = n.axis(given, input->size());
    if (!axis)
      return;
    isReduced[*axis] = true;
  }
  Dims result;
  for (auto [dim, reduced] : llvm::zip(*input, isReduced))
    if (!reduced)
      result.push_back(dim);
    else if (keep)
      result.push_back(1);
  n.set(0, n.elementType(0), std::move(result));
  if (input->size() == 1 && isReduced[0])
    foldReduction(n);
}

void argReduce(NodeInference &n) {
  Type i64 = IntegerType::get(n.node.getContext(), 64);
  const Dims *input = n.dims(0);
  std::optional<int64_t> axis = input ? n.axis(n.node.getInt("axis", 0), input->size()) : std::nullopt;
  if (!input || !axis)
    return n.set(0, i64, std::nullopt);
  Dims result = *input;
  if (n.node.getInt("keepdims", 1))
    result[*axis] = 1;
  else
    result.erase(result.begin() + *axis);
  n.set(0, i64, std::move(result));
}

// An axis that is out of range is found here, not in a kernel.
void alongAxis(NodeInference &n) {
  likeFirst(n);
  if (const Dims *input = n.dims(0); input && n.node.getAttribute("axis") && !input->empty())
    n.axis(n.node.getInt("axis", -1), input->size());
}

// LayerNormalization, RMSNormalization and its ancestor SimplifiedLayerNormalization: statistics of the axes from
// `axis` on.
void layerNormalization(NodeInference &n) {
  bool hasOwnScaleType = n.node.getOpType() != "LayerNormalization"; // Y has the type of the scale
  Type type = hasOwnScaleType && n.elementType(1) ? n.elementType(1) : n.elementType(0);
  const Dims *input = n.dims(0);
  n.set(0, type, input);
  Type statistics =
      n.node.getInt("stash_type", 1) == 1 ? Type(Float32Type::get(n.node.getContext())) : n.elementType(0);
  std::optional<int64_t> axis = input ? n.axis(n.node.getInt("axis", -1), input->size()) : std::nullopt;
  if (!axis)
    return;
  Dims reduced = *input;
  for (size_t i = *axis; i < reduced.size(); ++i)
    reduced[i] = 1;
  if (const Dims *scale = n.dims(1))
    n.broadcast(*input, *scale);
  n.set(1, statistics, reduced);
  n.set(2, statistics, std::move(reduced));
}

// Skip(Simplified)LayerNormalization: normed, mean, inverse deviation, input + skip (+ bias).
void skipLayerNormalization(NodeInference &n) {
  const Dims *input = n.dims(0), *skip = n.dims(1);
  std::optional<Dims> sum = input ? std::optional<Dims>(*input) : std::nullopt;
  if (input && skip)
    sum = n.broadcast(*input, *skip);
  n.set(0, n.elementType(0), sum);
  n.set(3, n.elementType(0), sum);
  if (sum && !sum->empty()) {
    if (const Dims *gamma = n.dims(2); gamma && gamma->size() == 1)
      n.equal(gamma->front(), sum->back());
    sum->back() = SymbolicSize(1);
  }
  Type f32 = Float32Type::get(n.node.getContext());
  n.set(1, f32, sum);
  n.set(2, f32, sum);
}

// input_ids [B, S], …, word embedding [V, H]: [B, S, H], mask index [B], sum [B, S, H]
void embedLayerNormalization(NodeInference &n) {
  const Dims *ids = n.dims(0), *embedding = n.dims(2);
  std::optional<Dims> result;
  if (ids && ids->size() == 2 && embedding && embedding->size() == 2)
    result = Dims{(*ids)[0], (*ids)[1], (*embedding)[1]};
  n.set(0, n.elementType(2), result);
  n.set(2, n.elementType(2), result);
  n.set(1, IntegerType::get(n.node.getContext(), 32), result ? std::optional<Dims>(Dims{(*ids)[0]}) : std::nullopt);
}

//===------------------------------------------------------------------------------------------------------------===//
// Quantization
//===------------------------------------------------------------------------------------------------------------===//

Type attributeType(NodeInference &n, StringRef name) {
  int64_t number = n.node.getInt(name, 0);
  return number > 0 && number < INT32_MAX ? getElementType(n.node.getContext(), static_cast<int32_t>(number)) : Type();
}

void quantizeLinear(NodeInference &n) {
  Type type = n.elementType(2);
  if (!type)
    type = attributeType(n, "output_dtype");
  if (!type)
    type = IntegerType::get(n.node.getContext(), 8, IntegerType::Unsigned);
  n.set(0, type, n.dims(0));
}

void dequantizeLinear(NodeInference &n) {
  Type type = attributeType(n, "output_dtype");
  n.set(0, type ? type : n.elementType(1), n.dims(0));
}

void dynamicQuantizeLinear(NodeInference &n) {
  Type u8 = IntegerType::get(n.node.getContext(), 8, IntegerType::Unsigned);
  n.set(0, u8, n.dims(0));
  n.set(1, Float32Type::get(n.node.getContext()), Dims());
  n.set(2, u8, Dims());
}

} // namespace

ArrayRef<RuleRow> hadron::onnx::getReductionRules() {
  static const RuleRow rows[] = {
      {"", "ReduceL1", reduce},
      {"", "ReduceL2", reduce},
      {"", "ReduceLogSum", reduce},
      {"", "ReduceLogSumExp", reduce},
      {"", "ReduceMax", reduce},
      {"", "ReduceMean", reduce},
      {"", "ReduceMin", reduce},
      {"", "ReduceProd", reduce},
      {"", "ReduceSum", reduce},
      {"", "ReduceSumSquare", reduce},
      {"", "ArgMax", argReduce},
      {"", "ArgMin", argReduce},
      {"", "Softmax", alongAxis},
      {"", "LogSoftmax", alongAxis},
      {"", "Hardmax", alongAxis},
      {"", "LpNormalization", alongAxis},
      {"", "CumSum", likeFirst},
      {"", "CumProd", likeFirst},
      {"", "LayerNormalization", layerNormalization},
      {"", "RMSNormalization", layerNormalization},
      {"", "SimplifiedLayerNormalization", layerNormalization},
      {"", "BatchNormalization", likeFirst},
      {"", "InstanceNormalization", likeFirst},
      {"", "GroupNormalization", likeFirst},
      {"", "MeanVarianceNormalization", likeFirst},
      {"", "LRN", likeFirst},
      {"com.microsoft", "SkipLayerNormalization", skipLayerNormalization},
      {"com.microsoft", "SkipSimplifiedLayerNormalization", skipLayerNormalization},
      {"com.microsoft", "EmbedLayerNormalization", embedLayerNormalization},
      {"", "QuantizeLinear", quantizeLinear},
      {"", "DequantizeLinear", dequantizeLinear},
      {"com.microsoft", "QuantizeLinear", quantizeLinear},
      {"com.microsoft", "DequantizeLinear", dequantizeLinear},
      {"", "DynamicQuantizeLinear", dynamicQuantizeLinear},
  };
  return rows;
}
