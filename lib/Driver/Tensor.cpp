#include "hadron/Driver/Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"

#include <cstring>

using namespace hadron;
using namespace hadron::driver;

namespace {
struct TypeRow {
  int32_t dtype;
  const char *name;
  char kind; // of NumPy
  int width;
};
} // namespace

static constexpr TypeRow kTypes[] = {
    {HADRON_FLOAT32, "float32", 'f', 4}, {HADRON_UINT8, "uint8", 'u', 1},   {HADRON_INT8, "int8", 'i', 1},
    {HADRON_UINT16, "uint16", 'u', 2},   {HADRON_INT16, "int16", 'i', 2},   {HADRON_INT32, "int32", 'i', 4},
    {HADRON_INT64, "int64", 'i', 8},     {HADRON_BOOL, "bool", 'b', 1},     {HADRON_FLOAT16, "float16", 'f', 2},
    {HADRON_FLOAT64, "float64", 'f', 8}, {HADRON_UINT32, "uint32", 'u', 4}, {HADRON_UINT64, "uint64", 'u', 8},
    {HADRON_BFLOAT16, "bfloat16", 0, 2},
};

static const TypeRow *findType(int32_t dtype) {
  for (const TypeRow &row : kTypes)
    if (row.dtype == dtype)
      return &row;
  return nullptr;
}

int driver::getWidth(int32_t dtype) {
  const TypeRow *row = findType(dtype);
  return row ? row->width : 0;
}

std::string driver::getTypeName(int32_t dtype) {
  const TypeRow *row = findType(dtype);
  return row ? row->name : "type " + std::to_string(dtype);
}

std::string driver::formatShape(llvm::ArrayRef<int64_t> shape) {
  return "[" + llvm::join(llvm::map_range(shape, [](int64_t d) { return std::to_string(d); }), ", ") + "]";
}

int64_t driver::countElements(llvm::ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

Tensor::Tensor(int32_t dtype, llvm::ArrayRef<int64_t> shape)
    : dtype(dtype), shape(shape.begin(), shape.end()), data(countElements(shape) * getWidth(dtype)) {}

/// The nearest bfloat16, ties to even; a NaN stays one.
static uint16_t roundToBFloat16(float x) {
  uint32_t bits = llvm::bit_cast<uint32_t>(x);
  if (x != x)
    return (bits >> 16) | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

static float fromBFloat16(uint16_t bits) { return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

static float fromFloat16(uint16_t bits) {
  uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff;
  if (exponent == 31)
    return llvm::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0)
    return llvm::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float small = static_cast<float>(mantissa) * 0x1p-24f; // exact
  return sign ? -small : small;
}

Tensor driver::fromNpy(NpyArray array, int32_t dtype) {
  Tensor tensor;
  tensor.shape = std::move(array.shape);
  for (const TypeRow &row : kTypes)
    if (row.kind == array.kind && row.width == array.width)
      tensor.dtype = row.dtype;
  tensor.data = std::move(array.data);
  if (dtype != HADRON_BFLOAT16 || tensor.dtype != HADRON_FLOAT32)
    return tensor;
  Tensor rounded(HADRON_BFLOAT16, tensor.shape);
  for (int64_t i = 0, n = tensor.size(); i < n; ++i)
    rounded.as<uint16_t>()[i] = roundToBFloat16(tensor.as<float>()[i]);
  return rounded;
}

NpyArray driver::toNpy(const Tensor &tensor) {
  NpyArray array;
  array.shape = tensor.shape;
  if (tensor.dtype == HADRON_BFLOAT16) {
    array.data.resize(tensor.size() * sizeof(float));
    toFloats(tensor.dtype, tensor.data.data(), {reinterpret_cast<float *>(array.data.data()), size_t(tensor.size())});
    return array;
  }
  const TypeRow &row = *findType(tensor.dtype);
  array.kind = row.kind;
  array.width = row.width;
  array.data = tensor.data;
  return array;
}

void driver::toFloats(int32_t dtype, const void *data, llvm::MutableArrayRef<float> floats) {
  if (dtype == HADRON_FLOAT32) {
    if (!floats.empty())
      std::memcpy(floats.data(), data, floats.size() * sizeof(float));
    return;
  }
  for (size_t i = 0; i < floats.size(); ++i)
    floats[i] = dtype == HADRON_FLOAT64    ? static_cast<float>(static_cast<const double *>(data)[i])
                : dtype == HADRON_BFLOAT16 ? fromBFloat16(static_cast<const uint16_t *>(data)[i])
                                           : fromFloat16(static_cast<const uint16_t *>(data)[i]);
}

double driver::getElement(const Tensor &tensor, int64_t i) {
  switch (tensor.dtype) {
  case HADRON_FLOAT64:
    return tensor.as<double>()[i];
  case HADRON_FLOAT32:
    return tensor.as<float>()[i];
  case HADRON_FLOAT16:
    return fromFloat16(tensor.as<uint16_t>()[i]);
  case HADRON_BFLOAT16:
    return fromBFloat16(tensor.as<uint16_t>()[i]);
  case HADRON_INT8:
    return tensor.as<int8_t>()[i];
  case HADRON_INT16:
    return tensor.as<int16_t>()[i];
  case HADRON_INT32:
    return tensor.as<int32_t>()[i];
  case HADRON_INT64:
    return tensor.as<int64_t>()[i];
  case HADRON_UINT16:
    return tensor.as<uint16_t>()[i];
  case HADRON_UINT32:
    return tensor.as<uint32_t>()[i];
  case HADRON_UINT64:
    return tensor.as<uint64_t>()[i];
  default:
    return tensor.as<uint8_t>()[i];
  }
}
