#include "Weights.h"
#include "Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;
using hadron::onnx::OnnxTensorType;

namespace {

/// Transpose of a matrix; null for another node.
Value transposedInput(Value onnxValue) {
  auto node = onnxValue.getDefiningOp<NodeOp>();
  if (!node || !node.is("", "Transpose") || dimsOf(node.getInput(0)).size() != 2)
    return {};
  auto permutation = node.getInts("perm");
  return !permutation || *permutation == ArrayRef<int64_t>{1, 0} ? node.getInput(0) : Value();
}

PackedType packedType(Raiser &r, int64_t inputs, int64_t outputs, Attribute format) {
  return PackedType::get(r.builder.getContext(), inputs, outputs, format, RotationAttr(), RotationAttr());
}

} // namespace

bool raising::isTable(Raiser &r, Value onnxValue) {
  auto type = dyn_cast<OnnxTensorType>(onnxValue.getType());
  if (!type || !r.isConstant(onnxValue) || !type.hasRank() || type.getRank() != 2)
    return false;
  auto dims = type.getStaticDims();
  return dims && (*dims)[0] > 0 && (*dims)[1] > 0 && isa<Float16Type, BFloat16Type, Float32Type>(type.getElementType());
}

Value raising::denseWeight(Raiser &r, Value onnxValue, bool transposed) {
  // The transpose of a transpose is the matrix itself: a tied table then is the same expression.
  while (Value inner = transposedInput(onnxValue)) {
    onnxValue = inner;
    transposed = !transposed;
  }
  Sizes dims = dimsOf(onnxValue);
  int64_t inputs = *dims[transposed ? 1 : 0].getConstant(), outputs = *dims[transposed ? 0 : 1].getConstant();
  Type element = elementOf(cast<OnnxTensorType>(onnxValue.getType()).getElementType());
  PackedType type = packedType(r, inputs, outputs, DenseFormatAttr::get(r.builder.getContext(), element));
  return r.param(r.weightName(onnxValue), type, [&]() -> Value {
    Tensor matrix = r.get(onnxValue);
    matrix.value = r.value(matrix);
    matrix.splat = {};
    if (transposed)
      matrix = transpose(r, matrix, {1, 0});
    return QuantizeOp::create(r.builder, r.loc, type, matrix.value);
  });
}

Value raising::tableParam(Raiser &r, Value onnxTable) { return denseWeight(r, onnxTable, /*transposed=*/true); }

Value raising::weightOf(Raiser &r, Value onnxValue, bool transposed) {
  if (!isTable(r, onnxValue))
    return {};
  if (Value packed = dequantizedWeight(r, onnxValue, transposed))
    return packed;
  return denseWeight(r, onnxValue, transposed);
}

Tensor raising::embedding(Raiser &r, Tensor ids, Value table) {
  if (!ids.element.isInteger(64) && !ids.element.isInteger(32))
    ids = converted(r, ids, r.builder.getI64Type(), false);
  auto packed = cast<PackedType>(table.getType());
  Tensor result{Value(), ids.dims, Type()};
  result.dims.push_back(packed.getInputs());
  auto dense = dyn_cast<DenseFormatAttr>(packed.getFormat());
  result.element = dense ? dense.getElement() : cast<IntFormatAttr>(packed.getFormat()).getScale();
  result.value = EmbeddingOp::create(r.builder, r.loc, r.tensorType(result.dims, result.element), r.value(ids), table);
  return result;
}

Tensor raising::matmul(Raiser &r, const Tensor &x, Value weight, Value bias) {
  Tensor result = x;
  result.splat = {};
  result.dims.back() = cast<PackedType>(weight.getType()).getOutputs();
  auto product = MatmulOp::create(r.builder, r.loc, r.tensorType(result.dims, x.element), r.value(x), weight);
  if (bias)
    product.getBiasMutable().assign(bias);
  result.value = product;
  return result;
}

//===------------------------------------------------------------------------------------------------------------===//
// Codes of DequantizeLinear
//===------------------------------------------------------------------------------------------------------------===//

namespace {

/// One byte of codes: elements k = first … first + 8/bits - 1 of row n, low bits first, `flip` added to make them
/// unsigned.
Tensor packCodes(Raiser &r, const Tensor &matrix, bool transposed, int64_t bits, int64_t group, bool isSigned) {
  int64_t outputs = *matrix.dims[transposed ? 0 : 1].getConstant(),
          inputs = *matrix.dims[transposed ? 1 : 0].getConstant();
  int64_t groups = (inputs + group - 1) / group, perByte = 8 / bits;
  Value source = r.value(matrix);
  Type i8 = r.builder.getI8Type();
  return generate(r, {outputs, groups, (group * bits + 7) / 8}, i8, [&](OpBuilder &b, Location loc, ValueRange at) {
    Value byte = number(b, loc, i8, 0);
    for (int64_t lane = 0; lane < perByte; ++lane) {
      Value within = add(b, loc, mul(b, loc, at[2], index(b, loc, perByte)), index(b, loc, lane));
      Value k = add(b, loc, mul(b, loc, at[1], index(b, loc, group)), within);
      Value valid = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, k, index(b, loc, inputs));
      k = arith::MinSIOp::create(b, loc, k, index(b, loc, inputs - 1));
      Value code = elementAt(b, loc, source, transposed ? ValueRange{at[0], k} : ValueRange{k, at[0]});
      if (isSigned)
        code = add(b, loc, code, number(b, loc, i8, 1 << (bits - 1)));
      if (bits < 8) {
        code = arith::AndIOp::create(b, loc, code, number(b, loc, i8, (1 << bits) - 1));
        code = arith::ShLIOp::create(b, loc, code, number(b, loc, i8, lane * bits));
      }
      code = arith::SelectOp::create(b, loc, valid, code, number(b, loc, i8, 0));
      byte = arith::OrIOp::create(b, loc, byte, code);
    }
    return byte;
  });
}

/// Zero points of each row, packed as the codes are.
Tensor packZeros(Raiser &r, const Tensor &zeros, int64_t bits, bool isSigned) {
  SymbolicSize outputs = zeros.dims[0];
  Tensor matrix = zeros;
  Tensor packed = packCodes(r, matrix, /*transposed=*/true, bits, *zeros.dims[1].getConstant(), isSigned);
  return reshape(r, packed, {outputs, packed.dims[2]});
}

} // namespace

Value raising::dequantizedWeight(Raiser &r, Value onnxValue, bool transposed) {
  while (Value inner = transposedInput(onnxValue)) {
    onnxValue = inner;
    transposed = !transposed;
  }
  auto node = onnxValue.getDefiningOp<NodeOp>();
  if (!node || !node.is("", "DequantizeLinear"))
    return {};
  auto codesType = cast<OnnxTensorType>(node.getInput(0).getType());
  auto codeType = dyn_cast<IntegerType>(codesType.getElementType());
  auto codes = node.getInput(0).getDefiningOp<onnx::InitializerOp>();
  auto zeroInput = node.getInput(2);
  if (!codeType || !codes || !r.isConstant(node.getInput(1)) || (zeroInput && !r.isConstant(zeroInput)))
    return {};
  int64_t bits = codeType.getWidth();
  bool isSigned = !codeType.isUnsigned();
  Type scaleType = elementOf(cast<OnnxTensorType>(node.getInput(1).getType()).getElementType());
  if ((bits != 2 && bits != 4 && bits != 8) || !scaleType ||
      scaleType != elementOf(cast<OnnxTensorType>(onnxValue.getType()).getElementType()))
    return {};
  // Groups along K: blocks on that axis, one scale for each row, or one for all.
  Sizes dims = codesType.getDims(), scaleDims = dimsOf(node.getInput(1));
  int64_t inputAxis = transposed ? 1 : 0, inputs = *dims[inputAxis].getConstant(),
          outputs = *dims[1 - inputAxis].getConstant(), block = node.getInt("block_size", 0);
  auto axis = normalizedAxis(node.getInt("axis", 1), 2);
  bool blocked = scaleDims.size() == 2 && block > 0;
  if (!axis ||
      (blocked ? *axis != inputAxis : scaleDims.size() == 1 && !scaleDims[0].isConstant(1) && *axis == inputAxis))
    return {};
  int64_t groups = blocked ? (inputs + block - 1) / block : 1;
  // Without zero points zero is 0: signed codes are then symmetric, unsigned ones have zero 0.
  bool symmetric = isSigned && (!zeroInput || r.getScalar(zeroInput) == 0.0);
  Attribute format =
      IntFormatAttr::getChecked([&] { return emitError(node.getLoc()); }, r.builder.getContext(), bits,
                                blocked ? block : 0, symmetric ? ZeroKind::Symmetric : ZeroKind::Integer, scaleType);
  if (!format)
    return {};
  PackedType type = packedType(r, inputs, outputs, format);
  return r.param(r.weightName(node.getInput(0)), type, [&]() -> Value {
    int64_t group = blocked ? block : inputs;
    Tensor packed = packCodes(r, r.get(node.getInput(0)), transposed, bits, group, isSigned);
    // [N, groups], from [groups, N], [N] or one.
    auto perGroup = [&](Tensor tensor) {
      if (blocked)
        return transposed ? tensor : transpose(r, tensor, {1, 0});
      SymbolicSize rows = product(tensor.dims);
      tensor = reshape(r, tensor, {rows, 1});
      return broadcast(r, tensor, {outputs, groups});
    };
    Value scales = r.value(perGroup(r.get(node.getInput(1)))), zeros;
    if (!symmetric) {
      Tensor points = zeroInput ? perGroup(r.get(zeroInput)) : splat(r, 0, {outputs, groups}, r.builder.getI8Type());
      zeros = r.value(packZeros(r, points, bits, isSigned));
    }
    return PackOp::create(r.builder, r.loc, type, r.value(packed), scales, zeros);
  });
}
