// Weight matrices in tiles of 16 outputs: read from a view, rotated along their inputs, encoded.
#ifndef HADRON_LIB_QUANTIZATION_TILES_H
#define HADRON_LIB_QUANTIZATION_TILES_H

#include "View.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Kernels/WeightLayout.h"
#include "llvm/Support/Error.h"

namespace hadron {

constexpr int64_t kTile = kernels::WeightLayout::kTile;

/// Reads outputs [first, first + 16 tiles) of a matrix [K, N] as f32 [tiles][K][16]; outputs past N are zero.
void readTiles(const View &matrix, int64_t first, int64_t tiles, float *to);

/// x ← scale R x, or scale R^T x, along the inputs of tiles [K][16]; prepared once for a matrix.
class TileRotation {
public:
  TileRotation(RotationAttr rotation, bool inverse, double scale = 1);
  /// In f64; the result is rounded to f32. `scratch` has room for K * 16.
  void apply(float *tile, int64_t K, double *scratch) const;

private:
  struct Factor {
    std::vector<double> signs;    // ±1, repeated
    std::vector<int64_t> indices; // a permutation, repeated
    int64_t order = 1, inner = 1; // else a transform (H_order ⊗ H_inner) / sqrt(order inner) …
    std::vector<int8_t> matrix;   // … with H_order, of ±1
    mlir::Attribute other;        // or whatever else acts on a block
  };
  std::vector<Factor> factors;
  double scale;
};

/// Encodes tiles in one format. The scratch memory is that of one thread.
class TileEncoder {
public:
  explicit TileEncoder(const kernels::WeightLayout &layout);
  /// One tile [K][16] of `outputs` outputs into tileBytes() bytes.
  llvm::Error encode(const float *tile, int64_t firstOutput, int64_t outputs, char *to);
  /// Codes [K][16], scales and zero points [groups][16], as they are, into tileBytes() bytes.
  void pack(char *to);

  std::vector<uint8_t> codes, zeros;
  std::vector<float> scales, floatZeros;

private:
  void putFloats(char *to, const float *from, int64_t count) const;
  kernels::WeightLayout layout;
};

} // namespace hadron

#endif // HADRON_LIB_QUANTIZATION_TILES_H
