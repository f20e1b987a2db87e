// Values, sizes and parameters.
#include "Raiser.h"
#include "Build.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::InitializerOp;
using hadron::onnx::NodeOp;
using hadron::onnx::OnnxTensorType;

Type raising::elementOf(Type onnxElement) {
  if (auto integer = dyn_cast<IntegerType>(onnxElement)) {
    unsigned bits = integer.getWidth();
    return IntegerType::get(onnxElement.getContext(), bits > 1 && bits < 8 ? 8 : bits);
  }
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(onnxElement) ? onnxElement : Type();
}

Sizes raising::dimsOf(Value onnxValue) { return cast<OnnxTensorType>(onnxValue.getType()).getDims(); }

std::optional<int64_t> raising::normalizedAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return std::nullopt;
  return axis < 0 ? axis + rank : axis;
}

SymbolicSize raising::product(ArrayRef<SymbolicSize> dims) {
  SymbolicSize result = 1;
  for (const SymbolicSize &size : dims)
    result *= size;
  return result;
}

LogicalResult Raiser::error(const Twine &message) {
  anyFailed = true;
  return emitError(loc) << (node ? node.describe() + ": " : std::string()) << message;
}

//===------------------------------------------------------------------------------------------------------------===//
// Values
//===------------------------------------------------------------------------------------------------------------===//

namespace {
bool isUnsignedElement(Value onnxValue) {
  return cast<OnnxTensorType>(onnxValue.getType()).getElementType().isUnsignedInteger();
}
Type elementOfValue(Value onnxValue) { return elementOf(cast<OnnxTensorType>(onnxValue.getType()).getElementType()); }

/// A dense attribute with signless integers.
DenseElementsAttr signless(DenseElementsAttr data) {
  auto integer = dyn_cast<IntegerType>(data.getElementType());
  if (!integer || integer.isSignless())
    return data;
  return data.bitcast(IntegerType::get(data.getContext(), integer.getWidth()));
}
} // namespace

Tensor Raiser::poison(Value onnxValue) {
  anyFailed = true;
  Tensor tensor{Value(), dimsOf(onnxValue), elementOfValue(onnxValue), isUnsignedElement(onnxValue)};
  tensor.value = tensor::EmptyOp::create(builder, loc, tensorType(tensor.dims, tensor.element),
                                         insideParam ? SmallVector<Value>() : dynamicSizes(tensor.dims));
  return tensor;
}

Tensor Raiser::get(Value onnxValue) {
  if (auto known = values.find(onnxValue); known != values.end())
    return known->second;
  if (auto initializer = onnxValue.getDefiningOp<InitializerOp>())
    return fromInitializer(initializer);
  std::optional<Sizes> elements = onnx::getKnownValues(onnxValue);
  if (elements && llvm::all_of(*elements, [](const SymbolicSize &size) { return size.isValid(); }))
    return fromKnownValues(onnxValue, *elements);
  if (isConstant(onnxValue))
    return fromConstantNodes(onnxValue);
  return poison(onnxValue); // the node that should have made it has failed
}

void Raiser::set(Value onnxValue, Tensor tensor) { values[onnxValue] = std::move(tensor); }

void Raiser::out(unsigned output, Tensor tensor) {
  Value result = node.getOutput(output);
  if (!result)
    return;
  // The graph's sizes are those that everybody else counts with.
  Sizes dims = dimsOf(result);
  if (!tensor.splat) {
    RankedTensorType type = tensorType(dims, tensor.element);
    if (tensor.value.getType() != type) {
      if (!tensor::CastOp::areCastCompatible(tensor.value.getType(), type)) {
        (void)error(Twine("gives a tensor of another shape than inferred for '") + node.getOutputName(output) + "'");
        return;
      }
      tensor.value = tensor::CastOp::create(builder, loc, type, tensor.value);
    }
  }
  tensor.dims = dims;
  tensor.isUnsigned = isUnsignedElement(result);
  if (tensor.element != elementOfValue(result)) {
    (void)error(Twine("gives another element type than inferred for '") + node.getOutputName(output) + "'");
    return;
  }
  set(result, tensor);
}

Sizes Raiser::outDims(unsigned output) { return dimsOf(node.getResult(output)); }
Type Raiser::outElement(unsigned output) { return elementOfValue(node.getResult(output)); }

Value Raiser::value(const Tensor &tensor) {
  if (!tensor.splat)
    return tensor.value;
  RankedTensorType type = tensorType(tensor.dims, tensor.element);
  if (type.hasStaticShape())
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, tensor.splat));
  Tensor filled = generate(*this, tensor.dims, tensor.element, [&](OpBuilder &b, Location loc, ValueRange) -> Value {
    return arith::ConstantOp::create(b, loc, tensor.splat);
  });
  return filled.value;
}

bool Raiser::isConstant(Value onnxValue) {
  Operation *op = onnxValue.getDefiningOp();
  return op && (isa<InitializerOp>(op) || constants.contains(op));
}

std::optional<double> Raiser::getScalar(Value onnxValue) {
  auto initializer = onnxValue ? onnxValue.getDefiningOp<InitializerOp>() : InitializerOp();
  auto dense = initializer ? dyn_cast<DenseElementsAttr>(initializer.getData()) : DenseElementsAttr();
  if (!dense || !dense.isSplat() || dense.getElementType() != initializer.getType().getElementType())
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType())) {
    APFloat value = dense.getSplatValue<APFloat>();
    bool lost;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return value.convertToDouble();
  }
  if (!isa<IntegerType>(dense.getElementType()))
    return std::nullopt;
  APInt value = dense.getSplatValue<APInt>();
  bool isSigned = !dense.getElementType().isUnsignedInteger() && value.getBitWidth() > 1;
  return isSigned ? static_cast<double>(value.getSExtValue()) : static_cast<double>(value.getZExtValue());
}

Tensor Raiser::fromInitializer(InitializerOp initializer) {
  OnnxTensorType type = initializer.getType();
  Tensor tensor{Value(), type.getDims(), elementOf(type.getElementType()), type.getElementType().isUnsignedInteger()};
  if (!tensor.element)
    return poison(initializer);
  auto dense = dyn_cast<DenseElementsAttr>(initializer.getData());
  bool packed = OnnxTensorType::getStorageBits(type.getElementType()) < 8;
  if (dense && !packed && dense.getNumElements() > 0 && dense.isSplat()) {
    tensor.splat = cast<TypedAttr>(signless(dense).getSplatValue<Attribute>());
    return tensor;
  }
  auto build = [&]() -> Value {
    if (packed)
      return unpacked(initializer).value;
    if (dense)
      return arith::ConstantOp::create(builder, loc, signless(dense));
    auto slice = cast<onnx::FileSliceAttr>(initializer.getData());
    RankedTensorType sliced = tensorType(tensor.dims, tensor.element);
    return FileSliceOp::create(builder, loc, sliced, slice.getFile(), slice.getOffset(), slice.getLength(),
                               IntegerAttr(), IntegerAttr());
  };
  if (insideParam)
    tensor.value = build();
  else
    tensor.value = param(nameOf(initializer), tensorType(tensor.dims, tensor.element), build);
  values[initializer] = tensor;
  return tensor;
}

Value Raiser::bytes(InitializerOp initializer, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getI8Type());
  if (auto slice = dyn_cast<onnx::FileSliceAttr>(initializer.getData()))
    return FileSliceOp::create(builder, loc, type, slice.getFile(), slice.getOffset(), slice.getLength(), IntegerAttr(),
                               IntegerAttr());
  auto dense = signless(cast<DenseElementsAttr>(initializer.getData()));
  if (dense.isSplat())
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, dense.getSplatValue<Attribute>()));
  return arith::ConstantOp::create(builder, loc, dense.reshape(type));
}

/// Sub-byte elements, packed low bits first, one to a byte.
Tensor Raiser::unpacked(InitializerOp initializer) {
  OnnxTensorType type = initializer.getType();
  int64_t bits = OnnxTensorType::getStorageBits(type.getElementType()), perByte = 8 / bits;
  SmallVector<int64_t> dims = *type.getStaticDims();
  int64_t count = 1;
  for (int64_t size : dims)
    count *= size;
  Value packed = bytes(initializer, {(count + perByte - 1) / perByte});
  bool isUnsigned = type.getElementType().isUnsignedInteger();
  return generate(*this, type.getDims(), builder.getI8Type(), [&](OpBuilder &b, Location loc, ValueRange indices) {
    Value position = index(b, loc, 0);
    for (auto [i, size] : llvm::zip(indices, dims))
      position = add(b, loc, mul(b, loc, position, index(b, loc, size)), i);
    Value per = index(b, loc, perByte);
    Value byte = elementAt(b, loc, packed, ValueRange{arith::DivUIOp::create(b, loc, position, per)});
    Value lane = arith::IndexCastOp::create(b, loc, b.getI8Type(), arith::RemUIOp::create(b, loc, position, per));
    // To the top of the byte, and down again with the sign.
    Value up = arith::SubIOp::create(b, loc, number(b, loc, b.getI8Type(), 8 - bits),
                                     mul(b, loc, lane, number(b, loc, b.getI8Type(), bits)));
    Value top = arith::ShLIOp::create(b, loc, byte, up), down = number(b, loc, b.getI8Type(), 8 - bits);
    return isUnsigned ? arith::ShRUIOp::create(b, loc, top, down).getResult()
                      : arith::ShRSIOp::create(b, loc, top, down).getResult();
  });
}

Tensor Raiser::fromKnownValues(Value onnxValue, ArrayRef<SymbolicSize> elements) {
  Tensor tensor{Value(), dimsOf(onnxValue), elementOfValue(onnxValue), isUnsignedElement(onnxValue)};
  bool allEqual = !elements.empty() && llvm::all_equal(elements);
  if (allEqual && elements.front().getConstant()) {
    int64_t number = *elements.front().getConstant();
    if (tensor.isFloat())
      tensor.splat = numberAttr(tensor.element, number);
    else
      tensor.splat =
          IntegerAttr::get(tensor.element, APInt(64, number, true).sextOrTrunc(tensor.element.getIntOrFloatBitWidth()));
    return tensor;
  }
  RankedTensorType type = tensorType(tensor.dims, tensor.element);
  if (elements.empty()) {
    tensor.value = tensor::EmptyOp::create(builder, loc, type, ValueRange());
    return tensor;
  }
  bool symbolic = llvm::any_of(elements, [](const SymbolicSize &size) { return !size.getConstant(); });
  if (symbolic || tensor.isFloat()) {
    SmallVector<Value> scalars;
    for (const SymbolicSize &element : elements)
      scalars.push_back(castScalar(builder, loc, size(element), false, tensor.element, tensor.isUnsigned));
    tensor.value = tensor::FromElementsOp::create(builder, loc, type, scalars);
    return tensor;
  }
  SmallVector<APInt> numbers;
  for (const SymbolicSize &element : elements)
    numbers.push_back(APInt(64, *element.getConstant(), true).sextOrTrunc(tensor.element.getIntOrFloatBitWidth()));
  auto build = [&]() -> Value {
    return arith::ConstantOp::create(builder, loc, DenseIntElementsAttr::get(type, numbers));
  };
  tensor.value = insideParam ? build() : param(nameOf(onnxValue), type, build);
  return tensor;
}

Tensor Raiser::fromConstantNodes(Value onnxValue) {
  // What it is made of, in order.
  SmallVector<NodeOp> needed;
  SmallVector<Value> pending = {onnxValue};
  llvm::DenseSet<Operation *> seen;
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    auto producer = next.getDefiningOp<NodeOp>();
    if (!producer || values.count(next) || onnx::getConstantValues(next) || !seen.insert(producer).second)
      continue;
    needed.push_back(producer);
    llvm::append_range(pending, producer.getInputs());
  }
  llvm::sort(needed, [](NodeOp a, NodeOp b) { return a->isBeforeInBlock(b); });
  auto build = [&]() -> Value {
    for (NodeOp producer : needed)
      if (failed(convert(producer)))
        break;
    // Not get, which comes here for a value that the failed node has not made.
    return value(values.count(onnxValue) ? values[onnxValue] : poison(onnxValue));
  };
  Tensor tensor{Value(), dimsOf(onnxValue), elementOfValue(onnxValue), isUnsignedElement(onnxValue)};
  if (values.count(onnxValue))
    return values[onnxValue];
  if (insideParam) {
    tensor.value = build();
    return values.count(onnxValue) ? values[onnxValue] : tensor;
  }
  tensor.value = param(nameOf(onnxValue), tensorType(tensor.dims, tensor.element), build);
  values[onnxValue] = tensor;
  return tensor;
}

//===------------------------------------------------------------------------------------------------------------===//
// Sizes
//===------------------------------------------------------------------------------------------------------------===//

Value Raiser::size(const SymbolicSize &wanted) {
  if (insideParam) // all sizes are numbers there
    return index(builder, loc, wanted.getConstant().value_or(0));
  OpBuilder::InsertionGuard guard(builder);
  if (lastSize)
    builder.setInsertionPointAfter(lastSize);
  else
    builder.setInsertionPointToStart(&function.getBody().front());
  Location entry = function.getLoc();
  // Every step is shared by all sizes that contain it.
  auto cached = [&](std::string text, llvm::function_ref<Operation *()> make) -> Value {
    Value &slot = sizes[text];
    if (!slot) {
      lastSize = make();
      slot = lastSize->getResult(0);
    }
    return slot;
  };
  auto constant = [&](int64_t number) {
    return cached(std::to_string(number),
                  [&] { return arith::ConstantIndexOp::create(builder, entry, number).getOperation(); });
  };
  Value sum;
  SymbolicSize partial = 0;
  for (const auto &[symbols, coefficient] : wanted.getTerms()) {
    Value term;
    SymbolicSize termSize = 1;
    for (const std::string &name : symbols) {
      Value symbol = cached(name, [&] { return SymbolOp::create(builder, entry, name).getOperation(); });
      termSize *= SymbolicSize::symbol(name);
      term = term ? cached(termSize.str(),
                           [&] { return arith::MulIOp::create(builder, entry, term, symbol).getOperation(); })
                  : symbol;
    }
    termSize *= coefficient;
    if (!term)
      term = constant(coefficient);
    else if (coefficient != 1) {
      Value factor = constant(coefficient);
      term = cached(termSize.str(), [&] { return arith::MulIOp::create(builder, entry, term, factor).getOperation(); });
    }
    partial += termSize;
    sum = sum ? cached(partial.str(), [&] { return arith::AddIOp::create(builder, entry, sum, term).getOperation(); })
              : term;
  }
  return sum ? sum : constant(0);
}

OpFoldResult Raiser::foldedSize(const SymbolicSize &wanted) {
  if (std::optional<int64_t> number = wanted.getConstant())
    return builder.getIndexAttr(*number);
  return size(wanted);
}

RankedTensorType Raiser::tensorType(ArrayRef<SymbolicSize> dims, Type element) {
  SmallVector<int64_t> shape;
  for (const SymbolicSize &size : dims)
    shape.push_back(size.getConstant().value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, element);
}

SmallVector<Value> Raiser::dynamicSizes(ArrayRef<SymbolicSize> dims) {
  SmallVector<Value> result;
  for (const SymbolicSize &dim : dims)
    if (!dim.getConstant())
      result.push_back(size(dim));
  return result;
}

//===------------------------------------------------------------------------------------------------------------===//
// Parameters
//===------------------------------------------------------------------------------------------------------------===//

Value Raiser::param(StringRef name, Type type, llvm::function_ref<Value()> build) {
  if (insideParam)
    return build();
  ParamOp op;
  {
    OpBuilder::InsertionGuard guard(builder);
    if (lastParam)
      builder.setInsertionPointAfter(lastParam);
    else
      builder.setInsertionPointToStart(module.getBody());
    op = ParamOp::create(builder, loc, "p", type);
    if (op.getBody().empty())
      op.getBody().emplaceBlock();
    builder.setInsertionPointToStart(&op.getBody().front());
    llvm::DenseMap<Value, Tensor> outer;
    std::swap(values, outer);
    insideParam = true;
    Value result = build();
    insideParam = false;
    std::swap(values, outer);
    if (!op.getBody().front().empty() && op.getBody().front().back().hasTrait<OpTrait::IsTerminator>())
      op.getBody().front().back().erase();
    builder.setInsertionPointToEnd(&op.getBody().front());
    YieldOp::create(builder, loc, result);
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().useLocalScope());
  std::string &symbol = parameters[text];
  if (symbol.empty()) {
    symbol = name.str();
    for (unsigned i = 1; !names.insert(symbol).second; ++i)
      symbol = (name + "_" + Twine(i)).str();
    op.setSymName(symbol);
    lastParam = op;
  } else {
    op.erase();
  }
  Value &read = reads[symbol];
  if (!read)
    read = ParamGetOp::create(builder, loc, type, symbol);
  return read;
}

/// Names of ONNX values are free text.
static std::string symbolOf(StringRef name) {
  std::string symbol;
  for (char c : name)
    symbol += llvm::isAlnum(c) || c == '.' || c == '_' || c == '-' ? c : '_';
  if (symbol.empty() || llvm::isDigit(symbol.front()))
    symbol.insert(0, "w");
  return symbol;
}

std::string Raiser::nameOf(Value onnxValue) {
  // The weight at the bottom, where there is just one way down.
  while (auto producer = onnxValue.getDefiningOp<NodeOp>()) {
    if (producer.getInputs().size() != 1)
      break;
    onnxValue = producer.getInputs()[0];
  }
  std::string name;
  if (auto initializer = onnxValue.getDefiningOp<InitializerOp>())
    name = initializer.getValueName().str();
  else if (auto producer = onnxValue.getDefiningOp<NodeOp>())
    name = producer.getOutputName(cast<OpResult>(onnxValue).getResultNumber()).str();
  return symbolOf(name);
}

std::string Raiser::weightName(Value onnxValue) {
  std::string name = nameOf(onnxValue);
  if (name.find('.') == std::string::npos && node && node.getScope() && !node.getScope()->empty())
    return symbolOf((*node.getScope() + ".weight").str());
  return name;
}
