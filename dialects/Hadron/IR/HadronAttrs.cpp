// Transforms, signs and rotations: verification, normalisation, and their meaning in f64.
#include "Hadron/IR/Hadron.h"

#include "hadron/Support/Hadamard.h"
#include "hadron/Support/Signs.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <numeric>

using namespace mlir;
using namespace hadron;

#include "Hadron/IR/HadronAttrInterfaces.cpp.inc"
#include "Hadron/IR/HadronEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "Hadron/IR/HadronAttrs.cpp.inc"

/// Sizes of blocks and signs: far above any model, and small enough for products of two of them, and for memory.
static constexpr int64_t kMaxSize = int64_t(1) << 30;

void HadronDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "Hadron/IR/HadronAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

LogicalResult WHTAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t block) {
  if (block < 2 || block > kMaxSize || !llvm::isPowerOf2_64(block))
    return emitError() << "the block of a Walsh-Hadamard transform is a power of two from 2 to " << kMaxSize
                       << "; found " << block;
  return success();
}

void WHTAttr::apply(MutableArrayRef<double> block, bool) const {
  applyTransform(block, {1, "", static_cast<int>(llvm::Log2_64(getBlock())), false});
  double scale = 1 / std::sqrt(static_cast<double>(getBlock()));
  for (double &x : block)
    x *= scale;
}

bool WHTAttr::isInvolution() const { return true; }
double WHTAttr::getAddsPerElement() const { return llvm::Log2_64(getBlock()); }

LogicalResult HadamardAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t order, StringAttr table,
                                   int64_t inner, bool) {
  if (inner < 1 || inner > kMaxSize || !llvm::isPowerOf2_64(inner))
    return emitError() << "the inner size of a Hadamard transform is a power of two from 1 to " << kMaxSize
                       << "; found " << inner;
  if (!hadamardMatrix(order, table.getValue())) {
    auto diagnostic = emitError() << "no Hadamard matrix of order " << order << " by construction '" << table.getValue()
                                  << "'";
    if (std::vector<std::string> known = knownTables(order); !known.empty())
      diagnostic << "; known: " << llvm::join(known, ", ");
    return diagnostic;
  }
  return success();
}

int64_t HadamardAttr::getBlock() const { return getOrder() * getInner(); }

void HadamardAttr::apply(MutableArrayRef<double> block, bool inverse) const {
  applyTransform(
      block, {getOrder(), getTable().str(), static_cast<int>(llvm::Log2_64(getInner())), getTransposed() != inverse});
  double scale = 1 / std::sqrt(static_cast<double>(getBlock()));
  for (double &x : block)
    x *= scale;
}

bool HadamardAttr::isInvolution() const {
  std::vector<int8_t> matrix = *hadamardMatrix(getOrder(), getTable().getValue());
  for (int64_t i = 0, n = getOrder(); i < n; ++i)
    for (int64_t j = 0; j < i; ++j)
      if (matrix[i * n + j] != matrix[j * n + i])
        return false;
  return true;
}

double HadamardAttr::getAddsPerElement() const {
  return static_cast<double>(getOrder() - 1) + llvm::Log2_64(getInner());
}

//===----------------------------------------------------------------------===//
// Signs and permutations
//===----------------------------------------------------------------------===//

namespace {

/// Roles by the names that the text form uses.
constexpr std::pair<llvm::StringLiteral, SignRole> kRoles[] = {
    {"residual", SignRole::Residual}, {"value_head", SignRole::ValueHead}, {"input", SignRole::Input}};

std::optional<SignRole> roleOf(StringRef name) {
  for (auto [text, role] : kRoles)
    if (text == name)
      return role;
  return std::nullopt;
}

} // namespace

Attribute SignsAttr::parse(AsmParser &parser, Type) {
  int64_t width = 0;
  uint64_t seed = 0, round = 0;
  std::string role, bits;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseInteger(width))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    StringRef keyword;
    if (parser.parseKeyword(&keyword) || parser.parseEqual())
      return {};
    ParseResult done = success();
    if (keyword == "seed")
      done = parser.parseInteger(seed);
    else if (keyword == "round")
      done = parser.parseInteger(round);
    else if (keyword == "role")
      done = parser.parseString(&role);
    else if (keyword == "bits")
      done = parser.parseString(&bits);
    else
      done = parser.emitError(where, "expected 'seed', 'role', 'round' or 'bits', found '") << keyword << "'";
    if (failed(done))
      return {};
  }
  if (parser.parseGreater())
    return {};
  MLIRContext *context = parser.getContext();
  return getChecked([&] { return parser.emitError(where); }, context, width,
                    role.empty() ? StringAttr() : StringAttr::get(context, role), seed, round,
                    bits.empty() ? StringAttr() : StringAttr::get(context, bits));
}

void SignsAttr::print(AsmPrinter &printer) const {
  printer << "<" << getWidth();
  if (getBits()) {
    printer << ", bits = " << getBits();
  } else {
    printer << ", seed = " << getSeed() << ", role = " << getRole();
    if (getRound())
      printer << ", round = " << getRound();
  }
  printer << ">";
}

LogicalResult SignsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t width, StringAttr role,
                                uint64_t seed, uint64_t round, StringAttr bits) {
  if (width < 1 || width > kMaxSize)
    return emitError() << "the width of signs is from 1 to " << kMaxSize << "; found " << width;
  if (!bits == !role || (bits && (seed || round)))
    return emitError() << "signs are given by a role and a seed, or by their bits";
  if (role && !roleOf(role.getValue()))
    return emitError() << "the role of signs is residual, value_head or input; found " << role;
  if (!bits)
    return success();
  if (bits.size() != static_cast<size_t>((width + 7) / 8 * 2) ||
      !llvm::all_of(bits.getValue(), [](char c) { return llvm::isHexDigit(c) && !llvm::isUpper(c); }))
    return emitError() << "expected " << (width + 7) / 8 * 2 << " hexadecimal digits, in lower case, for " << width
                       << " signs; found " << bits;
  if (width % 8 != 0 && static_cast<uint8_t>(llvm::fromHex(bits.getValue().take_back(2))[0]) >> (width % 8))
    return emitError() << "bits behind the last of " << width << " signs are set in " << bits;
  return success();
}

std::vector<uint8_t> SignsAttr::getPacked() const {
  if (!getBits())
    return deriveSigns(getSeed(), *roleOf(getRole().getValue()), getWidth(), getRound());
  std::string bytes = llvm::fromHex(getBits().getValue());
  return {bytes.begin(), bytes.end()};
}

LogicalResult PermuteAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> indices) {
  std::vector<bool> seen(indices.size());
  for (int64_t i : indices) {
    if (i < 0 || i >= static_cast<int64_t>(indices.size()) || seen[i])
      return emitError() << "expected a permutation of 0 … " << indices.size() - 1 << "; found " << i
                         << " twice or out of range";
    seen[i] = true;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Rotations
//===----------------------------------------------------------------------===//

namespace {

int64_t periodOf(Attribute factor) {
  return llvm::TypeSwitch<Attribute, int64_t>(factor)
      .Case([](SignsAttr a) { return a.getWidth(); })
      .Case([](PermuteAttr a) { return static_cast<int64_t>(a.getIndices().size()); })
      .Case([](hadron::OrthogonalTransform a) { return a.getBlock(); })
      .Default(int64_t(0));
}

Attribute inverseOf(Attribute factor) {
  MLIRContext *context = factor.getContext();
  if (auto permute = dyn_cast<PermuteAttr>(factor)) {
    SmallVector<int64_t> inverse(permute.getIndices().size());
    for (auto [i, source] : llvm::enumerate(permute.getIndices()))
      inverse[source] = i;
    return PermuteAttr::get(context, inverse);
  }
  if (auto hadamard = dyn_cast<HadamardAttr>(factor); hadamard && !hadamard.isInvolution())
    return HadamardAttr::get(context, hadamard.getOrder(), hadamard.getTable(), hadamard.getInner(),
                             !hadamard.getTransposed());
  return factor;
}

} // namespace

RotationAttr RotationAttr::get(MLIRContext *context, ArrayRef<Attribute> factors, int64_t span) {
  SmallVector<Attribute> normal;
  for (Attribute factor : factors) {
    // (T^-1) T = I: adjacent inverses cancel; signs and the transforms that are involutions are their own.
    if (!normal.empty() && normal.back() == inverseOf(factor)) {
      normal.pop_back();
      continue;
    }
    normal.push_back(factor);
  }
  return Base::get(context, normal, span);
}

Attribute RotationAttr::parse(AsmParser &parser, Type) {
  SmallVector<Attribute> factors;
  int64_t span = 1;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
        return parser.parseAttribute(factors.emplace_back());
      }))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("span") || parser.parseEqual() || parser.parseInteger(span)))
    return {};
  if (parser.parseGreater() || failed(verify([&] { return parser.emitError(where); }, factors, span)))
    return {};
  return get(parser.getContext(), factors, span);
}

void RotationAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getFactors(), printer);
  printer << "]";
  if (getSpan() != 1)
    printer << ", span = " << getSpan();
  printer << ">";
}

LogicalResult RotationAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<Attribute> factors,
                                   int64_t span) {
  for (Attribute factor : factors)
    if (!factor || periodOf(factor) < 1)
      return emitError() << "expected signs, a permutation or a transform as a factor of a rotation; found " << factor;
  if (span < 1)
    return emitError() << "a rotation spans at least one axis; found " << span;
  return success();
}

int64_t RotationAttr::getPeriod() const {
  int64_t period = 1;
  for (Attribute factor : getFactors())
    period = std::lcm(period, periodOf(factor));
  return period;
}

std::string RotationAttr::whyNot(int64_t width) const {
  for (Attribute factor : getFactors())
    if (int64_t period = periodOf(factor); width % period != 0) {
      std::string text;
      llvm::raw_string_ostream(text) << "block " << period << " of " << factor << " does not divide the axis of size "
                                     << width;
      return text;
    }
  return {};
}

std::string RotationAttr::whyNot(RankedTensorType tensor) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (tensor.getRank() < getSpan()) {
    os << *this << " spans " << getSpan() << " axes of '" << tensor << "'";
    return text;
  }
  int64_t width = 1;
  for (int64_t size : tensor.getShape().take_back(getSpan())) {
    if (ShapedType::isDynamic(size)) {
      os << "the axis that " << *this << " acts on has no static size in '" << tensor << "'";
      return text;
    }
    if (llvm::MulOverflow(width, size, width)) {
      os << "the axes that " << *this << " acts on are too large in '" << tensor << "'";
      return text;
    }
  }
  return whyNot(width);
}

RotationAttr RotationAttr::getInverse() const {
  SmallVector<Attribute> factors = llvm::map_to_vector(llvm::reverse(getFactors()), inverseOf);
  return get(getContext(), factors, getSpan());
}

void RotationAttr::apply(MutableArrayRef<double> x, bool inverse) const {
  if (inverse)
    return getInverse().apply(x, false);
  for (Attribute factor : getFactors()) {
    if (auto signs = dyn_cast<SignsAttr>(factor)) {
      std::vector<uint8_t> packed = signs.getPacked();
      for (size_t i = 0; i < x.size(); ++i)
        x[i] *= signAt(packed, i % signs.getWidth());
    } else if (auto permute = dyn_cast<PermuteAttr>(factor)) {
      ArrayRef<int64_t> indices = permute.getIndices();
      std::vector<double> copy(x.begin(), x.end());
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = copy[i / indices.size() * indices.size() + indices[i % indices.size()]];
    } else {
      auto transform = cast<hadron::OrthogonalTransform>(factor);
      for (size_t block = transform.getBlock(), i = 0; i + block <= x.size(); i += block)
        transform.apply(x.slice(i, block), /*inverse=*/false);
    }
  }
}

uint64_t RotationAttr::getHash() const {
  if (isIdentity())
    return 0;
  std::string text;
  llvm::raw_string_ostream(text) << *this;
  return std::max<uint64_t>(1, llvm::xxh3_64bits(text));
}
