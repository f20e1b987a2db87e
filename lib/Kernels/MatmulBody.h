// What the two ways to multiply, for few and for many rows, have in common.
#ifndef HADRON_LIB_KERNELS_MATMULBODY_H
#define HADRON_LIB_KERNELS_MATMULBODY_H

#include "PackedTile.h"
#include "hadron/Kernels/Matmul.h"

namespace hadron::kernels {

/// Sizes of work items, the same where work is counted and where it is done.
struct MatmulBlocks {
  static constexpr int64_t kTile = WeightLayout::kTile;
  static constexpr int64_t kDirectRows = 8; // the most rows that multiply weights straight from their codes
  static constexpr int64_t kPanelRows = 64; // rows of a work item beyond that

  explicit MatmulBlocks(const MatmulSpec &spec);
  int64_t tiles;
  int64_t directTiles, panelTiles; // tiles of a work item
  int64_t directItems() const { return (tiles + directTiles - 1) / directTiles; }
  int64_t panelItems() const { return (tiles + panelTiles - 1) / panelTiles; } // times blocks of rows
};

/// One body being filled. Vectors of 16 lanes are the 16 outputs of a tile, in as many registers as that takes.
struct MatmulBody {
  static constexpr int64_t kTile = WeightLayout::kTile;

  MatmulBody(Body &body, const MatmulSpec &spec);

  Pieces p;
  const MatmulSpec &spec;
  WeightLayout layout;
  MatmulBlocks blocks;
  mlir::Value begin, end;
  mlir::Value m, x, scales, sums, residual, y; // x: also the int8 rows
  llvm::SmallVector<mlir::Value, 2> weights, biases;

  bool int8() const { return spec.activation != Activation::Float; }
  /// Registers that hold one tile's 16 f32 or i32.
  int64_t tileRegisters() const { return 64 / p.target.vectorBytes; }
  mlir::Value tileAddress(mlir::Value weight, mlir::Value tile) {
    return p.at(weight, p.mul(tile, layout.tileBytes()));
  }
  PackedTile packed(mlir::Value tileAddress) { return {p, layout, tileAddress}; }
  mlir::Value scaleVector(mlir::Value tileAddress, mlir::Value group);
  /// Zero points of a group as i32 lanes (u8) or f32 lanes (float).
  mlir::Value zeroVector(mlir::Value tileAddress, mlir::Value group);
  /// The bits of `mask` in every byte.
  static int32_t everyByte(uint32_t mask) { return static_cast<int32_t>(mask * 0x01010101u); }

  /// Bias, epilogue, residual, and the store of y[row][16 tile …]; one f32 vector per weight.
  void finish(mlir::Value row, mlir::Value tile, llvm::ArrayRef<mlir::Value> products);
};

/// Rows [0, M), M ≤ kDirectRows: weights go from memory to registers to products.
void emitMatmulDirect(MatmulBody &body);
/// Any M: weights go through a panel of f32 or of signed integers, which many rows share.
void emitMatmulPanel(MatmulBody &body);

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_MATMULBODY_H
