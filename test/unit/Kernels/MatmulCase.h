// One random product: parameters, activations, and the result in f64 with a bound on the error of the kernel.
#ifndef HADRON_TEST_MATMULCASE_H
#define HADRON_TEST_MATMULCASE_H

#include "KernelHarness.h"
#include "hadron/Kernels/Matmul.h"
#include <random>

namespace hadron::test {

/// A vector whose data starts on a 64-byte boundary, as the runtime's buffers do.
struct Bytes {
  std::vector<uint8_t> storage;
  uint8_t *data = nullptr;
  size_t size = 0;
  Bytes() = default;
  explicit Bytes(size_t size, uint8_t fill = 0) : storage(size + 64, fill), size(size) {
    data = storage.data() + (64 - reinterpret_cast<uintptr_t>(storage.data()) % 64) % 64;
  }
  Bytes(Bytes &&) = default;
  Bytes &operator=(Bytes &&) = default;
  template <typename T>
  T *as() const {
    return reinterpret_cast<T *>(data);
  }
};

/// What the random numbers look like.
enum class Style { Plain, Zeros, HugeScales, NegativeScales, Saturated, Ones };

/// A packed random matrix with its parameters: w = (code - zero) scale, in f64.
struct Weights {
  Weights(const kernels::WeightFormat &format, int64_t K, int64_t N, std::mt19937 &random, Style style);
  kernels::WeightLayout layout;
  Bytes packed;
  std::vector<float> values, scales, zeros;
  std::vector<uint8_t> codes;
  double code(int64_t n, int64_t k) const { return codes[n * layout.K() + k]; }
  double scale(int64_t n, int64_t g) const { return scales[n * layout.groups() + g]; }
  double zero(int64_t n, int64_t g) const { return zeros[n * layout.groups() + g]; }
  double at(int64_t n, int64_t k) const;
  /// What the kernel may add and subtract instead of the weight: (code + zero) |scale|.
  double magnitude(int64_t n, int64_t k) const;
};

class MatmulCase {
public:
  MatmulCase(const kernels::MatmulSpec &spec, int64_t maxM, unsigned seed, Style style = Style::Plain);
  /// Compares every body for these M, in one piece and in several; reports the first wrong element of each.
  void check(const std::vector<int64_t> &sizes);

  kernels::MatmulSpec spec;
  Style style;
  std::vector<Weights> weights;
  Bytes x, q, scales, sums, residual, y;
  std::vector<Bytes> biases;
  std::vector<int64_t> slots(int64_t m) const;
  const CompiledKernel &kernel() const { return *compiled; }

private:
  double activation(int64_t m, int64_t k) const;
  void reference(int64_t m, int64_t n, double &value, double &tolerance) const;
  void product(int w, int64_t m, int64_t n, double &value, double &tolerance) const;
  std::unique_ptr<CompiledKernel> compiled;
};

/// Reads and writes numbers of any float kind.
double readFloat(kernels::FloatKind kind, const uint8_t *data, int64_t index);
void writeFloat(kernels::FloatKind kind, float value, uint8_t *data, int64_t index);
/// Half a unit in the last place of `value` as this kind.
double halfUlp(kernels::FloatKind kind, double value);

} // namespace hadron::test

#endif // HADRON_TEST_MATMULCASE_H
