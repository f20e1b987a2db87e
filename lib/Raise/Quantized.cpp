// Quantized weights as graphs hold them, and the linear quantization of tensors.
#include "Build.h"
#include "OpTable.h"
#include "Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::InitializerOp;
using hadron::onnx::OnnxTensorType;

namespace {

/// The initializer behind reshapes, whose bytes are the value's.
InitializerOp bytesOf(Value onnxValue) {
  while (auto node = onnxValue.getDefiningOp<onnx::NodeOp>()) {
    if (!node.is("", "Reshape") && !node.is("", "Identity") && !node.is("", "Squeeze") && !node.is("", "Unsqueeze") &&
        !node.is("", "Flatten"))
      return {};
    onnxValue = node.getInput(0);
  }
  return onnxValue.getDefiningOp<InitializerOp>();
}

int64_t byteCount(InitializerOp initializer) {
  if (auto slice = dyn_cast<onnx::FileSliceAttr>(initializer.getData()))
    return slice.getLength();
  auto dense = cast<DenseElementsAttr>(initializer.getData());
  return dense.getNumElements() * ((dense.getElementType().getIntOrFloatBitWidth() + 7) / 8);
}

/// Codes packed along K, block by block: MatMulNBits' and GatherBlockQuantized's. Null after an error.
struct Blocks {
  Value codes, scales, zeros; // of the graph
  int64_t inputs, outputs, bits, block;
  bool flip = false;       // codes are signed: two's complement
  bool zeroIsNull = false; // without zero points zero is 0, not 2^(bits-1)
};

Value packBlocks(Raiser &r, const Blocks &w) {
  int64_t groups = (w.inputs + w.block - 1) / w.block, blob = w.block * w.bits / 8;
  InitializerOp codes = bytesOf(w.codes);
  if (!codes || !r.isConstant(w.scales) || (w.zeros && !r.isConstant(w.zeros)))
    return (void)r.error("weights, scales and zero points must be constants of the model"), Value();
  if (byteCount(codes) != w.outputs * groups * blob)
    return (void)r.error("expected " + Twine(w.outputs * groups * blob) + " bytes of codes; found " +
                         Twine(byteCount(codes))),
           Value();
  Type scaleType = elementOf(cast<OnnxTensorType>(w.scales.getType()).getElementType());
  ZeroKind kind = w.zeroIsNull ? ZeroKind::Integer : ZeroKind::Symmetric;
  bool floatZeros = false;
  if (w.zeros) {
    Type zeroType = cast<OnnxTensorType>(w.zeros.getType()).getElementType();
    floatZeros = isa<FloatType>(zeroType);
    kind = floatZeros ? ZeroKind::Float : ZeroKind::Integer;
  }
  auto count = [&](Value v) { return product(dimsOf(v)).getConstant().value_or(-1); };
  int64_t zeroBytes = (groups * w.bits + 7) / 8;
  if (count(w.scales) != w.outputs * groups)
    return (void)r.error("expected " + Twine(w.outputs * groups) + " scales; found " + Twine(count(w.scales))), Value();
  InitializerOp zeroCodes = w.zeros && !floatZeros ? bytesOf(w.zeros) : InitializerOp();
  if (w.zeros &&
      (floatZeros ? count(w.zeros) != w.outputs * groups : !zeroCodes || byteCount(zeroCodes) != w.outputs * zeroBytes))
    return (void)r.error("zero points have an unexpected size"), Value();
  if (floatZeros && cast<OnnxTensorType>(w.zeros.getType()).getElementType() != scaleType)
    return (void)r.error("zero points and scales have different types"), Value();
  MLIRContext *context = r.builder.getContext();
  auto emit = [&] { return emitError(r.loc) << r.node.describe() << ": "; };
  auto format = IntFormatAttr::getChecked(emit, context, w.bits, w.block, kind, scaleType);
  if (!format)
    return (void)r.error("the weight format is not supported"), Value();
  auto type =
      PackedType::getChecked(emit, context, w.inputs, w.outputs, Attribute(format), RotationAttr(), RotationAttr());
  if (!type)
    return (void)r.error("the weight format is not supported"), Value();
  return r.param(r.nameOf(codes), type, [&]() -> Value {
    Value bytes = r.bytes(codes, {w.outputs, groups, blob}), zeros;
    auto flipped = [&](Value value, Sizes dims) {
      int64_t mask = 0;
      for (int64_t lane = 0; lane < 8; lane += w.bits)
        mask |= int64_t(1) << (lane + w.bits - 1);
      Type i8 = r.builder.getI8Type();
      return map(r, Tensor{value, dims, i8}, dims, i8,
                 [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
                   return arith::XOrIOp::create(b, loc, e[0], number(b, loc, i8, mask));
                 })
          .value;
    };
    if (w.flip)
      bytes = flipped(bytes, {w.outputs, groups, blob});
    Tensor scales = reshape(r, r.get(w.scales), {w.outputs, groups});
    if (floatZeros) {
      zeros = r.value(reshape(r, r.get(w.zeros), {w.outputs, groups}));
    } else if (w.zeros) {
      zeros = r.bytes(zeroCodes, {w.outputs, zeroBytes});
      if (w.flip)
        zeros = flipped(zeros, {w.outputs, zeroBytes});
    } else if (w.zeroIsNull) {
      zeros = r.value(splat(r, 0, {w.outputs, zeroBytes}, r.builder.getI8Type()));
    }
    return PackOp::create(r.builder, r.loc, type, bytes, r.value(scales), zeros);
  });
}

LogicalResult convertMatMulNBits(Raiser &r) {
  Blocks w{r.node.getInput(1),
           r.node.getInput(2),
           r.node.getInput(3),
           r.node.getInt("K", 0),
           r.node.getInt("N", 0),
           r.node.getInt("bits", 4),
           r.node.getInt("block_size", 0)};
  if (r.node.getInt("weight_prepacked", 0) != 0)
    return r.error("weight_prepacked = " + Twine(r.node.getInt("weight_prepacked", 0)) +
                   ": the layout of these weights is not documented; export the model without it");
  if (w.inputs < 1 || w.outputs < 1 || w.block < 16 || (w.bits != 2 && w.bits != 4 && w.bits != 8) || !w.codes ||
      !w.scales)
    return r.error("expected K, N, a block size of at least 16, 2, 4 or 8 bits, weights and scales");
  if (r.has(4)) {
    auto order = onnx::getConstantValues(r.node.getInput(4));
    bool trivial = order && static_cast<int64_t>(order->size()) == w.inputs;
    for (int64_t k = 0; trivial && k < w.inputs; ++k)
      trivial = (*order)[k] == k / w.block;
    if (!trivial)
      return r.error("g_idx that reorders groups is not supported");
  }
  Tensor x = r.in(0);
  if (x.rank() < 1 || !x.dims.back().isConstant(w.inputs))
    return r.error("expected " + Twine(w.inputs) + " inputs; found " + x.dims.back().str());
  Value weight = packBlocks(r, w);
  if (!weight)
    return failure();
  Value bias = r.has(5) ? r.value(r.in(5)) : Value();
  r.out(0, matmul(r, x, weight, bias));
  return success();
}

LogicalResult convertGatherBlockQuantized(Raiser &r) {
  auto dataType = cast<OnnxTensorType>(r.node.getInput(0).getType());
  auto dims = dataType.getStaticDims();
  auto codeType = dyn_cast<IntegerType>(dataType.getElementType());
  auto gather = normalizedAxis(r.node.getInt("gather_axis", 0), 2),
       quantize = normalizedAxis(r.node.getInt("quantize_axis", 1), 2);
  if (!dims || dims->size() != 2 || !codeType || gather != 0 || quantize != 1)
    return r.error("expected a constant matrix of codes, quantized along its rows");
  bool isBytes = codeType.getWidth() == 8;
  int64_t bits = isBytes ? r.node.getInt("bits", 4) : codeType.getWidth();
  if (bits != 2 && bits != 4 && bits != 8)
    return r.error("expected 2, 4 or 8 bits; found " + Twine(bits));
  int64_t inputs = isBytes ? (*dims)[1] * 8 / bits : (*dims)[1], block = r.node.getInt("block_size", 128);
  if (block < 16 || inputs % block)
    return r.error("expected rows of whole blocks; found " + Twine(inputs) + " values in blocks of " + Twine(block));
  Blocks w{r.node.getInput(0), r.node.getInput(2), r.node.getInput(3), inputs, (*dims)[0], bits, block};
  w.flip = !isBytes && !codeType.isUnsigned();
  w.zeroIsNull = !isBytes && codeType.isUnsigned() && !w.zeros;
  Value table = packBlocks(r, w);
  if (!table)
    return failure();
  r.out(0, embedding(r, r.in(1), table));
  return success();
}

//===------------------------------------------------------------------------------------------------------------===//
// Linear quantization of tensors
//===------------------------------------------------------------------------------------------------------------===//

/// The scale (or zero point) of each element of x: one, one along `axis`, or one for each block on it.
Tensor alongBlocks(Raiser &r, const Tensor &x, Tensor scale, int64_t axis, int64_t block) {
  if (scale.splat || scale.rank() == 0 || (scale.rank() == 1 && scale.dims[0].isConstant(1)))
    return scale.splat ? scale : reshape(r, scale, {});
  if (scale.rank() == 1 && block == 0) {
    Sizes dims(x.rank(), 1);
    dims[axis] = scale.dims[0];
    return reshape(r, scale, dims);
  }
  Value source = scale.value;
  Tensor result = generate(r, x.dims, scale.element, [&](OpBuilder &b, Location loc, ValueRange at) {
    SmallVector<Value> positions = llvm::to_vector(at);
    positions[axis] = arith::DivUIOp::create(b, loc, at[axis], index(b, loc, std::max<int64_t>(block, 1)));
    return elementAt(b, loc, source, positions);
  });
  result.isUnsigned = scale.isUnsigned;
  return result;
}

std::optional<int64_t> axisOf(Raiser &r, const Tensor &x, const Tensor &scale) {
  if (scale.rank() == 0 || x.rank() == 0)
    return 0;
  return normalizedAxis(r.node.getInt("axis", 1), std::max<int64_t>(x.rank(), 2)).value_or(0) < x.rank()
             ? normalizedAxis(r.node.getInt("axis", 1), std::max<int64_t>(x.rank(), 2))
             : std::optional<int64_t>(0);
}

/// (x - zero) scale
LogicalResult convertDequantizeLinear(Raiser &r) {
  Tensor x = r.in(0), scale = r.in(1);
  if (x.isFloat())
    return r.error("floating-point codes are not supported");
  auto axis = axisOf(r, x, scale);
  int64_t block = r.node.getInt("block_size", 0);
  if (!axis)
    return r.error("'axis' is out of range");
  SmallVector<Tensor> operands = {x, alongBlocks(r, x, scale, *axis, block)};
  if (r.has(2))
    operands.push_back(alongBlocks(r, x, r.in(2), *axis, block));
  Type element = r.outElement(), computed = wide(element);
  r.out(0, map(r, operands, x.dims, element, [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
          Type i32 = x.element.getIntOrFloatBitWidth() < 32 ? b.getI32Type() : x.element;
          Value code = castScalar(b, loc, e[0], x.isUnsigned, i32, false);
          if (e.size() > 2)
            code = arith::SubIOp::create(b, loc, code, castScalar(b, loc, e[2], x.isUnsigned, i32, false));
          Value value = castScalar(b, loc, code, false, computed, false);
          value = mul(b, loc, value, castScalar(b, loc, e[1], false, computed, false));
          return castScalar(b, loc, value, false, element, false);
        }));
  return success();
}

/// saturate(round(x / scale) + zero), ties to even
LogicalResult convertQuantizeLinear(Raiser &r) {
  Tensor x = r.in(0), scale = r.in(1);
  auto wanted = dyn_cast<IntegerType>(cast<OnnxTensorType>(r.node.getResult(0).getType()).getElementType());
  auto axis = axisOf(r, x, scale);
  if (!wanted || wanted.getWidth() < 8 || wanted.getWidth() > 16 || !axis || !x.isFloat())
    return r.error("quantizes to a type that is not supported");
  int64_t block = r.node.getInt("block_size", 0);
  SmallVector<Tensor> operands = {x, alongBlocks(r, x, scale, *axis, block)};
  if (r.has(2))
    operands.push_back(alongBlocks(r, x, r.in(2), *axis, block));
  bool isUnsigned = wanted.isUnsigned();
  double low = isUnsigned ? 0 : -double(1 << (wanted.getWidth() - 1));
  double high = isUnsigned ? double((1 << wanted.getWidth()) - 1) : -low - 1;
  r.out(0, mapWide(r, operands, x.dims, r.outElement(), [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
          Value code = math::RoundEvenOp::create(b, loc, arith::DivFOp::create(b, loc, e[0], e[1]));
          Type type = code.getType();
          if (e.size() > 2)
            code = add(b, loc, code, castScalar(b, loc, e[2], isUnsigned, type, false));
          code = maximum(b, loc, code, number(b, loc, type, low), false);
          code = minimum(b, loc, code, number(b, loc, type, high), false);
          Value wideCode = castScalar(b, loc, code, false, b.getI32Type(), false);
          return castScalar(b, loc, wideCode, isUnsigned, r.outElement(), isUnsigned);
        }));
  return success();
}

constexpr OpRow rows[] = {
    {"", "DequantizeLinear", 10, kLatest, convertDequantizeLinear, "axis block_size output_dtype", 2},
    {"", "QuantizeLinear", 10, kLatest, convertQuantizeLinear, "axis block_size output_dtype precision saturate", 2},
    {kMicrosoft, "DequantizeLinear", 0, kLatest, convertDequantizeLinear, "axis block_size", 2},
    {kMicrosoft, "GatherBlockQuantized", 0, kLatest, convertGatherBlockQuantized,
     "bits block_size gather_axis quantize_axis", 3},
    {kMicrosoft, "MatMulNBits", 0, kLatest, convertMatMulNBits, "K N accuracy_level bits block_size weight_prepacked",
     3},
    {kMicrosoft, "QuantizeLinear", 0, kLatest, convertQuantizeLinear, "axis block_size", 2},
};

} // namespace

ArrayRef<OpRow> raising::quantizedOps() { return rows; }
