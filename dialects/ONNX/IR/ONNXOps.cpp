#include "ONNX/IR/ONNX.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

//===------------------------------------------------------------------------------------------------------------===//
// Names
//===------------------------------------------------------------------------------------------------------------===//

StringRef hadron::onnx::getName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (StringRef name = getName(part); !name.empty())
        return name;
  return {};
}

// Names of ONNX values are free text: "/model/layers.0/Add_output_0", "onnx::Slice_110".
static std::string asmName(StringRef name) {
  std::string result;
  for (char c : name)
    if (llvm::isAlnum(c) || c == '_' || c == '.')
      result += c;
    else if (!result.empty() && result.back() != '_')
      result += '_';
  if (!result.empty() && llvm::isDigit(result.front()))
    result.insert(result.begin(), '_');
  return result;
}

void NoneOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) { setName(getResult(), "none"); }

void InitializerOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), asmName(getValueName()));
}

void NodeOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  for (unsigned i = 0; i < getNumResults(); ++i)
    setName(getResult(i), isa<NoneType>(getResult(i).getType()) ? "omitted" : asmName(getOutputName(i)));
}

void GraphOp::getAsmBlockArgumentNames(Region &region, function_ref<void(Value, StringRef)> setName) {
  for (auto [argument, name] : llvm::zip(region.getArguments(), getInputNames()))
    setName(argument, asmName(cast<StringAttr>(name).getValue()));
}

//===------------------------------------------------------------------------------------------------------------===//
// GraphOp
//===------------------------------------------------------------------------------------------------------------===//

std::optional<int64_t> GraphOp::getOpset(StringRef domain) {
  if (auto version = getOpsets().getAs<IntegerAttr>(domain.empty() ? "ai.onnx" : domain))
    return version.getInt();
  return std::nullopt;
}

ReturnOp GraphOp::getReturn() { return cast<ReturnOp>(getBody()->getTerminator()); }

std::string GraphOp::getPath(FileSliceAttr slice) {
  SmallString<128> path(llvm::sys::path::parent_path(getSource().value_or("")));
  llvm::sys::path::append(path, slice.getFile());
  return path.str().str();
}

// onnx.graph @main("x" %x: !onnx.tensor<…>, …) -> ("y", …) attributes {…} { … }
ParseResult GraphOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr symbol;
  if (parser.parseSymbolName(symbol, SymbolTable::getSymbolAttrName(), result.attributes))
    return failure();
  Builder &b = parser.getBuilder();
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Attribute> inputs, outputs;
  auto parseInput = [&]() -> ParseResult {
    std::string name;
    if (parser.parseString(&name) || parser.parseArgument(arguments.emplace_back(), /*allowType=*/true))
      return failure();
    inputs.push_back(b.getStringAttr(name));
    return success();
  };
  auto parseOutput = [&]() -> ParseResult {
    std::string name;
    if (parser.parseString(&name))
      return failure();
    outputs.push_back(b.getStringAttr(name));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseInput) || parser.parseArrow() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseOutput) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  result.addAttribute(getInputNamesAttrName(result.name), b.getArrayAttr(inputs));
  result.addAttribute(getOutputNamesAttrName(result.name), b.getArrayAttr(outputs));
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ensureTerminator(*body, b, result.location);
  return success();
}

void GraphOp::print(OpAsmPrinter &p) {
  p << ' ';
  p.printSymbolName(getSymName());
  p << '(';
  llvm::interleaveComma(llvm::zip(getInputNames(), getBody()->getArguments()), p, [&](auto pair) {
    auto [name, argument] = pair;
    p << name << ' ';
    p.printRegionArgument(argument);
  });
  p << ") -> (";
  llvm::interleaveComma(getOutputNames(), p);
  p << ')';
  p.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {SymbolTable::getSymbolAttrName(), getInputNamesAttrName(), getOutputNamesAttrName()});
  p << ' ';
  p.printRegion(getBodyRegion(), /*printEntryBlockArgs=*/false);
}

static LogicalResult verifySizes(Operation *op, ArrayAttr texts, StringRef what) {
  for (Attribute text : texts ? texts.getValue() : ArrayRef<Attribute>())
    if (!SymbolicSize::isSymbolName(cast<StringAttr>(text).getValue()))
      return op->emitOpError() << what << " " << text << " is no symbol's name";
  return success();
}

LogicalResult GraphOp::verify() {
  for (NamedAttribute opset : getOpsets())
    if (!isa<IntegerAttr>(opset.getValue()))
      return emitOpError() << "opset of domain '" << opset.getName().getValue() << "' must be an integer";
  if (failed(verifySizes(*this, getSymbolsAttr(), "symbol")) ||
      failed(verifySizes(*this, getDataDependentAttr(), "data-dependent symbol")))
    return failure();
  if (DictionaryAttr substitutions = getSubstitutionsAttr())
    for (NamedAttribute substitution : substitutions) {
      auto text = dyn_cast<StringAttr>(substitution.getValue());
      if (!text || !SymbolicSize::parse(text.getValue()))
        return emitOpError() << "substitution of '" << substitution.getName().getValue() << "' must be a size, got "
                             << substitution.getValue();
    }
  return success();
}

LogicalResult GraphOp::verifyRegions() {
  if (getBody()->getNumArguments() != getInputNames().size())
    return emitOpError() << "has " << getBody()->getNumArguments() << " inputs but " << getInputNames().size()
                         << " input names";
  if (getReturn().getNumOperands() != getOutputNames().size())
    return emitOpError() << "returns " << getReturn().getNumOperands() << " values but has " << getOutputNames().size()
                         << " output names";
  for (BlockArgument argument : getBody()->getArguments())
    if (!isa<OnnxTensorType>(argument.getType()))
      return emitOpError() << "input " << argument.getArgNumber() << " must be an onnx.tensor, got "
                           << argument.getType();
  return success();
}

//===------------------------------------------------------------------------------------------------------------===//
// InitializerOp
//===------------------------------------------------------------------------------------------------------------===//

LogicalResult InitializerOp::verify() {
  OnnxTensorType type = getType();
  std::optional<SmallVector<int64_t>> dims = type.getStaticDims();
  if (!dims || !type.hasElementType())
    return emitOpError("must have a known element type and numbers for dimensions, got ") << type;
  uint64_t elements = 1;
  for (int64_t dim : *dims)
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(dim), &elements))
      return emitOpError("has more elements than 64 bits can count");
  unsigned bits = OnnxTensorType::getStorageBits(type.getElementType());
  uint64_t totalBits;
  if (__builtin_mul_overflow(elements, static_cast<uint64_t>(bits), &totalBits))
    return emitOpError("has more bits than 64 bits can count");
  uint64_t bytes = totalBits / 8 + (totalBits % 8 != 0);

  if (auto slice = dyn_cast<FileSliceAttr>(getData())) {
    if (!bits)
      return emitOpError("keeps strings in a file slice");
    if (slice.getLength() != bytes)
      return emitOpError("needs ") << bytes << " bytes for " << type << ", its slice has " << slice.getLength();
    return success();
  }
  auto dense = dyn_cast<DenseElementsAttr>(getData());
  if (!dense)
    return emitOpError("data must be a file slice or dense elements, got ") << getData();
  bool packed = bits && bits < 8;
  if (packed) {
    if (!dense.getElementType().isUnsignedInteger(8) || static_cast<uint64_t>(dense.getNumElements()) != bytes)
      return emitOpError("must hold ") << bytes << " packed bytes as ui8 for " << type << ", got " << dense.getType();
    return success();
  }
  if (dense.getElementType() != type.getElementType() || ArrayRef(*dims) != dense.getType().getShape())
    return emitOpError("data of type ") << dense.getType() << " does not fit " << type;
  return success();
}

//===------------------------------------------------------------------------------------------------------------===//
// NodeOp
//===------------------------------------------------------------------------------------------------------------===//

// An empty dictionary is not printed.
static ParseResult parseOnnxAttributes(OpAsmParser &parser, DictionaryAttr &attributes) {
  NamedAttrList list;
  if (parser.parseOptionalAttrDict(list))
    return failure();
  attributes = list.getDictionary(parser.getContext());
  return success();
}

static void printOnnxAttributes(OpAsmPrinter &p, Operation *, DictionaryAttr attributes) {
  p.printOptionalAttrDict(attributes.getValue());
}

Value NodeOp::getInput(unsigned i) {
  if (i >= getInputs().size() || isa<NoneType>(getInputs()[i].getType()))
    return {};
  return getInputs()[i];
}

Value NodeOp::getOutput(unsigned i) {
  if (i >= getNumResults() || isa<NoneType>(getResult(i).getType()))
    return {};
  return getResult(i);
}

StringRef NodeOp::getOutputName(unsigned i) {
  std::optional<ArrayAttr> names = getOutputs();
  return names && i < names->size() ? cast<StringAttr>((*names)[i]).getValue() : StringRef();
}

int64_t NodeOp::getInt(StringRef name, int64_t otherwise) {
  auto attribute = dyn_cast_or_null<IntegerAttr>(getAttribute(name));
  return attribute ? attribute.getInt() : otherwise;
}

double NodeOp::getFloat(StringRef name, double otherwise) {
  auto attribute = dyn_cast_or_null<FloatAttr>(getAttribute(name));
  return attribute ? attribute.getValueAsDouble() : otherwise;
}

StringRef NodeOp::getString(StringRef name, StringRef otherwise) {
  auto attribute = dyn_cast_or_null<StringAttr>(getAttribute(name));
  return attribute ? attribute.getValue() : otherwise;
}

std::optional<ArrayRef<int64_t>> NodeOp::getInts(StringRef name) {
  if (auto attribute = dyn_cast_or_null<DenseI64ArrayAttr>(getAttribute(name)))
    return attribute.asArrayRef();
  return std::nullopt;
}

StringRef NodeOp::getNodeName() { return hadron::onnx::getName(getLoc()); }

std::string NodeOp::describe() {
  std::string name =
      getNodeName().empty() ? "with output '" + getOutputName(0).str() + "'" : "'" + getNodeName().str() + "'";
  return "node " + name + " (" + (getDomain().empty() ? "" : getDomain().str() + ".") + getOpType().str() + ")";
}

LogicalResult NodeOp::verify() {
  if (getOpType().empty())
    return emitOpError("has no operator");
  if (static_cast<int64_t>(getSinceVersion()) < 0)
    return emitOpError("has a negative since-version");
  if (getOutputs() && getOutputs()->size() != getNumResults())
    return emitOpError("has ") << getNumResults() << " results but " << getOutputs()->size() << " output names";
  if (getBodies().size() != (getRegionNames() ? getRegionNames()->size() : 0))
    return emitOpError("has ") << getBodies().size() << " regions but "
                               << (getRegionNames() ? getRegionNames()->size() : 0) << " region names";
  for (Region &body : getBodies())
    if (!body.hasOneBlock() || body.front().empty() || !isa<ReturnOp>(body.front().back()))
      return emitOpError("needs one block that ends in onnx.return in each region");
  if (!getValues())
    return success();
  if (getValues()->size() != getNumResults())
    return emitOpError("has ") << getNumResults() << " results but known values for " << getValues()->size();
  for (auto [entry, result] : llvm::zip(*getValues(), getResults())) {
    if (isa<UnitAttr>(entry))
      continue;
    auto list = dyn_cast<ArrayAttr>(entry);
    if (!list || !llvm::all_of(list, [](Attribute size) {
          return isa<StringAttr>(size) && SymbolicSize::parse(cast<StringAttr>(size).getValue());
        }))
      return emitOpError("known values must be a list of sizes or unit, got ") << entry;
    auto type = dyn_cast<OnnxTensorType>(result.getType());
    std::optional<SmallVector<int64_t>> dims = type ? type.getStaticDims() : std::nullopt;
    int64_t elements = 1;
    for (int64_t dim : dims.value_or(SmallVector<int64_t>{}))
      if (__builtin_mul_overflow(elements, dim, &elements))
        return emitOpError("has more elements than 64 bits can count");
    if (!dims || elements != static_cast<int64_t>(list.size()))
      return emitOpError("lists ") << list.size() << " known values for a result of type " << result.getType();
  }
  return success();
}

//===------------------------------------------------------------------------------------------------------------===//
// Known values
//===------------------------------------------------------------------------------------------------------------===//

std::optional<SmallVector<SymbolicSize>> hadron::onnx::getKnownValues(Value value) {
  SmallVector<SymbolicSize> sizes;
  if (auto initializer = value.getDefiningOp<InitializerOp>()) {
    auto dense = dyn_cast<DenseIntElementsAttr>(initializer.getData());
    // Packed sub-byte data is bytes, not elements. Long tensors are tables, not shapes.
    if (!dense || dense.getElementType() != initializer.getType().getElementType() || dense.getNumElements() > 1024)
      return std::nullopt;
    for (const APInt &element : dense.getValues<APInt>()) {
      bool isSigned = !dense.getElementType().isUnsignedInteger() && element.getBitWidth() > 1;
      if (!isSigned && element.getActiveBits() > 63)
        return std::nullopt;
      sizes.push_back(isSigned ? element.getSExtValue() : static_cast<int64_t>(element.getZExtValue()));
    }
    return sizes;
  }
  auto node = value.getDefiningOp<NodeOp>();
  if (!node || !node.getValues())
    return std::nullopt;
  auto list = dyn_cast<ArrayAttr>((*node.getValues())[cast<OpResult>(value).getResultNumber()]);
  if (!list)
    return std::nullopt;
  for (Attribute text : list)
    sizes.push_back(SymbolicSize::parse(cast<StringAttr>(text).getValue()).value_or(SymbolicSize::invalid()));
  return sizes;
}

std::optional<SmallVector<int64_t>> hadron::onnx::getConstantValues(Value value) {
  std::optional<SmallVector<SymbolicSize>> sizes = getKnownValues(value);
  if (!sizes)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (const SymbolicSize &size : *sizes) {
    std::optional<int64_t> number = size.getConstant();
    if (!number)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

#define GET_OP_CLASSES
#include "ONNX/IR/ONNXOps.cpp.inc"
