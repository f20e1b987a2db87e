// Products of activations [M, K] with packed weights (WeightLayout.h), with what follows them in the same kernel.
//
//   y = epilogue(x · W + bias) + residual          one weight
//   y = silu(x · W + bias) ∘ (x · V + bias') + residual   Epilogue::SiLUMul, two weights with the same K, N and format
//
// M is known at run time only. Sums are f32 (int8 activations: exact i32 within a group), with one rounding to the type
// of y.
#ifndef HADRON_KERNELS_MATMUL_H
#define HADRON_KERNELS_MATMUL_H

#include "hadron/Kernels/Pieces.h"
#include "hadron/Kernels/WeightLayout.h"

namespace hadron::kernels {

/// What a row of activations is. Float: K numbers of type `activationType`, rows dense. Int8Row, Int8Group: three
/// tensors, q i8[M][int8RowBytes(K)], zero beyond K; the scale f32[M], or per weight group f32[M][groups]; and the sum
/// of q over each weight group, i32[M][groups]. Integer formats only.
enum class Activation { Float, Int8Row, Int8Group };

/// Bytes of one row of q: K rounded up to 64.
inline int64_t int8RowBytes(int64_t K) { return (K + 63) / 64 * 64; }

enum class Epilogue { None, ReLU, SiLU, GELU, GELUTanh, SiLUMul };

struct MatmulSpec {
  int64_t K = 0, N = 0;
  WeightFormat format;
  Activation activation = Activation::Float;
  FloatKind activationType = FloatKind::F32;
  FloatKind outputType = FloatKind::F32;
  bool bias = false;     // f32[N], one per weight
  bool residual = false; // [M, N] of the output's type
  Epilogue epilogue = Epilogue::None;

  int weights() const { return epilogue == Epilogue::SiLUMul ? 2 : 1; }
};

/// Slots: M; x, or q, scales, sums; the weights; the biases; the residual; y.
llvm::SmallVector<bool> matmulSlots(const MatmulSpec &spec);
mlir::LogicalResult emitMatmul(Body &body, const MatmulSpec &spec);
mlir::Value matmulWork(mlir::OpBuilder &builder, mlir::Location loc, const MatmulSpec &spec,
                       llvm::ArrayRef<mlir::Value> slots);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_MATMUL_H
