// Types of the hadron dialect: what may be built, and how it is written.
#include "Hadron/IR/Hadron.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hadron;

#define GET_TYPEDEF_CLASSES
#include "Hadron/IR/HadronTypes.cpp.inc"

void HadronDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "Hadron/IR/HadronTypes.cpp.inc"
      >();
}

RankedTensorType hadron::getTensor(Type type) {
  if (auto rotated = dyn_cast<RotatedType>(type))
    return rotated.getTensor();
  return dyn_cast<RankedTensorType>(type);
}

RotationAttr hadron::getBasis(Type type) {
  if (auto rotated = dyn_cast<RotatedType>(type))
    return rotated.getRotation();
  return {};
}

Type hadron::inBasis(RankedTensorType tensor, RotationAttr basis) {
  if (!basis || basis.isIdentity())
    return tensor;
  return RotatedType::get(tensor.getContext(), tensor, basis);
}

std::string hadron::describeBasis(RotationAttr basis) {
  if (!basis || basis.isIdentity())
    return "the standard basis";
  std::string text;
  llvm::raw_string_ostream(text) << basis;
  return text;
}

LogicalResult RotatedType::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType tensor,
                                  RotationAttr rotation) {
  if (tensor.getEncoding())
    return emitError() << "a rotated tensor has no encoding; found " << tensor.getEncoding();
  if (rotation.isIdentity())
    return emitError() << "the identity is no rotated basis; use " << tensor;
  if (!isa<FloatType>(tensor.getElementType()))
    return emitError() << "a rotated tensor holds floating-point values; found " << tensor;
  if (std::string reason = rotation.whyNot(tensor); !reason.empty())
    return emitError() << reason;
  return success();
}

//===----------------------------------------------------------------------===//
// Packed weights
//===----------------------------------------------------------------------===//

hadron::PackedFormat PackedType::getPackedFormat() const { return cast<hadron::PackedFormat>(getFormat()); }
int64_t PackedType::getBytes() const { return getPackedFormat().getBytes(getInputs(), getOutputs()); }

namespace {

constexpr int64_t kMaxSize = int64_t(1) << 30; // the bytes of a weight then fit into 64 bits

/// `, in = rotation` and, where there is an `out`, `, out = rotation`, as far as they follow.
ParseResult parseBasis(AsmParser &parser, RotationAttr &in, RotationAttr *out = nullptr) {
  while (succeeded(parser.parseOptionalComma())) {
    StringRef keyword;
    SMLoc where = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword) || parser.parseEqual())
      return failure();
    RotationAttr *target = keyword == "in" ? &in : keyword == "out" ? out : nullptr;
    if (!target)
      return parser.emitError(where, out ? "expected 'in' or 'out', found '" : "expected 'in', found '")
             << keyword << "'";
    if (*target)
      return parser.emitError(where, "'") << keyword << "' is given twice";
    if (parser.parseAttribute(*target))
      return failure();
  }
  return success();
}

} // namespace

Type PackedType::parse(AsmParser &parser) {
  SmallVector<int64_t> dims;
  Attribute format;
  RotationAttr in, out;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(dims, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return {};
  if (dims.size() != 2)
    return parser.emitError(where, "a packed weight has two sizes, inputs x outputs"), Type();
  if (parser.parseComma() || parser.parseAttribute(format) || parseBasis(parser, in, &out) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(where); }, parser.getContext(), dims[0], dims[1], format, in, out);
}

void PackedType::print(AsmPrinter &printer) const {
  printer << "<" << getInputs() << "x" << getOutputs() << ", " << getFormat();
  if (getIn())
    printer << ", in = " << getIn();
  if (getOut())
    printer << ", out = " << getOut();
  printer << ">";
}

LogicalResult PackedType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t inputs, int64_t outputs,
                                 Attribute format, RotationAttr in, RotationAttr out) {
  auto packed = dyn_cast_or_null<hadron::PackedFormat>(format);
  if (!packed)
    return emitError() << "expected a weight format, such as #hadron.int<4, group = 32, sym, scale = f32>; found "
                       << format;
  if (inputs < 1 || outputs < 1 || inputs > kMaxSize || outputs > kMaxSize)
    return emitError() << "a packed weight has 1 to " << kMaxSize << " inputs and outputs; found " << inputs << "x"
                       << outputs;
  if (std::string reason = packed.whyNot(inputs); !reason.empty())
    return emitError() << reason;
  auto check = [&](RotationAttr basis, int64_t width, StringRef side) -> LogicalResult {
    if (!basis)
      return success();
    if (basis.isIdentity())
      return emitError() << "the identity is no rotated basis; leave '" << side << "' out";
    if (std::string reason = basis.whyNot(width); !reason.empty())
      return emitError() << "'" << side << "': " << reason;
    return success();
  };
  return success(succeeded(check(in, inputs, "in")) && succeeded(check(out, outputs, "out")));
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

Type StateType::parse(AsmParser &parser) {
  SmallVector<int64_t> dims;
  Type element;
  RotationAttr basis;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(dims, /*allowDynamic=*/false, /*withTrailingX=*/true))
    return {};
  if (dims.size() != 2)
    return parser.emitError(where, "a state has two sizes, heads x dim"), Type();
  if (parser.parseType(element) || parseBasis(parser, basis) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(where); }, parser.getContext(), dims[0], dims[1], element, basis);
}

void StateType::print(AsmPrinter &printer) const {
  printer << "<" << getHeads() << "x" << getDim() << "x" << getElement();
  if (getBasis())
    printer << ", in = " << getBasis();
  printer << ">";
}

LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t heads, int64_t dim, Type element,
                                RotationAttr basis) {
  if (heads < 1 || dim < 1)
    return emitError() << "a state has at least one head of at least one value; found " << heads << "x" << dim;
  if (!element.isIntOrFloat())
    return emitError() << "a state holds numbers; found " << element;
  if (!basis)
    return success();
  if (basis.isIdentity())
    return emitError() << "the identity is no rotated basis; leave 'in' out";
  if (std::string reason = basis.whyNot(dim); !reason.empty())
    return emitError() << "'in': " << reason;
  return success();
}
