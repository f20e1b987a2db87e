//===- Tensor.cpp - element types and the checks of one tensor --------------------------------------------------===//
#include "Internal.h"

namespace hadron::rt {

namespace {
struct Dtype {
  const char *name;
  int64_t bytes;
};
} // namespace

// Indexed by hadron_dtype. What is not in the header has no size.
static const Dtype dtypes[] = {
    {"undefined", 0}, {"float32", 4}, {"uint8", 1},     {"int8", 1},       {"uint16", 2},   {"int16", 2},
    {"int32", 4},     {"int64", 8},   {"string", 0},    {"bool", 1},       {"float16", 2},  {"float64", 8},
    {"uint32", 4},    {"uint64", 8},  {"complex64", 0}, {"complex128", 0}, {"bfloat16", 2},
};
constexpr int64_t dtypeCount = sizeof dtypes / sizeof *dtypes;

int64_t dtypeBytes(int64_t dtype) { return dtype >= 0 && dtype < dtypeCount ? dtypes[dtype].bytes : 0; }
const char *dtypeName(int64_t dtype) {
  return dtype >= 0 && dtype < dtypeCount ? dtypes[dtype].name : "of no known type";
}

/// Dense and row-major; the stride of a dimension of size 1 says nothing, nor does any of an empty tensor.
static bool isDense(const hadron_tensor &tensor) {
  if (!tensor.strides)
    return true;
  int64_t expected = 1;
  bool dense = true;
  for (int32_t i = tensor.ndim - 1; i >= 0; --i) {
    if (tensor.shape[i] == 0)
      return true;
    dense &= tensor.shape[i] == 1 || tensor.strides[i] == expected;
    if (__builtin_mul_overflow(expected, tensor.shape[i], &expected))
      return false;
  }
  return dense;
}

static void addBasis(Text &text, uint64_t basis) {
  if (basis)
    text.add("basis %016llx", (unsigned long long)basis);
  else
    text.add("the standard basis");
}

int readTensor(hadron_library *library, const Text &what, const hadron_tensor *tensor, int64_t dtype, int64_t rank,
               uint64_t basis, bool needsData, hadron_tensor &copy) {
  constexpr size_t minimum = offsetof(hadron_tensor, basis_hash) + sizeof(uint64_t);
  if (tensor->struct_size < minimum)
    return fail(library, HADRON_INVALID, "%s: struct_size is %zu; set it to sizeof(hadron_tensor)", what.data,
                tensor->struct_size);
  __builtin_memcpy(&copy, tensor, minimum);
  copy.struct_size = sizeof copy;
  if (copy.dtype != dtype)
    return fail(library, HADRON_INVALID, "%s is %s; it must be %s", what.data, dtypeName(copy.dtype), dtypeName(dtype));
  if (copy.device_type != 0 && copy.device_type != HADRON_CPU)
    return fail(library, HADRON_INVALID, "%s is on a device (type %d); library '%s' runs on the CPU", what.data,
                copy.device_type, library->descriptor->name);
  if (copy.ndim != rank)
    return fail(library, HADRON_INVALID, "%s has %d dimension%s; it must have %lld", what.data, copy.ndim,
                copy.ndim == 1 ? "" : "s", (long long)rank);
  if (rank && !copy.shape)
    return fail(library, HADRON_INVALID, "%s: shape is NULL", what.data);
  int64_t count = 1;
  for (int64_t i = 0; i < rank; ++i) {
    if (copy.shape[i] < 0)
      return fail(library, HADRON_INVALID, "%s: dimension %lld is %lld; it must not be negative", what.data,
                  (long long)i, (long long)copy.shape[i]);
    if (__builtin_mul_overflow(count, copy.shape[i], &count) || count > INT64_MAX / 16)
      return fail(library, HADRON_INVALID, "%s has more elements than memory can hold", what.data);
  }
  if (!isDense(copy))
    return fail(library, HADRON_INVALID, "%s is not contiguous; pass a dense, row-major copy", what.data);
  if (copy.basis_hash != basis) {
    Text text;
    text.add("%s is in ", what.data);
    addBasis(text, copy.basis_hash);
    text.add("; it must be in ");
    addBasis(text, basis);
    return fail(library, HADRON_INVALID, text);
  }
  if (needsData && count && !copy.data)
    return fail(library, HADRON_INVALID, "%s: data is NULL", what.data);
  if (int64_t bytes = dtypeBytes(dtype); needsData && bytes && (uintptr_t)copy.data % bytes)
    return fail(library, HADRON_INVALID, "%s: data is not aligned to its element of %lld bytes", what.data,
                (long long)bytes);
  return HADRON_OK;
}

} // namespace hadron::rt
