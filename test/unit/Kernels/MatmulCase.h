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
/// Saturated: codes at their maximum, zero points 0, q = ±127, scales 1. Ones: scales 1.
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
  std::vector<double> exact;      // [N][K]
  std::vector<double> magnitudes; // [N][K] what kernels may add and subtract instead: (code + |zero|) |scale|
  double at(int64_t n, int64_t k) const { return exact[n * layout.K() + k]; }
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

  /// y[m][n], m < maxM, and how far from it a result may be.
  std::vector<double> expected, tolerances;

private:
  /// A value and the error that the kernel's may have.
  struct Bounded {
    double value, error;
  };
  std::vector<double> row(int64_t m) const;
  Bounded product(int w, const std::vector<double> &row, int64_t n) const;
  Bounded finish(Bounded gate, Bounded up) const;
  void computeExpected(int64_t maxM);
  std::unique_ptr<CompiledKernel> compiled;
};

/// Reads and writes numbers of any float kind.
double readFloat(kernels::FloatKind kind, const uint8_t *data, int64_t index);
void writeFloat(kernels::FloatKind kind, float value, uint8_t *data, int64_t index);
/// Half a unit in the last place of `value` as this kind.
double halfUlp(kernels::FloatKind kind, double value);

} // namespace hadron::test

#endif // HADRON_TEST_MATMULCASE_H
