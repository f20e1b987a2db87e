// Kernels that take one row at a time: what stands before a matmul (residual, norm, gain, signs, transform, int8),
// rotations alone, and softmax. The width D of a row is known here; the number of rows is a slot. Work items are rows.
//
//   s = act(x) + r                       act: none, or silu(x) ∘ u
//   v = norm(s) ∘ gain + bias            norm: none, s / sqrt(mean(s²) + ε), (s − mean(s)) / sqrt(var(s) + ε)
//   v = round_k(… round_1(v))            round: v ← D' (T (D v)), D and D' optional signs, T blockwise
//   y = scale · v                        stored, or quantized to int8, or both
//
// Arithmetic is f32, y is rounded once to its type. Exact rules (order of sums, int8, NaN): docs/numerics.md.
#ifndef HADRON_KERNELS_ROWKERNEL_H
#define HADRON_KERNELS_ROWKERNEL_H

#include "hadron/Kernels/Butterfly.h"

namespace hadron::kernels {

struct RowSpec {
  enum class Act { None, SiLUMul };
  enum class Norm { None, RMS, Layer };

  /// One factor of a rotation. Signs are bit-packed, D bits per row (Signs.h).
  struct Round {
    HadamardTransform transform;
    bool signs = false;      // before the transform
    bool signsAfter = false; // behind it: the inverse of a rotation
  };

  /// Symmetric int8: q i8[rows][int8RowBytes(D)] with zeros beyond D, scales f32, sums of q i32, per row and group.
  struct Quantize {
    int64_t group = 0;        // numbers per group, a multiple of 16; 0: the whole row
    bool groupScales = false; // one scale per group, else one per row
  };

  int64_t width = 0; // D
  FloatKind input = FloatKind::F32;
  Act act = Act::None; // SiLUMul: another input u like x
  bool residual = false;
  std::optional<FloatKind> storeSum; // s is an output
  Norm norm = Norm::None;
  double epsilon = 1e-5;
  std::optional<FloatKind> gain, bias; // [D]
  llvm::SmallVector<Round, 1> rounds;
  std::optional<double> scale; // not given: 1 / sqrt(n) for every transform
  std::optional<FloatKind> output = FloatKind::F32;
  std::optional<Quantize> quantize;

  int64_t groups() const;
  double finalScale() const;
};

/// Slots: rows; x, u, r, gain, bias, per round signs and signs behind; s, y, q, scales, sums. Those the spec has.
llvm::SmallVector<bool> rowSlots(const RowSpec &spec);
mlir::LogicalResult emitRow(Body &body, const RowSpec &spec);
mlir::Value rowWork(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots);

/// y = softmax(scale · x + mask) or its logarithm over the last axis. A row of which every number is −inf gives NaN.
struct SoftmaxSpec {
  int64_t width = 0;
  FloatKind input = FloatKind::F32, output = FloatKind::F32;
  double scale = 1;
  std::optional<FloatKind> mask; // [rows, D]
  bool log = false;
};

/// Slots: rows; x, mask; y.
llvm::SmallVector<bool> softmaxSlots(const SoftmaxSpec &spec);
mlir::LogicalResult emitSoftmax(Body &body, const SoftmaxSpec &spec);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_ROWKERNEL_H
