#include "ONNX/IR/ONNX.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

#define GET_ATTRDEF_CLASSES
#include "ONNX/IR/ONNXAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "ONNX/IR/ONNXTypes.cpp.inc"

void ONNXDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "ONNX/IR/ONNXTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ONNX/IR/ONNXAttrs.cpp.inc"
      >();
}

//===------------------------------------------------------------------------------------------------------------===//
// Element types
//===------------------------------------------------------------------------------------------------------------===//

static Type elementTypeNamed(StringRef word, MLIRContext *context) {
  Builder b(context);
  bool isUnsigned = word.consume_front("u");
  unsigned width;
  if (word.starts_with("i") && !word.drop_front().getAsInteger(10, width))
    return llvm::is_contained({1u, 2u, 4u, 8u, 16u, 32u, 64u}, width) && !(isUnsigned && width == 1)
               ? IntegerType::get(context, width, isUnsigned ? IntegerType::Unsigned : IntegerType::Signless)
               : Type();
  if (isUnsigned)
    return {};
  return llvm::StringSwitch<function_ref<Type()>>(word)
      .Case("f16", [&] { return b.getF16Type(); })
      .Case("bf16", [&] { return b.getBF16Type(); })
      .Case("f32", [&] { return b.getF32Type(); })
      .Case("f64", [&] { return b.getF64Type(); })
      .Case("f8E4M3FN", [&] { return Float8E4M3FNType::get(context); })
      .Case("f8E4M3FNUZ", [&] { return Float8E4M3FNUZType::get(context); })
      .Case("f8E5M2", [&] { return Float8E5M2Type::get(context); })
      .Case("f8E5M2FNUZ", [&] { return Float8E5M2FNUZType::get(context); })
      .Case("f8E8M0FNU", [&] { return Float8E8M0FNUType::get(context); })
      .Case("f4E2M1FN", [&] { return Float4E2M1FNType::get(context); })
      .Case("complex64", [&] { return ComplexType::get(b.getF32Type()); })
      .Case("complex128", [&] { return ComplexType::get(b.getF64Type()); })
      .Case("string", [&] { return StringType::get(context); })
      .Case("none", [&] { return b.getNoneType(); })
      .Default([] { return Type(); })();
}

static void printElementType(Type type, AsmPrinter &p) {
  if (isa<StringType>(type))
    p << "string";
  else if (auto complex = dyn_cast<ComplexType>(type))
    p << (complex.getElementType().isF32() ? "complex64" : "complex128");
  else
    p << type;
}

unsigned OnnxTensorType::getStorageBits(Type type) {
  if (type.isInteger(1))
    return 8;
  if (auto complex = dyn_cast<ComplexType>(type))
    return 2 * complex.getElementType().getIntOrFloatBitWidth();
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0;
}

//===------------------------------------------------------------------------------------------------------------===//
// OnnxTensorType
//===------------------------------------------------------------------------------------------------------------===//

OnnxTensorType OnnxTensorType::get(MLIRContext *context, ArrayRef<SymbolicSize> dims, Type elementType) {
  SmallVector<Attribute> texts;
  for (const SymbolicSize &dim : dims)
    texts.push_back(StringAttr::get(context, dim.str()));
  return Base::get(context, ArrayAttr::get(context, texts), elementType);
}

OnnxTensorType OnnxTensorType::get(MLIRContext *context, Type elementType) {
  return Base::get(context, ArrayAttr(), elementType);
}

SymbolicSize OnnxTensorType::getDim(unsigned i) const {
  return SymbolicSize::parse(cast<StringAttr>(getDimTexts()[i]).getValue()).value_or(SymbolicSize::invalid());
}

SmallVector<SymbolicSize> OnnxTensorType::getDims() const {
  SmallVector<SymbolicSize> dims;
  for (unsigned i = 0; i < getRank(); ++i)
    dims.push_back(getDim(i));
  return dims;
}

std::optional<SmallVector<int64_t>> OnnxTensorType::getStaticDims() const {
  if (!hasRank())
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (const SymbolicSize &dim : getDims()) {
    std::optional<int64_t> number = dim.getConstant();
    if (!number)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

LogicalResult OnnxTensorType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayAttr dimTexts,
                                     Type elementType) {
  if (!isa<NoneType, IntegerType, FloatType, ComplexType, StringType>(elementType))
    return emitError() << "no ONNX tensor has elements of type " << elementType;
  for (Attribute text : dimTexts ? dimTexts.getValue() : ArrayRef<Attribute>()) {
    auto string = dyn_cast<StringAttr>(text);
    std::optional<SymbolicSize> size = string ? SymbolicSize::parse(string.getValue()) : std::nullopt;
    if (!size || size->str() != string.getValue())
      return emitError() << "dimension " << text << " is not the canonical text of a symbolic size";
    if (std::optional<int64_t> number = size->getConstant(); number && *number < 0)
      return emitError() << "dimension " << *number << " is negative";
  }
  return success();
}

void OnnxTensorType::print(AsmPrinter &p) const {
  p << '<';
  if (!hasRank())
    p << "* x ";
  else
    for (Attribute text : getDimTexts()) {
      StringRef size = cast<StringAttr>(text).getValue();
      bool atom = llvm::all_of(size, llvm::isDigit) || SymbolicSize::isSymbolName(size);
      p << (atom ? "" : "(") << size << (atom ? " x " : ") x ");
    }
  printElementType(getElementType(), p);
  p << '>';
}

// sum := ['-'] product (('+' | '-') product)*, up to the closing parenthesis. The words are collected and given to
// SymbolicSize::parse, which is the only place that knows what a size means.
static FailureOr<SymbolicSize> parseParenthesised(AsmParser &p) {
  SMLoc start = p.getCurrentLocation();
  std::string text;
  for (int depth = 1;;) {
    StringRef word;
    int64_t number;
    // The sign first: parseOptionalInteger would take it for its own and insist on a number.
    if (succeeded(p.parseOptionalMinus()))
      text += '-';
    else if (OptionalParseResult integer = p.parseOptionalInteger(number); integer.has_value()) {
      if (failed(*integer))
        return failure();
      text += std::to_string(number);
    } else if (succeeded(p.parseOptionalKeyword(&word)))
      text += word;
    else if (succeeded(p.parseOptionalPlus()))
      text += '+';
    else if (succeeded(p.parseOptionalStar()))
      text += '*';
    else if (succeeded(p.parseOptionalLParen())) {
      text += '(';
      ++depth;
    } else if (p.parseRParen())
      return failure();
    else if (--depth == 0)
      break;
    else
      text += ')';
    text += ' ';
  }
  std::optional<SymbolicSize> size = SymbolicSize::parse(text);
  if (!size)
    return p.emitError(start, "expected a sum of products of symbols"), failure();
  return *size;
}

Type OnnxTensorType::parse(AsmParser &p) {
  if (p.parseLess())
    return {};
  SMLoc start = p.getCurrentLocation();
  SmallVector<SymbolicSize> dims;
  bool unranked = succeeded(p.parseOptionalStar());
  if (unranked && p.parseKeyword("x"))
    return {};
  Type elementType;
  while (!elementType) {
    int64_t number;
    StringRef word;
    if (succeeded(p.parseOptionalLParen())) {
      FailureOr<SymbolicSize> size = parseParenthesised(p);
      if (failed(size) || p.parseKeyword("x"))
        return {};
      dims.push_back(*size);
    } else if (OptionalParseResult integer = p.parseOptionalInteger(number); integer.has_value()) {
      if (failed(*integer) || p.parseKeyword("x"))
        return {};
      dims.push_back(number);
    } else if (SMLoc loc = p.getCurrentLocation(); p.parseKeyword(&word)) {
      return {};
    } else if (succeeded(p.parseOptionalKeyword("x"))) {
      dims.push_back(SymbolicSize::symbol(word));
    } else {
      elementType = elementTypeNamed(word, p.getContext());
      if (!elementType) {
        p.emitError(loc, "'") << word << "' is neither an element type nor a dimension followed by 'x'";
        return {};
      }
    }
  }
  if (p.parseGreater())
    return {};
  if (unranked && !dims.empty()) {
    p.emitError(start, "a tensor of unknown rank has no dimensions");
    return {};
  }
  auto emitError = [&] { return p.emitError(start); };
  ArrayAttr texts;
  if (!unranked) {
    SmallVector<Attribute> list;
    for (const SymbolicSize &dim : dims)
      list.push_back(StringAttr::get(p.getContext(), dim.str()));
    texts = ArrayAttr::get(p.getContext(), list);
  }
  if (failed(verify(emitError, texts, elementType)))
    return {};
  return Base::get(p.getContext(), texts, elementType);
}
