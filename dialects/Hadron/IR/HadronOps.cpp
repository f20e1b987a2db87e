// Verifiers, folders and shapes of all operations.
#include "Hadron/IR/Hadron.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hadron;

#define GET_OP_CLASSES
#include "Hadron/IR/HadronOps.cpp.inc"

namespace {

/// Sizes of a tensor operand, as attributes where static, else by tensor.dim. Fails for a rotated value of dynamic
/// size.
FailureOr<SmallVector<OpFoldResult>> sizesOf(OpBuilder &builder, Location loc, Value value) {
  RankedTensorType type = getTensor(value.getType());
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!type.isDynamicDim(i))
      sizes.push_back(builder.getIndexAttr(type.getDimSize(i)));
    else if (isa<RankedTensorType>(value.getType()))
      sizes.push_back(tensor::DimOp::create(builder, loc, value, i).getResult());
    else
      return failure();
  }
  return sizes;
}

/// One result with the sizes of `value`.
LogicalResult reifyLike(OpBuilder &builder, Location loc, Value value, ReifiedRankedShapedTypeDims &dims) {
  auto sizes = sizesOf(builder, loc, value);
  if (failed(sizes))
    return failure();
  dims.push_back(*sizes);
  return success();
}

/// One result with the leading sizes of `value` and the last static size of `result`.
LogicalResult reifyRows(OpBuilder &builder, Location loc, Value value, int64_t drop, Type result,
                        ReifiedRankedShapedTypeDims &dims) {
  auto sizes = sizesOf(builder, loc, value);
  if (failed(sizes))
    return failure();
  sizes->resize(sizes->size() - drop);
  sizes->push_back(builder.getIndexAttr(getTensor(result).getShape().back()));
  dims.push_back(*sizes);
  return success();
}

LogicalResult requireSameBasis(Operation *op, StringRef what, RotationAttr a, StringRef whatElse, RotationAttr b) {
  if (a == b)
    return success();
  return op->emitOpError() << what << " is in " << describeBasis(a) << ", " << whatElse << " in " << describeBasis(b);
}

/// Whether `value`, where given, has one value for each of `size`, a static size.
LogicalResult requireVector(Operation *op, StringRef name, Value value, int64_t size) {
  if (!value)
    return success();
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() != 1 || type.getDimSize(0) != size || !isa<FloatType>(type.getElementType()))
    return op->emitOpError() << "'" << name << "' has " << size << " floating-point values; found " << type;
  return success();
}

/// Whether the last axis of `type` is there, of static size, and holds floating-point values.
LogicalResult requireRows(Operation *op, RankedTensorType type) {
  if (type.getRank() < 1 || type.isDynamicDim(type.getRank() - 1) || !isa<FloatType>(type.getElementType()))
    return op->emitOpError() << "works on floating-point rows of a static size; found " << type;
  return success();
}

/// Whether two sizes can be equal.
bool mayEqual(int64_t a, int64_t b) { return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b); }

/// Whether the basis has done its work in the function around `op`.
bool isErased(Operation *op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return function && function->hasAttr(HadronDialect::kErased);
}

/// Whether two tensors of rank 1 or more differ in their last sizes only.
bool sameLeading(RankedTensorType a, RankedTensorType b) {
  return a.getRank() > 0 && a.getRank() == b.getRank() && a.getShape().drop_back() == b.getShape().drop_back();
}

} // namespace

//===----------------------------------------------------------------------===//
// Rotation
//===----------------------------------------------------------------------===//

namespace {
LogicalResult verifyRotation(Operation *op, Type plain, RotatedType rotated) {
  if (rotated.getTensor() != plain)
    return op->emitOpError() << "changes the basis of " << plain << ", not its type; found " << rotated.getTensor();
  return success();
}
} // namespace

LogicalResult RotateOp::verify() {
  return verifyRotation(*this, getInput().getType(), cast<RotatedType>(getOutput().getType()));
}
LogicalResult RotateOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}
OpFoldResult RotateOp::fold(FoldAdaptor) {
  // R (R^T y) = y.
  if (auto source = getInput().getDefiningOp<UnrotateOp>(); source && source.getInput().getType() == getType())
    return source.getInput();
  return {};
}

LogicalResult UnrotateOp::verify() {
  return verifyRotation(*this, getOutput().getType(), cast<RotatedType>(getInput().getType()));
}
LogicalResult UnrotateOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}
OpFoldResult UnrotateOp::fold(FoldAdaptor) {
  // R^T (R x) = x.
  if (auto source = getInput().getDefiningOp<RotateOp>())
    return source.getInput();
  return {};
}

LogicalResult FWHTOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  if (std::string reason = getRotation().whyNot(type); !reason.empty())
    return emitOpError() << reason;
  if (!isa<FloatType>(type.getElementType()))
    return emitOpError() << "works on floating-point values; found " << type;
  return success();
}
LogicalResult FWHTOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}
OpFoldResult FWHTOp::fold(FoldAdaptor) {
  double scale = getScale().convertToDouble();
  if (getRotation().isIdentity() && scale == 1)
    return getInput();
  // (s T)(s' T^-1) x = s s' x.
  auto source = getInput().getDefiningOp<FWHTOp>();
  if (!source || source.getScale().convertToDouble() * scale != 1)
    return {};
  RotationAttr first = source.getInverse() ? source.getRotation().getInverse() : source.getRotation();
  RotationAttr second = getInverse() ? getRotation().getInverse() : getRotation();
  return second == first.getInverse() ? source.getInput() : Value();
}

LogicalResult AddOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getLhs(), dims);
}

LogicalResult CastOp::verify() {
  RankedTensorType from = getTensor(getInput().getType()), to = getTensor(getOutput().getType());
  if (from.getShape() != to.getShape() || !isa<FloatType>(from.getElementType()) ||
      !isa<FloatType>(to.getElementType()))
    return emitOpError() << "changes the precision of a floating-point tensor; found " << from << " and " << to;
  return requireSameBasis(*this, "the operand", ::hadron::getBasis(getInput().getType()), "the result",
                          ::hadron::getBasis(getOutput().getType()));
}
LogicalResult CastOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}
OpFoldResult CastOp::fold(FoldAdaptor) { return getInput().getType() == getType() ? getInput() : Value(); }

//===----------------------------------------------------------------------===//
// Quantization and products
//===----------------------------------------------------------------------===//

namespace {
LogicalResult verifyDense(Operation *op, Type type, PackedType packed) {
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getRank() != 2 || tensor.getDimSize(0) != packed.getInputs() ||
      tensor.getDimSize(1) != packed.getOutputs() || !isa<FloatType>(tensor.getElementType()))
    return op->emitOpError() << "expected a floating-point tensor of " << packed.getInputs() << "x"
                             << packed.getOutputs() << " for " << packed << "; found " << tensor;
  return success();
}
} // namespace

LogicalResult QuantizeOp::verify() {
  return verifyDense(*this, getInput().getType(), cast<PackedType>(getOutput().getType()));
}
LogicalResult DequantizeOp::verify() {
  return verifyDense(*this, getOutput().getType(), cast<PackedType>(getInput().getType()));
}

LogicalResult PackOp::verify() {
  auto packed = cast<PackedType>(getOutput().getType());
  auto format = dyn_cast<IntFormatAttr>(packed.getFormat());
  if (!format)
    return emitOpError() << "packs integer codes; " << packed.getFormat() << " has none";
  if (packed.getIn() || packed.getOut())
    return emitOpError() << "takes codes as a graph has them, in the standard basis; found " << packed;
  int64_t groups = format.getGroups(packed.getInputs()), n = packed.getOutputs();
  int64_t group = format.getGroup() ? format.getGroup() : packed.getInputs();
  for (Value operand : getOperands())
    if (auto type = cast<RankedTensorType>(operand.getType()); !type.hasStaticShape())
      return emitOpError() << "takes tensors of static sizes; found " << type;
  auto elements = [](Value v) { return cast<RankedTensorType>(v.getType()).getElementType(); };
  if (!elements(getCodes()).isInteger(8))
    return emitOpError() << "takes codes packed into bytes; found " << getCodes().getType();
  if (!isa<FloatType>(elements(getScales())))
    return emitOpError() << "takes floating-point scales; found " << getScales().getType();
  if (getZeros() && (format.getZero() == ZeroKind::Float ? !isa<FloatType>(elements(getZeros()))
                                                         : !elements(getZeros()).isInteger(8)))
    return emitOpError() << "takes zero points as floats for float_zero, else packed into bytes; found "
                         << getZeros().getType();
  auto count = [](Value v) { return v ? cast<RankedTensorType>(v.getType()).getNumElements() : 0; };
  if (int64_t want = n * groups * ((group * format.getBits() + 7) / 8); count(getCodes()) != want)
    return emitOpError() << "expected " << want << " bytes of codes for " << packed << "; found "
                         << getCodes().getType();
  if (count(getScales()) != n * groups)
    return emitOpError() << "expected " << n << "x" << groups << " scales for " << packed << "; found "
                         << getScales().getType();
  int64_t zeros = format.getZero() == ZeroKind::Symmetric ? 0
                  : format.getZero() == ZeroKind::Float   ? n * groups
                                                          : n * ((groups * format.getBits() + 7) / 8);
  if (count(getZeros()) != zeros)
    return emitOpError() << "expected " << zeros << " values of zero points for " << packed << "; found "
                         << count(getZeros());
  return success();
}

void MatmulOp::build(OpBuilder &builder, OperationState &state, Type type, Value input, Value weight) {
  build(builder, state, type, input, weight, /*terms=*/ValueRange{}, /*gate=*/Value(), /*bias=*/Value(),
        /*residual=*/Value(), /*scales=*/Value(), /*sums=*/Value());
}

LogicalResult MatmulOp::verify() {
  auto weight = cast<PackedType>(getWeight().getType());
  RankedTensorType input = getTensor(getInput().getType()), output = getTensor(getOutput().getType());
  RotationAttr in = ::hadron::getBasis(getInput().getType()), out = ::hadron::getBasis(getOutput().getType());
  bool integer = getArithmetic() != Arithmetic::F32;
  int64_t width = integer ? (weight.getInputs() + 63) / 64 * 64 : weight.getInputs();
  if (input.getRank() < 1 || input.getShape().back() != width)
    return emitOpError() << "contracts " << width << " inputs of " << weight << "; found " << input;
  if (!sameLeading(input, output) || output.getShape().back() != weight.getOutputs())
    return emitOpError() << "expected a result [..., " << weight.getOutputs() << "] with the leading axes of " << input
                         << "; found " << output;
  if (integer != (getScales() && getSums()) || (!integer && (getScales() || getSums())))
    return emitOpError() << "takes 'scales' and 'sums' exactly in integer arithmetic";
  if (!integer && !isa<FloatType>(input.getElementType()))
    return emitOpError() << "multiplies floating-point rows in f32 arithmetic; found " << input;
  if (integer && (!input.getElementType().isInteger(8) || !isa<IntFormatAttr>(weight.getFormat())))
    return emitOpError() << "multiplies int8 rows with integer weights in integer arithmetic; found " << input
                         << " and " << weight;
  for (Value w : llvm::concat<Value>(llvm::to_vector(getTerms()),
                                     getGate() ? SmallVector<Value>{getGate()} : SmallVector<Value>{})) {
    auto term = cast<PackedType>(w.getType());
    if (term.getInputs() != weight.getInputs() || term.getOutputs() != weight.getOutputs())
      return emitOpError() << "every weight has the sizes of the first, " << weight << "; found " << term;
    if (failed(
            requireSameBasis(*this, "the weight's input", weight.getIn(), "a further weight's input", term.getIn())) ||
        failed(requireSameBasis(*this, "the weight's output", weight.getOut(), "a further weight's output",
                                term.getOut())))
      return failure();
  }
  // In integer arithmetic the basis has done its work: the rows are plain codes.
  if (!integer && in != weight.getIn() && !isErased(*this))
    return emitOpError() << "contracts over different bases: activation in " << describeBasis(in) << ", weight in "
                         << describeBasis(weight.getIn());
  if (!isErased(*this) && failed(requireSameBasis(*this, "the result", out, "the weight's output", weight.getOut())))
    return failure();
  if (getBias() && out)
    return emitOpError() << "adds a bias of the standard basis to a result in " << describeBasis(out);
  if (failed(requireVector(*this, "bias", getBias(), weight.getOutputs())))
    return failure();
  if (getResidual() && getResidual().getType() != getOutput().getType())
    return emitOpError() << "adds a residual of the result's type " << getOutput().getType() << "; found "
                         << getResidual().getType();
  if (out && getGate())
    return emitOpError() << "multiplies by a gate, which has no basis rule, in " << describeBasis(out);
  if (out && getActivation() != Activation::None)
    return emitOpError() << "applies " << stringifyActivation(getActivation()) << ", which has no basis rule, in "
                         << describeBasis(out);
  return success();
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyRows(builder, getLoc(), getInput(), 1, getType(), dims);
}

LogicalResult EmbeddingOp::verify() {
  auto table = cast<PackedType>(getTable().getType());
  auto ids = cast<RankedTensorType>(getIds().getType());
  RankedTensorType output = getTensor(getOutput().getType());
  if (!ids.getElementType().isInteger(64) && !ids.getElementType().isInteger(32))
    return emitOpError() << "ids are i64 or i32; found " << ids;
  if (output.getRank() != ids.getRank() + 1 || output.getShape().drop_back() != ids.getShape() ||
      output.getShape().back() != table.getInputs())
    return emitOpError() << "expected [ids..., " << table.getInputs() << "] for " << ids << "; found " << output;
  if (table.getOut())
    return emitOpError() << "takes a row at a time, and " << describeBasis(table.getOut())
                         << " mixes the rows of the table";
  if (isErased(*this))
    return success();
  return requireSameBasis(*this, "the result", ::hadron::getBasis(getOutput().getType()), "the table's rows",
                          table.getIn());
}
LogicalResult EmbeddingOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyRows(builder, getLoc(), getIds(), 0, getType(), dims);
}

//===----------------------------------------------------------------------===//
// Normalization, gates, rotary embedding
//===----------------------------------------------------------------------===//

void RMSNormOp::build(OpBuilder &builder, OperationState &state, Value input, Value gain, double epsilon) {
  build(builder, state, input.getType(), input, gain, builder.getF64FloatAttr(epsilon));
}
LogicalResult RMSNormOp::verify() {
  if (failed(requireRows(*this, getTensor(getInput().getType()))))
    return failure();
  if (RotationAttr basis = ::hadron::getBasis(getInput().getType()); basis && basis.getSpan() != 1)
    return emitOpError() << "normalizes the last axis alone, which does not commute with " << describeBasis(basis)
                         << "; unrotate first";
  if (getGain() && isa<RotatedType>(getInput().getType()))
    return emitOpError() << "applies a gain, which does not commute with a rotation, in "
                         << describeBasis(::hadron::getBasis(getInput().getType()))
                         << "; fold the gain, or unrotate first";
  return requireVector(*this, "gain", getGain(), getTensor(getInput().getType()).getShape().back());
}
LogicalResult RMSNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}

void LayerNormOp::build(OpBuilder &builder, OperationState &state, Value input, Value gain, Value bias,
                        double epsilon) {
  build(builder, state, input.getType(), input, gain, bias, builder.getF64FloatAttr(epsilon));
}
LogicalResult LayerNormOp::verify() {
  if (failed(requireRows(*this, getInput().getType())))
    return failure();
  int64_t width = cast<RankedTensorType>(getInput().getType()).getShape().back();
  return success(succeeded(requireVector(*this, "gain", getGain(), width)) &&
                 succeeded(requireVector(*this, "bias", getBias(), width)));
}
LogicalResult LayerNormOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}
LogicalResult SiLUOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}

LogicalResult PrologueOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  if (failed(requireRows(*this, input)))
    return failure();
  int64_t width = input.getShape().back();
  for (Value other : {getResidual(), getUp()})
    if (other && other.getType() != input)
      return emitOpError() << "'residual' and 'up' have the type of the input, " << input << "; found "
                           << other.getType();
  if (failed(requireVector(*this, "gain", getGain(), width)) || failed(requireVector(*this, "bias", getBias(), width)))
    return failure();
  if (getRotation()) {
    if (getRotation()->getSpan() != 1)
      return emitOpError() << "rotates the last axis; " << *getRotation() << " spans " << getRotation()->getSpan();
    if (std::string reason = getRotation()->whyNot(width); !reason.empty())
      return emitOpError() << reason;
  }
  if (getSum() && getSum().getType() != input)
    return emitOpError() << "'sum' has the type of the input, " << input << "; found " << getSum().getType();
  if (getOutput())
    if (auto output = cast<RankedTensorType>(getOutput().getType());
        output.getShape() != input.getShape() || !isa<FloatType>(output.getElementType()))
      return emitOpError() << "'output' has the sizes of the input, " << input << "; found " << output;
  bool integer = getArithmetic() != Arithmetic::F32;
  if (integer != static_cast<bool>(getCodes()) || integer != static_cast<bool>(getScales()) ||
      integer != static_cast<bool>(getSums()))
    return emitOpError() << "gives codes, scales and sums exactly in integer arithmetic";
  if (integer) {
    int64_t group = getGroupAttr().getInt();
    if (group < 0)
      return emitOpError() << "'group' is a number of inputs, or 0 for the whole row; found " << group;
    int64_t groups = group ? width / group + (width % group != 0) : 1, padded = (width + 63) / 64 * 64;
    auto like = [&](Value v, int64_t size) {
      auto type = cast<RankedTensorType>(v.getType());
      return sameLeading(type, input) && type.getShape().back() == size;
    };
    if (!like(getCodes(), padded) || !like(getSums(), groups) ||
        !like(getScales(), getArithmetic() == Arithmetic::Int8Row ? 1 : groups))
      return emitOpError() << "expected codes [..., " << padded << "], sums [..., " << groups
                           << "] and scales of one value a row or group, with the leading axes of " << input;
    auto elements = [](Value v) { return cast<RankedTensorType>(v.getType()).getElementType(); };
    if (!elements(getCodes()).isInteger(8) || !elements(getSums()).isInteger(32) || !elements(getScales()).isF32())
      return emitOpError() << "gives codes of i8, sums of i32 and scales of f32; found " << getCodes().getType() << ", "
                           << getSums().getType() << " and " << getScales().getType();
  }
  return success();
}
LogicalResult PrologueOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  for (Value result : getResults())
    if (failed(reifyRows(builder, getLoc(), getInput(), 1, result.getType(), dims)))
      return failure();
  return success();
}

void RotaryOp::build(OpBuilder &builder, OperationState &state, Value input, Value cos, Value sin, Value positions,
                     bool interleaved, bool headsFirst) {
  build(builder, state, input.getType(), input, cos, sin, positions, interleaved, headsFirst);
}
LogicalResult RotaryOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto cos = cast<RankedTensorType>(getCos().getType());
  if (input.getRank() != 4)
    return emitOpError() << "expected four axes, [batch, sequence, heads, d]; found " << input;
  if (failed(requireRows(*this, input)))
    return failure();
  if (cos.getRank() != (getPositions() ? 2 : 3))
    return emitOpError() << "expected tables [positions, r/2] with positions and [batch, sequence, r/2] without; found "
                         << cos;
  if (ShapedType::isDynamic(cos.getShape().back()) || cos.getShape().back() > input.getShape().back() / 2)
    return emitOpError() << "takes the cosines of at most " << input.getShape().back() / 2 << " pairs of " << input
                         << "; found " << cos;
  if (getPositions() && (cast<RankedTensorType>(getPositions().getType()).getRank() != 2 ||
                         !cast<RankedTensorType>(getPositions().getType()).getElementType().isInteger(64)))
    return emitOpError() << "positions are i64 [batch, sequence]; found " << getPositions().getType();
  return success();
}
LogicalResult RotaryOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyLike(builder, getLoc(), getInput(), dims);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
/// Heads and head size of [B, S, H, d] or [B, H, S, d].
std::pair<int64_t, int64_t> headsOf(RankedTensorType type, bool headsFirst) {
  return {type.getDimSize(headsFirst ? 1 : 2), type.getDimSize(3)};
}

LogicalResult verifyHeads(Operation *op, RankedTensorType query, bool headsFirst, int64_t kvHeads) {
  if (query.getRank() != 4)
    return op->emitOpError() << "expected a query of rank 4; found " << query;
  int64_t heads = headsOf(query, headsFirst).first;
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(query.getDimSize(3)) || ShapedType::isDynamic(kvHeads))
    return op->emitOpError() << "expected static numbers of heads, and a static head size; found the query " << query;
  if (kvHeads < 1 || heads % kvHeads)
    return op->emitOpError() << "the number of query heads is a multiple of that of KV heads; found " << heads
                             << " and " << kvHeads;
  return success();
}

/// What both kinds of attention demand of result, mask and lengths.
LogicalResult verifyAttention(Operation *op, RankedTensorType query, int64_t valueDim, RankedTensorType output,
                              Value mask, Value lengths) {
  if (output.getRank() != 4 || !sameLeading(output, query) || !mayEqual(output.getDimSize(3), valueDim))
    return op->emitOpError() << "gives the query's heads with values of the value heads' size; found " << query
                             << " and " << output;
  if (mask)
    if (auto type = cast<RankedTensorType>(mask.getType());
        type.getRank() > 4 || !(type.getElementType().isInteger(1) || isa<FloatType>(type.getElementType())))
      return op->emitOpError() << "'mask' is broadcast over [batch, heads, sequence, tokens], and is added (float) or "
                                  "selects (i1); found "
                               << type;
  if (lengths)
    if (auto type = cast<RankedTensorType>(lengths.getType());
        type.getRank() != 1 || !type.getElementType().isInteger(32))
      return op->emitOpError() << "'lengths' is i32 [batch]; found " << type;
  return success();
}

/// What enters or leaves a state is in its basis: `value` is in the standard one.
LogicalResult requireStandard(Operation *op, StateType state) {
  if (!state.getBasis() || isErased(op))
    return success();
  return op->emitOpError() << "meets a state in " << describeBasis(state.getBasis())
                           << " with a value in the standard basis";
}
} // namespace

LogicalResult ExplicitAttentionOp::verify() {
  auto query = cast<RankedTensorType>(getQuery().getType()), key = cast<RankedTensorType>(getKey().getType()),
       value = cast<RankedTensorType>(getValue().getType());
  if (key.getRank() != 4 || value.getRank() != 4)
    return emitOpError() << "expected keys and values of rank 4; found " << key << " and " << value;
  if (failed(verifyHeads(*this, query, getHeadsFirst(), headsOf(key, getHeadsFirst()).first)))
    return failure();
  if (query.getDimSize(3) != key.getDimSize(3))
    return emitOpError() << "query and key heads have one size; found " << query.getDimSize(3) << " and "
                         << key.getDimSize(3);
  if (!getPastKey() != !getPastValue() || !getPresentKey() != !getPresentValue())
    return emitOpError() << "takes, and gives, keys and values together";
  if (!mayEqual(headsOf(key, getHeadsFirst()).first, headsOf(value, getHeadsFirst()).first))
    return emitOpError() << "keys and values have the same heads; found " << key << " and " << value;
  // Past and present are [B, Hkv, tokens, d], whatever the layout of what is new.
  auto checkCache = [&](StringRef name, Value cache, RankedTensorType now) -> LogicalResult {
    if (!cache)
      return success();
    auto type = cast<RankedTensorType>(cache.getType());
    auto [heads, dim] = headsOf(now, getHeadsFirst());
    if (type.getRank() != 4 || !mayEqual(type.getDimSize(1), heads) || !mayEqual(type.getDimSize(3), dim))
      return emitOpError() << "'" << name << "' is [batch, KV heads, tokens, d] for " << now << "; found " << type;
    return success();
  };
  if (failed(checkCache("past_key", getPastKey(), key)) || failed(checkCache("past_value", getPastValue(), value)) ||
      failed(checkCache("present_key", getPresentKey(), key)) ||
      failed(checkCache("present_value", getPresentValue(), value)))
    return failure();
  return verifyAttention(*this, query, value.getDimSize(3), cast<RankedTensorType>(getOutput().getType()), getMask(),
                         getLengths());
}
LogicalResult ExplicitAttentionOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  auto query = sizesOf(builder, getLoc(), getQuery());
  if (failed(query))
    return failure();
  query->back() = builder.getIndexAttr(cast<RankedTensorType>(getValue().getType()).getShape().back());
  dims.push_back(*query);
  auto present = [&](Value past, Value now) {
    auto sizes = sizesOf(builder, getLoc(), now);
    if (!getHeadsFirst())
      std::swap((*sizes)[1], (*sizes)[2]);
    if (past) {
      Value sum =
          arith::AddIOp::create(builder, getLoc(), tensor::DimOp::create(builder, getLoc(), past, 2).getResult(),
                                getValueOrCreateConstantIndexOp(builder, getLoc(), (*sizes)[2]));
      (*sizes)[2] = sum;
    }
    dims.push_back(*sizes);
  };
  if (getPresentKey()) {
    present(getPastKey(), getKey());
    present(getPastValue(), getValue());
  }
  return success();
}

LogicalResult AppendOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto state = cast<StateType>(getState().getType());
  if (input.getRank() != 4 || headsOf(input, getHeadsFirst()) != std::pair(state.getHeads(), state.getDim()))
    return emitOpError() << "expected " << state.getHeads() << " heads of " << state.getDim() << " for " << state
                         << "; found " << input;
  return requireStandard(*this, state);
}

/// Heads and head size of a state or of [B, Hkv, T, d]; -1 where unknown.
static std::pair<int64_t, int64_t> cacheHeads(Type type) {
  if (auto state = dyn_cast<StateType>(type))
    return {state.getHeads(), state.getDim()};
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getRank() == 4 ? std::pair(tensor.getDimSize(1), tensor.getDimSize(3))
                               : std::pair<int64_t, int64_t>(-1, -1);
}

LogicalResult AttendOp::verify() {
  auto [keyHeads, keyDim] = cacheHeads(getKeys().getType());
  auto [valueHeads, valueDim] = cacheHeads(getValues().getType());
  auto query = cast<RankedTensorType>(getQuery().getType());
  if (failed(verifyHeads(*this, query, getHeadsFirst(), keyHeads)))
    return failure();
  if (keyHeads != valueHeads || query.getDimSize(3) != keyDim || valueDim < 1)
    return emitOpError() << "expected keys and values for heads of " << query.getDimSize(3) << "; found "
                         << getKeys().getType() << " and " << getValues().getType();
  for (Value cache : {getKeys(), getValues()})
    if (auto state = dyn_cast<StateType>(cache.getType()); state && failed(requireStandard(*this, state)))
      return failure();
  return verifyAttention(*this, query, valueDim, cast<RankedTensorType>(getOutput().getType()), getMask(),
                         getLengths());
}
LogicalResult AttendOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &dims) {
  return reifyRows(builder, getLoc(), getQuery(), 1, getType(), dims);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

LogicalResult ParamOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (!yield.getValue() || yield.getValue().getType() != getType())
    return emitOpError() << "yields its type " << getType() << "; found "
                         << (yield.getValue() ? yield.getValue().getType() : Type(NoneType::get(getContext())));
  return success();
}

LogicalResult ParamGetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getParamAttr());
  if (!param)
    return emitOpError() << "there is no parameter " << getParamAttr();
  if (param.getType() != getType())
    return emitOpError() << "parameter " << getParamAttr() << " is " << param.getType() << "; found " << getType();
  return success();
}

LogicalResult FileSliceOp::verify() {
  auto type = cast<RankedTensorType>(getValue().getType());
  int64_t offset = getOffset(), length = getLength(), end;
  if (offset < 0 || length < 0 || llvm::AddOverflow(offset, length, end))
    return emitOpError() << "offset and length are not negative, and their sum is a size; found " << offset << " and "
                         << length;
  if (!type.getElementType().isIntOrFloat())
    return emitOpError() << "reads integers or floats; found " << type;
  int64_t want = (type.getElementTypeBitWidth() + 7) / 8;
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(want, size, want))
      return emitOpError() << type << " is too large";
  if (want != length)
    return emitOpError() << type << " has " << want << " bytes; found " << length;
  if (!getRowsAttr() != !getStrideAttr())
    return emitOpError() << "'rows' goes with 'stride'";
  if (!getRowsAttr())
    return success();
  int64_t rows = getRowsAttr().getInt(), stride = getStrideAttr().getInt();
  if (rows < 1 || length % rows || stride < length / rows)
    return emitOpError() << "'rows' divides the length, " << length
                         << ", into pieces that 'stride' does not let overlap; found rows " << rows << " and stride "
                         << stride;
  int64_t last;
  if (llvm::MulOverflow(stride, rows, last) || llvm::AddOverflow(offset, last, end))
    return emitOpError() << "rows " << rows << " of stride " << stride << " are too large";
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "there is no kernel " << getKernelAttr();
  if (!llvm::equal(kernel.getArgumentTypes(), getOperandTypes()) ||
      !llvm::equal(kernel.getResultTypes(), getResultTypes()))
    return emitOpError() << "kernel " << getKernelAttr() << " has another signature, " << kernel.getFunctionType();
  return success();
}
