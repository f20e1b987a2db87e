// Tensors of any float kind in tests: bits ↔ f64, rounded once.
#ifndef HADRON_TEST_FLOATBITS_H
#define HADRON_TEST_FLOATBITS_H

#include "hadron/Kernels/Pieces.h"
#include "llvm/ADT/APFloat.h"
#include <cstring>
#include <vector>

namespace hadron::test {

inline const llvm::fltSemantics &semantics(kernels::FloatKind kind) {
  return kind == kernels::FloatKind::F32   ? llvm::APFloat::IEEEsingle()
         : kind == kernels::FloatKind::F16 ? llvm::APFloat::IEEEhalf()
                                           : llvm::APFloat::BFloat();
}

/// A tensor in memory with room before and behind that must not be written.
class Tensor {
public:
  static constexpr size_t kMargin = 64;
  Tensor(kernels::FloatKind kind, size_t count)
      : kind(kind), count(count), bytes(count * kernels::byteSize(kind) + 2 * kMargin, 0xA5) {}
  Tensor(kernels::FloatKind kind, const std::vector<double> &values) : Tensor(kind, values.size()) {
    for (size_t i = 0; i < count; ++i)
      set(i, values[i]);
  }

  size_t size() const { return count; }
  void *data() { return bytes.data() + kMargin; }
  int64_t slot() { return reinterpret_cast<int64_t>(data()); }

  void set(size_t i, double value) {
    llvm::APFloat number(value);
    bool lost;
    number.convert(semantics(kind), llvm::APFloat::rmNearestTiesToEven, &lost);
    uint64_t bits = number.bitcastToAPInt().getZExtValue();
    std::memcpy(&bytes[kMargin + i * kernels::byteSize(kind)], &bits, kernels::byteSize(kind));
  }
  double operator[](size_t i) const {
    uint64_t bits = 0;
    std::memcpy(&bits, &bytes[kMargin + i * kernels::byteSize(kind)], kernels::byteSize(kind));
    llvm::APFloat number(semantics(kind), llvm::APInt(8 * kernels::byteSize(kind), bits));
    bool lost;
    number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
    return number.convertToDouble();
  }

  bool marginsIntact() const {
    for (size_t i = 0; i < kMargin; ++i)
      if (bytes[i] != 0xA5 || bytes[bytes.size() - 1 - i] != 0xA5)
        return false;
    return true;
  }
  bool operator==(const Tensor &other) const { return bytes == other.bytes; }

private:
  kernels::FloatKind kind;
  size_t count;
  std::vector<uint8_t> bytes;
};

} // namespace hadron::test

#endif // HADRON_TEST_FLOATBITS_H
