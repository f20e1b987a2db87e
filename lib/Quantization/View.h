// Tensors of parameters: strided views of mapped files or of buffers.
#ifndef HADRON_LIB_QUANTIZATION_VIEW_H
#define HADRON_LIB_QUANTIZATION_VIEW_H

#include "hadron/Support/MappedFile.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <optional>

namespace hadron {

/// Memory from the system, and back to it at once.
class Buffer {
public:
  explicit Buffer(int64_t bytes);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  char *data() const { return start; }

private:
  char *start;
  int64_t bytes;
};

inline int64_t elementBytes(mlir::Type type) { return type.isIndex() ? 8 : (type.getIntOrFloatBitWidth() + 7) / 8; }

struct View {
  mlir::Type element; // of the value
  mlir::Type storage; // of the bytes: another one where a widening of floats is left to whoever reads
  llvm::SmallVector<int64_t> shape, strides; // in elements
  const char *data = nullptr;
  std::shared_ptr<Buffer> owner;
  const MappedFile *file = nullptr; // that the bytes are in

  /// A new dense tensor.
  static View allocate(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  /// The same bytes under another shape, dense.
  View(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  View() = default;

  int64_t size() const;
  int64_t getRank() const { return shape.size(); }
  bool isDense() const;
  int64_t width() const { return elementBytes(storage); }
  char *mutableData() const { return owner->data(); }

  /// Axis d of the result is axis `axes[d]` of this; -1: a new axis of size `sizes[d]`, repeating.
  View rearranged(llvm::ArrayRef<int64_t> axes, llvm::ArrayRef<int64_t> sizes) const;
  /// Same elements in another shape; nothing when the strides do not allow it.
  std::optional<View> reshaped(llvm::ArrayRef<int64_t> newShape) const;
  /// Part of it.
  View sliced(llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> steps) const;
  /// Drops the file's pages that the elements are in. Whoever still reads them pays for it with time alone.
  void drop() const;
};

/// Copies all elements, row-major, as `storage` of the view.
void copyOut(const View &view, char *to, unsigned threads);
/// A dense view of the same elements: itself, or a copy.
View dense(const View &view, unsigned threads);

/// Is this a float type that readFloats and writeFloats know (f64, f32, f16, bf16)?
bool isKnownFloat(mlir::Type type);
/// `count` elements, `stride` elements apart, as f32.
void readFloats(mlir::Type storage, const char *from, int64_t stride, int64_t count, float *to);
/// `count` floats, rounded to nearest even.
void writeFloats(mlir::Type storage, const float *from, int64_t count, char *to);

} // namespace hadron

#endif // HADRON_LIB_QUANTIZATION_VIEW_H
