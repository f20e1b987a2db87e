// Arrays on their way between files and libraries.
#ifndef HADRON_DRIVER_TENSOR_H
#define HADRON_DRIVER_TENSOR_H

#include "hadron-c/hadron.h"
#include "hadron/Support/Npy.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hadron::driver {

/// Bytes of an element; 0 for a number that is no hadron_dtype.
int getWidth(int32_t dtype);
/// "float32", "bfloat16"; "type 23" for a number that is no hadron_dtype.
std::string getTypeName(int32_t dtype);
/// "[1, 8, 576]".
std::string formatShape(llvm::ArrayRef<int64_t> shape);
/// How many elements; nothing is checked for overflow.
int64_t countElements(llvm::ArrayRef<int64_t> shape);

/// A dense array of one of the library's types.
struct Tensor {
  int32_t dtype = HADRON_FLOAT32;
  std::vector<int64_t> shape;
  AlignedBytes data;

  Tensor() = default;
  /// All zeros.
  Tensor(int32_t dtype, llvm::ArrayRef<int64_t> shape);

  int64_t size() const { return countElements(shape); }
  template <typename T>
  T *as() {
    return reinterpret_cast<T *>(data.data());
  }
  template <typename T>
  const T *as() const {
    return reinterpret_cast<const T *>(data.data());
  }
  /// "float32 [1, 8]".
  std::string describe() const { return getTypeName(dtype) + " " + formatShape(shape); }
};

/// An array for a place that wants `dtype`. It keeps its own type, but for bfloat16, which NumPy lacks: that is rounded
/// from float32.
Tensor fromNpy(NpyArray array, int32_t dtype);
/// bfloat16 becomes float32.
NpyArray toNpy(const Tensor &tensor);

/// Any number of consecutive elements of a floating-point type as f32.
void toFloats(int32_t dtype, const void *data, llvm::MutableArrayRef<float> floats);
/// Element `i` of any type as f64.
double getElement(const Tensor &tensor, int64_t i);

} // namespace hadron::driver

#endif // HADRON_DRIVER_TENSOR_H
