// Rotary position embedding: pairs of numbers of each head, turned by an angle that depends on the token's position.
//
//   (a, b) ← (a cos − b sin, b cos + a sin)     pairs (i, i + r/2), or (2i, 2i + 1) when interleaved, i in [0, r/2)
//
// Numbers beyond the first r of a head are copied. Work items are tokens.
#ifndef HADRON_KERNELS_ROTARY_H
#define HADRON_KERNELS_ROTARY_H

#include "hadron/Kernels/Pieces.h"
#include <optional>

namespace hadron::kernels {

struct RotarySpec {
  /// Axes in memory: batch, sequence, heads, head size; or batch, heads, sequence, head size.
  enum class Layout { BSHD, BHSD };

  int64_t heads = 1, headSize = 0;
  int64_t rotaryDim = 0; // r, even; 0: headSize
  bool interleaved = false;
  Layout input = Layout::BSHD, output = Layout::BSHD;
  FloatKind type = FloatKind::F32;      // x and y
  FloatKind tableType = FloatKind::F32; // cos and sin
  /// true: cos and sin are [P, r/2], and positions i64 [B, S] say which row; false: they are [B, S, r/2].
  bool positions = true;
  /// P, where it is known: positions beyond the table then take its last row, never memory behind it.
  std::optional<int64_t> tableRows;

  int64_t dim() const { return rotaryDim ? rotaryDim : headSize; }
};

/// Slots: B, S; x, cos, sin, positions if any; y.
llvm::SmallVector<bool> rotarySlots(const RotarySpec &spec);
mlir::LogicalResult emitRotary(Body &body, const RotarySpec &spec);
mlir::Value rotaryWork(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_ROTARY_H
