// Hadamard matrices of order m by construction, the transforms H_m ⊗ H_{2^k}, and their recognition in a constant
// matrix. Conventions: docs/numerics.md, "Transforms".
#ifndef HADRON_SUPPORT_HADAMARD_H
#define HADRON_SUPPORT_HADAMARD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hadron {

/// The ±1 matrix of `order` that `table` names, row-major; none when the construction does not give that order.
///   table  := factor ('*' factor)*     Kronecker product, first factor outermost; then every factor names its order
///   factor := name [':' order]         sylvester, paley1, paley2, paley2i, williamson
std::optional<std::vector<int8_t>> hadamardMatrix(int64_t order, llvm::StringRef table);

/// The table that Hadron uses where nobody names one; none when no construction here gives `order`.
std::optional<std::string> defaultTable(int64_t order);

/// All tables of `order`, the default first; products only where they are the default.
std::vector<std::string> knownTables(int64_t order);

/// An order n as m·2^k for `HadamardTransform`: the smallest m (1, or a multiple of 4) that has a table; none without
/// one.
std::optional<std::pair<int64_t, int>> splitOrder(int64_t n);

/// The matrix H_m ⊗ H_{2^log2} with entries ±1, or its transpose. m = 1 needs no table.
struct HadamardTransform {
  int64_t m = 1;
  std::string table;
  int log2 = 0;
  bool transposed = false;

  int64_t size() const { return m << log2; }
};

/// x ← T x in f64, entries ±1: divide by sqrt(size) for the orthonormal transform. m² 2^k + k n additions.
void applyTransform(llvm::MutableArrayRef<double> x, const HadamardTransform &transform);

/// C = scale · diag(post) · T · diag(pre), where C acts on columns.
struct RecognizedTransform {
  HadamardTransform transform;
  double scale;
  std::vector<int8_t> pre, post; // ±1
};

/// Recognises a square matrix (row-major, `n` × `n`) whose entries have one magnitude (up to `tolerance`, relative) and
/// whose signs are those of a transform above up to signs of rows and columns.
std::optional<RecognizedTransform> recognizeTransform(llvm::ArrayRef<double> matrix, int64_t n,
                                                      double tolerance = 1e-3);

} // namespace hadron

#endif // HADRON_SUPPORT_HADAMARD_H
