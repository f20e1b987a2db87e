#include "hadron/Reference/Value.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using llvm::Twine;
using RefValue = reference::Value;

static llvm::Error bad(const Twine &reason) {
  return llvm::make_error<llvm::StringError>(reason, std::make_error_code(std::errc::invalid_argument));
}

static std::string text(Type type) {
  std::string s;
  llvm::raw_string_ostream(s) << type;
  return s;
}

reference::Value::Value(Type element, ArrayRef<int64_t> shape) : element(element), shape(shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  data = std::make_shared<std::vector<Scalar>>(n, Scalar{});
}

RefValue reference::Value::scalar(Type type, Scalar x) {
  RefValue value(type, {});
  (*value.data)[0] = x;
  return value;
}

RefValue reference::Value::index(MLIRContext *context, int64_t i) {
  Scalar x;
  x.i = i;
  return scalar(IndexType::get(context), x);
}

std::vector<Scalar> &reference::Value::edit() {
  if (data.use_count() > 1)
    data = std::make_shared<std::vector<Scalar>>(*data);
  return *data;
}

RefValue reference::Value::reshaped(ArrayRef<int64_t> newShape) const {
  RefValue value = *this;
  value.shape.assign(newShape.begin(), newShape.end());
  return value;
}

RefValue reference::Value::withElementType(Type type) const {
  RefValue value = *this;
  value.element = type;
  return value;
}

double reference::roundTo(Type type, double x) {
  if (type.isF64())
    return x;
  if (type.isF32())
    return static_cast<float>(x);
  llvm::APFloat number(x);
  bool inexact;
  number.convert(cast<FloatType>(type).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return number.convertToDouble();
}

int64_t reference::wrapTo(Type type, int64_t x) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (width >= 64)
    return x;
  uint64_t bits = static_cast<uint64_t>(x) << (64 - width);
  return width == 1 || type.isUnsignedInteger() ? static_cast<int64_t>(bits >> (64 - width))
                                                : static_cast<int64_t>(bits) >> (64 - width);
}

namespace {

Scalar decode(Type element, const char *from) {
  unsigned bytes = (element.getIntOrFloatBitWidth() + 7) / 8;
  uint64_t bits = 0;
  std::memcpy(&bits, from, bytes);
  Scalar x;
  if (auto type = dyn_cast<FloatType>(element)) {
    llvm::APFloat number(type.getFloatSemantics(), llvm::APInt(type.getWidth(), bits));
    bool inexact;
    number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    x.f = number.convertToDouble();
  } else {
    x.i = wrapTo(element, static_cast<int64_t>(element.isInteger(1) ? bits != 0 : bits));
  }
  return x;
}

/// The element type that an array in a file stands for.
Type elementOf(MLIRContext *context, const NpyArray &array) {
  if (array.kind == 'f')
    return array.width == 2   ? Type(Float16Type::get(context))
           : array.width == 4 ? Type(Float32Type::get(context))
                              : Type(Float64Type::get(context));
  if (array.kind == 'b')
    return IntegerType::get(context, 1);
  return IntegerType::get(context, 8 * array.width, array.kind == 'u' ? IntegerType::Unsigned : IntegerType::Signless);
}

} // namespace

llvm::Expected<reference::Value> reference::fromBytes(RankedTensorType type, ArrayRef<char> bytes) {
  Type element = type.getElementType();
  int64_t width = (element.getIntOrFloatBitWidth() + 7) / 8, n = type.getNumElements();
  if (static_cast<int64_t>(bytes.size()) != n * width)
    return bad(text(type) + " has " + Twine(n * width) + " bytes; found " + Twine(bytes.size()));
  RefValue value(element, type.getShape());
  std::vector<Scalar> &to = value.edit();
  for (int64_t i = 0; i < n; ++i)
    to[i] = decode(element, bytes.data() + i * width);
  return value;
}

llvm::Expected<reference::Value> reference::fromNpy(RankedTensorType type, const NpyArray &array) {
  Type element = type.getElementType(), source = elementOf(type.getContext(), array);
  bool sameKind = isa<FloatType>(element) == (array.kind == 'f');
  if (!sameKind || (!isa<FloatType>(element) && element.getIntOrFloatBitWidth() != source.getIntOrFloatBitWidth()))
    return bad("expected " + text(type) + "; found an array of " + array.typeName());
  bool fits = static_cast<int64_t>(array.shape.size()) == type.getRank();
  for (int64_t d = 0; fits && d < type.getRank(); ++d)
    fits = type.isDynamicDim(d) || type.getDimSize(d) == array.shape[d];
  if (!fits) {
    std::string shape;
    for (int64_t d : array.shape)
      shape += std::to_string(d) + "x";
    return bad("expected " + text(type) + "; found an array of " + shape + array.typeName());
  }
  auto value = fromBytes(RankedTensorType::get(array.shape, source), array.data);
  if (!value)
    return value.takeError();
  if (!isa<FloatType>(element))
    for (Scalar &x : value->edit())
      x.i = wrapTo(element, x.i);
  return value->withElementType(element);
}

NpyArray reference::toNpy(const RefValue &value, bool single) {
  NpyArray array;
  array.shape.assign(value.getShape().begin(), value.getShape().end());
  Type element = value.getElementType();
  unsigned bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  array.kind = value.isFloat() ? 'f' : bits == 1 ? 'b' : element.isUnsignedInteger() ? 'u' : 'i';
  array.width = value.isFloat() ? (single ? 4 : 8) : bits == 1 ? 1 : static_cast<int>(bits / 8);
  array.data.resize(value.size() * array.width);
  for (int64_t i = 0, n = value.size(); i < n; ++i) {
    char *to = &array.data[i * array.width];
    Scalar x = value[i];
    float narrow = static_cast<float>(x.f);
    if (array.kind == 'f' && single)
      std::memcpy(to, &narrow, 4);
    else
      std::memcpy(to, &x, array.width); // x86 is little-endian
  }
  return array;
}

RefValue reference::emptyState(StateType type) {
  auto state = std::make_shared<State>();
  state->type = type;
  return Value(std::move(state));
}

llvm::Expected<reference::Value> reference::stateFrom(StateType type, const RefValue &values) {
  if (!values.isTensor() || values.getRank() != 4 || values.getDim(1) != type.getHeads() ||
      values.getDim(3) != type.getDim() || !values.isFloat())
    return bad("expected [batch, " + Twine(type.getHeads()) + ", length, " + Twine(type.getDim()) + "] floats for " +
               text(type));
  RefValue value = emptyState(type);
  State &state = value.getState();
  state.batch = values.getDim(0);
  state.length = state.entryLength = values.getDim(2);
  state.data.resize(values.size());
  for (int64_t i = 0; i < values.size(); ++i)
    state.data[i] = values.getFloat(i);
  return value;
}
