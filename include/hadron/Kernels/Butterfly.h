// The network of H_m ⊗ H_{2^k} over vector registers, written once: `tileStages` and `denseStage` are templates over
// the values that flow through them, and give the cost (counting), the f64 evaluation (doubles) and the code
// (mlir::Value).
//
// A row holds blocks of n = m·2^k numbers, back to back. A plan walks over the row in passes. A pass reads a tile of
// registers, applies some stages to it and writes it back:
//   - the first pass takes the stages inside a register (lane i with lane i xor distance) and the first ones across
//   registers;
//   - each further pass takes the next few stages across registers, as many as keep a tile within the register file;
//   - for m > 1 the last pass multiplies m registers by H_m.
// Stages are taken in the order of the distance, whatever the register width, so every instruction set computes the
// same sums.
#ifndef HADRON_KERNELS_BUTTERFLY_H
#define HADRON_KERNELS_BUTTERFLY_H

#include "hadron/Kernels/Pieces.h"
#include "hadron/Support/Hadamard.h"

namespace hadron::kernels {

/// One walk over the row. Registers of a tile are `stride` numbers apart; tiles begin at outer + inner for outer in
/// steps of `outerStep` over the row and inner in steps of `lanes` over [0, innerEnd).
struct ButterflyPass {
  int64_t lanes = 1;     // of one register
  int64_t registers = 1; // of one tile
  int64_t stride = 1, innerEnd = 1, outerStep = 1;
  int laneBits = 0;     // stages inside a register: distances 1, 2, … 2^(laneBits-1)
  int registerBits = 0; // stages across registers, likewise
  bool dense = false;   // H_m across m registers instead
};

struct ButterflyPlan {
  HadamardTransform transform;
  int64_t width = 0; // of the row
  llvm::SmallVector<ButterflyPass, 4> passes;
  std::vector<int8_t> dense; // H_m (transposed if asked for), row-major; empty for m = 1
  /// Additions of one row.
  int64_t additions() const;
};

/// A plan for a row of `width` numbers, a multiple of transform.size(), on registers of `lanes` f32, `registers` of
/// them. The first and the last pass work on full-width registers at multiples of `lanes` (the last one of the row may
/// be partial).
ButterflyPlan planButterfly(const HadamardTransform &transform, int64_t width, int64_t lanes, int64_t registers);
inline ButterflyPlan planButterfly(const HadamardTransform &transform, int64_t width, const cpu::Target &target) {
  return planButterfly(transform, width, target.lanes(), target.vectorRegisters);
}

/// A plan that only moves numbers: one pass, for rows without a transform.
ButterflyPlan planCopy(int64_t width, int64_t lanes, int64_t registers);

/// The plan carried out on f64 numbers, pass after pass; entries ±1.
void evaluateButterfly(const ButterflyPlan &plan, llvm::MutableArrayRef<double> row);

/// How a pass meets memory. Offsets count numbers from the start of the row; `valid` lanes of the register exist.
struct PassAccess {
  llvm::function_ref<mlir::Value(mlir::Value offset, int64_t lanes, int64_t valid)> load;
  /// `state` are values that the row carries from register to register (a running maximum); to be replaced in place.
  llvm::function_ref<void(mlir::Value value, mlir::Value offset, int64_t valid,
                          llvm::MutableArrayRef<mlir::Value> state)>
      store;
};

/// Code for pass `index` of a plan; returns the state after the row.
Pieces::Values emitButterflyPass(Pieces &p, const ButterflyPlan &plan, size_t index, PassAccess access,
                                 mlir::ValueRange state);

/// Stages of one tile. Algebra: Value, add(a, b), sub(a, b), and lanes(v, distance): in every lane i the sum with lane
/// i + distance where bit `distance` of i is 0, else the difference lane i − distance minus lane i.
template <class Algebra>
void tileStages(Algebra &algebra, llvm::MutableArrayRef<typename Algebra::Value> tile, int laneBits, int registerBits) {
  for (int bit = 0; bit < laneBits; ++bit)
    for (auto &value : tile)
      value = algebra.lanes(value, 1 << bit);
  for (int bit = 0; bit < registerBits; ++bit)
    for (size_t i = 0, distance = size_t(1) << bit; i < tile.size(); ++i)
      if (!(i & distance)) {
        auto a = tile[i], b = tile[i + distance];
        tile[i] = algebra.add(a, b);
        tile[i + distance] = algebra.sub(a, b);
      }
}

/// The 8 sums z0 ± z1 ± z2 ± z3. Bit j − 1 of the index: z_j is subtracted. 12 additions.
template <class Algebra>
llvm::SmallVector<typename Algebra::Value, 8> fourSums(Algebra &algebra, llvm::ArrayRef<typename Algebra::Value> z) {
  typename Algebra::Value low[2] = {algebra.add(z[0], z[1]), algebra.sub(z[0], z[1])};
  typename Algebra::Value high[2] = {algebra.add(z[2], z[3]), algebra.sub(z[2], z[3])};
  llvm::SmallVector<typename Algebra::Value, 8> sums;
  for (int index = 0; index < 8; ++index) {
    auto a = low[index & 1], b = high[(index >> 1 ^ index >> 2) & 1];
    sums.push_back(index & 2 ? algebra.sub(a, b) : algebra.add(a, b));
  }
  return sums;
}

/// Which of the sums of group g row i of ±1 matrix h adds, and whether it is subtracted instead.
struct SignedSum {
  int index;
  bool negative;
};
inline SignedSum signedSum(llvm::ArrayRef<int8_t> h, int64_t m, int64_t i, int64_t group) {
  const int8_t *s = &h[i * m + 4 * group];
  return {(s[1] != s[0]) | (s[2] != s[0]) << 1 | (s[3] != s[0]) << 2, s[0] < 0};
}

/// tile ← H tile, four columns at a time: m/4 (12 + m) − m additions instead of m (m − 1). Algebra also has negate(v).
template <class Algebra>
void denseStage(Algebra &algebra, llvm::MutableArrayRef<typename Algebra::Value> tile, llvm::ArrayRef<int8_t> h) {
  int64_t m = tile.size();
  llvm::SmallVector<typename Algebra::Value> result(m);
  for (int64_t group = 0; group < m / 4; ++group) {
    auto sums = fourSums<Algebra>(algebra, tile.slice(4 * group, 4));
    for (int64_t i = 0; i < m; ++i) {
      auto [index, negative] = signedSum(h, m, i, group);
      if (group == 0)
        result[i] = negative ? algebra.negate(sums[index]) : sums[index];
      else
        result[i] = negative ? algebra.sub(result[i], sums[index]) : algebra.add(result[i], sums[index]);
    }
  }
  llvm::copy(result, tile.begin());
}

} // namespace hadron::kernels

#endif // HADRON_KERNELS_BUTTERFLY_H
