#include "View.h"

#include "Parallel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstring>
#include <sys/mman.h>

using namespace mlir;
using namespace hadron;

Buffer::Buffer(int64_t size) : bytes(std::max<int64_t>(size, 1)) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    llvm::report_bad_alloc_error("no memory for a parameter");
  madvise(memory, bytes, MADV_HUGEPAGE); // fewer faults; harmless where it is refused
  start = static_cast<char *>(memory);
}

Buffer::~Buffer() { munmap(start, bytes); }

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

View::View(Type element, ArrayRef<int64_t> shape)
    : element(element), storage(element), shape(shape), strides(denseStrides(shape)) {}

View View::allocate(Type element, ArrayRef<int64_t> shape) {
  View view(element, shape);
  view.owner = std::make_shared<Buffer>(view.size() * elementBytes(element));
  view.data = view.owner->data();
  return view;
}

int64_t View::size() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

bool View::isDense() const {
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && strides[d] != stride)
      return false;
    stride *= shape[d];
  }
  return true;
}

View View::rearranged(ArrayRef<int64_t> axes, ArrayRef<int64_t> sizes) const {
  View view = *this;
  view.shape.assign(sizes.begin(), sizes.end());
  view.strides = llvm::map_to_vector(axes, [&](int64_t axis) { return axis < 0 ? int64_t(0) : strides[axis]; });
  return view;
}

std::optional<View> View::reshaped(ArrayRef<int64_t> newShape) const {
  View view = *this;
  view.shape.assign(newShape.begin(), newShape.end());
  if (isDense() || size() == 0) {
    view.strides = denseStrides(newShape);
    return view;
  }
  // Axes of size 1 come and go; of the others each run that steps like one axis may be cut anew.
  SmallVector<int64_t> oldShape, oldStrides;
  for (auto [size, stride] : llvm::zip_equal(shape, strides))
    if (size != 1) {
      oldShape.push_back(size);
      oldStrides.push_back(stride);
    }
  view.strides.assign(newShape.size(), 1);
  size_t o = 0;
  for (size_t n = 0; n < newShape.size();) {
    if (newShape[n] == 1) {
      ++n;
      continue;
    }
    size_t oldEnd = o + 1, newEnd = n + 1;
    int64_t oldSize = oldShape[o], newSize = newShape[n];
    while (oldSize != newSize)
      if (oldSize < newSize)
        oldSize *= oldShape[oldEnd++];
      else
        newSize *= newShape[newEnd++];
    for (size_t d = o; d + 1 < oldEnd; ++d)
      if (oldStrides[d] != oldStrides[d + 1] * oldShape[d + 1])
        return std::nullopt;
    int64_t stride = oldStrides[oldEnd - 1];
    for (size_t d = newEnd; d-- > n;) {
      view.strides[d] = stride;
      stride *= newShape[d];
    }
    o = oldEnd;
    n = newEnd;
  }
  return view;
}

View View::sliced(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) const {
  View view = *this;
  view.shape.assign(sizes.begin(), sizes.end());
  for (size_t d = 0; d < shape.size(); ++d) {
    view.data += offsets[d] * strides[d] * width();
    view.strides[d] = strides[d] * steps[d];
  }
  return view;
}

void View::drop() const {
  if (!file || size() == 0)
    return;
  int64_t extent = 1;
  for (auto [size, stride] : llvm::zip_equal(shape, strides))
    extent += (size - 1) * stride;
  if (extent > 0) // steps may go backwards
    file->drop(data - file->getBytes().data(), extent * width());
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

namespace {

template <typename T>
void copyPlane(const char *from, int64_t rowStride, int64_t columnStride, int64_t rows, int64_t columns, char *to) {
  const T *source = reinterpret_cast<const T *>(from);
  T *target = reinterpret_cast<T *>(to);
  // Blocks, since either side may step far.
  constexpr int64_t kBlock = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kBlock)
    for (int64_t c0 = 0; c0 < columns; c0 += kBlock)
      for (int64_t r = r0; r < std::min(rows, r0 + kBlock); ++r)
        for (int64_t c = c0; c < std::min(columns, c0 + kBlock); ++c)
          std::memcpy(target + r * columns + c, source + r * rowStride + c * columnStride, sizeof(T));
}

} // namespace

void hadron::copyOut(const View &view, char *to, unsigned threads) {
  int64_t width = view.width(), total = view.size();
  if (total == 0)
    return;
  constexpr int64_t kChunk = 1 << 20;
  if (view.isDense()) {
    llvm::cantFail(parallelFor(threads, (total * width + kChunk - 1) / kChunk, [&](int64_t i) {
      std::memcpy(to + i * kChunk, view.data + i * kChunk, std::min(kChunk, total * width - i * kChunk));
      return llvm::Error::success();
    }));
    return;
  }
  // The last two axes are a plane; a plane is cut into bands of rows.
  SmallVector<int64_t> shape(view.shape), strides(view.strides);
  while (shape.size() < 2) {
    shape.insert(shape.begin(), 1);
    strides.insert(strides.begin(), 0);
  }
  size_t outer = shape.size() - 2;
  int64_t rows = shape[outer], columns = shape[outer + 1], planes = total / (rows * columns);
  int64_t band = std::max<int64_t>(32, kChunk / (columns * width) / 32 * 32), bands = (rows + band - 1) / band;
  llvm::cantFail(parallelFor(planes * bands * columns < 4096 ? 1 : threads, planes * bands, [&](int64_t i) {
    int64_t plane = i / bands, first = i % bands * band, count = std::min(band, rows - first);
    const char *from = view.data + first * strides[outer] * width;
    for (int64_t d = outer, rest = plane; d-- > 0; rest /= shape[d])
      from += rest % shape[d] * strides[d] * width;
    char *target = to + (plane * rows + first) * columns * width;
    auto copy = width == 1   ? copyPlane<uint8_t>
                : width == 2 ? copyPlane<uint16_t>
                : width == 4 ? copyPlane<uint32_t>
                             : copyPlane<uint64_t>;
    copy(from, strides[outer], strides[outer + 1], count, columns, target);
    return llvm::Error::success();
  }));
}

View hadron::dense(const View &view, unsigned threads) {
  if (view.isDense())
    return view;
  View copy = View::allocate(view.storage, view.shape);
  copyOut(view, copy.mutableData(), threads);
  copy.element = view.element;
  return copy;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

// The loops below are plain enough for the compiler to use whatever the processor has; every version computes the same.
#define HADRON_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))

namespace {

float fromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
uint32_t toBits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

template <typename T>
T at(const char *from, int64_t i) {
  T x;
  std::memcpy(&x, from + i * sizeof(T), sizeof(T));
  return x;
}

HADRON_CLONES void readF16(const char *from, int64_t stride, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t h = at<uint16_t>(from, i * stride), magnitude = h & 0x7fff;
    // Shifted into place, then scaled by the difference of the exponents' biases: subnormals come out right.
    uint32_t finite = toBits(fromBits(magnitude << 13) * 0x1p112f), special = magnitude << 13 | 0x7f800000;
    to[i] = fromBits((magnitude < 0x7c00 ? finite : special) | (h & 0x8000) << 16);
  }
}

HADRON_CLONES void readBF16(const char *from, int64_t stride, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = fromBits(static_cast<uint32_t>(at<uint16_t>(from, i * stride)) << 16);
}

HADRON_CLONES void readF32(const char *from, int64_t stride, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = at<float>(from, i * stride);
}

HADRON_CLONES void readF64(const char *from, int64_t stride, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = static_cast<float>(at<double>(from, i * stride));
}

HADRON_CLONES void writeF16(const float *from, int64_t count, char *to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = toBits(from[i]), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    // Normal numbers: rebias, then round to nearest even by adding half of the last place, less one unless it is odd.
    uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
    // Subnormal ones: adding 0.5 lets the adder round at 2^-24.
    uint32_t subnormal = toBits(fromBits(magnitude) + 0.5f) - 0x3f000000;
    uint32_t h = magnitude < 0x38800000 ? subnormal : normal;
    h = magnitude >= 0x477ff000 ? 0x7c00 : h; // rounds past the largest number
    h = magnitude > 0x7f800000 ? 0x7e00 : h;
    uint16_t half = static_cast<uint16_t>(h | sign);
    std::memcpy(to + 2 * i, &half, 2);
  }
}

HADRON_CLONES void writeBF16(const float *from, int64_t count, char *to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = toBits(from[i]), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint16_t half = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? (bits >> 16 | 0x40) : rounded);
    std::memcpy(to + 2 * i, &half, 2);
  }
}

} // namespace

bool hadron::isKnownFloat(Type type) { return type.isF64() || type.isF32() || type.isF16() || type.isBF16(); }

void hadron::readFloats(Type storage, const char *from, int64_t stride, int64_t count, float *to) {
  if (storage.isF32() && stride == 1)
    std::memcpy(to, from, count * 4);
  else
    (storage.isF32()    ? readF32
     : storage.isF16()  ? readF16
     : storage.isBF16() ? readBF16
                        : readF64)(from, stride, count, to);
}

void hadron::writeFloats(Type storage, const float *from, int64_t count, char *to) {
  if (storage.isF32())
    std::memcpy(to, from, count * 4);
  else if (storage.isF64())
    for (int64_t i = 0; i < count; ++i) {
      double x = from[i];
      std::memcpy(to + 8 * i, &x, 8);
    }
  else
    (storage.isF16() ? writeF16 : writeBF16)(from, count, to);
}
