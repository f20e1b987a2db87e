// Weight formats: names, limits, sizes. The bytes themselves are `kernels::WeightLayout`'s.
#include "Hadron/IR/HadronFormats.h"

#include "Hadron/IR/Hadron.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;

namespace {

std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

} // namespace

kernels::FloatKind hadron::getFloatKind(Type type) {
  return type.isF32() ? kernels::FloatKind::F32 : type.isF16() ? kernels::FloatKind::F16 : kernels::FloatKind::BF16;
}

kernels::WeightFormat hadron::getWeightFormat(Attribute format) {
  if (auto dense = dyn_cast<DenseFormatAttr>(format))
    return kernels::WeightFormat::dense(getFloatKind(dense.getElement()));
  auto integer = cast<IntFormatAttr>(format);
  auto zero = integer.getZero() == ZeroKind::Symmetric ? kernels::ZeroPoint::Symmetric
              : integer.getZero() == ZeroKind::Integer ? kernels::ZeroPoint::U8
                                                       : kernels::ZeroPoint::Float;
  return kernels::WeightFormat::integer(integer.getBits(), integer.getGroup(), zero, getFloatKind(integer.getScale()));
}

kernels::WeightLayout hadron::getWeightLayout(PackedType type) {
  return {getWeightFormat(type.getFormat()), type.getInputs(), type.getOutputs()};
}

//===----------------------------------------------------------------------===//
// dense
//===----------------------------------------------------------------------===//

LogicalResult DenseFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type element) {
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return emitError() << "dense weights are f32, f16 or bf16; found " << element;
  return success();
}

std::string DenseFormatAttr::getFormatName() const { return typeName(getElement()); }
std::string DenseFormatAttr::whyNot(int64_t) const { return {}; }
int64_t DenseFormatAttr::getTileBytes(int64_t inputs) const {
  return kernels::WeightLayout(getWeightFormat(*this), inputs, 1).tileBytes();
}
int64_t DenseFormatAttr::getBytes(int64_t inputs, int64_t outputs) const {
  return kernels::WeightLayout(getWeightFormat(*this), inputs, outputs).totalBytes();
}
double DenseFormatAttr::getBitsPerWeight(int64_t) const { return getElement().getIntOrFloatBitWidth(); }

//===----------------------------------------------------------------------===//
// int
//===----------------------------------------------------------------------===//

LogicalResult IntFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bits, int64_t group, ZeroKind,
                                    Type scale) {
  if (bits != 2 && bits != 4 && bits != 8)
    return emitError() << "integer weights have 2, 4 or 8 bits; found " << bits;
  if (group != 0 && (group < 16 || group % 16 != 0))
    return emitError() << "the group of integer weights is 0 (the whole row) or a multiple of 16; found " << group;
  if (!scale.isF32() && !scale.isF16() && !scale.isBF16())
    return emitError() << "scales are f32, f16 or bf16; found " << scale;
  return success();
}

std::string IntFormatAttr::getFormatName() const {
  std::string name = "int" + std::to_string(getBits());
  name += getGroup() ? ":g" + std::to_string(getGroup()) : ":row";
  name += ":" + stringifyZeroKind(getZero()).str();
  if (!getScale().isF32())
    name += ":" + typeName(getScale());
  return name;
}

std::string IntFormatAttr::whyNot(int64_t) const { return {}; }

int64_t IntFormatAttr::getTileBytes(int64_t inputs) const {
  return kernels::WeightLayout(getWeightFormat(*this), inputs, 1).tileBytes();
}
int64_t IntFormatAttr::getBytes(int64_t inputs, int64_t outputs) const {
  return kernels::WeightLayout(getWeightFormat(*this), inputs, outputs).totalBytes();
}

double IntFormatAttr::getBitsPerWeight(int64_t inputs) const {
  double perGroup = getScale().getIntOrFloatBitWidth();
  if (getZero() == ZeroKind::Integer)
    perGroup += 8;
  if (getZero() == ZeroKind::Float)
    perGroup += getScale().getIntOrFloatBitWidth();
  return getBits() + perGroup * getGroups(inputs) / inputs;
}
