// Many rows: blocks of rows and of weights are brought into a form that a small register-blocked product runs over.
#ifndef HADRON_LIB_KERNELS_MATMULPANEL_H
#define HADRON_LIB_KERNELS_MATMULPANEL_H

#include "MatmulBody.h"

namespace hadron::kernels {

/// What the inner product multiplies. F32: f32 by f32. U8S8: rows as q + 128, weights as code - zero in a byte,
/// vpdpbusd. S16: rows and weights as words, pairs of products by vpmaddwd or vpdpwssd.
enum class PanelMode { F32, U8S8, S16 };

/// Scratch of one work item, on the stack:
///   rows     A block of KC inputs of all rows, each row at a stride that spreads over the cache's sets.
///   panels   NR tiles of the same KC inputs: F32 [k][16]; U8S8 [k/4][16][4]; S16 [k/4][even, odd][16][2], where even
///   are the
///            inputs 0 and 2 of four, odd 1 and 3 (rows alike: all even pairs, then all odd pairs).
///   tables   per panel and segment: U8S8 -128 Σ weights (i32), scales (f32), float zero points times scales (f32).
///   products [weight][tile][row][16] f32.
/// A segment is the part of one group of weights that lies in a block of KC inputs: as long as integer sums may get.
class MatmulPanel {
public:
  explicit MatmulPanel(MatmulBody &body);
  void emit();

private:
  using Value = mlir::Value;
  using Values = Pieces::Values;
  static constexpr int64_t kTile = WeightLayout::kTile;

  MatmulBody &mb;
  Pieces &p;
  const WeightLayout &layout;
  PanelMode mode;
  int64_t MR, NR, KC, segment;
  int64_t rowsPadded, rowStride, panelBytes;
  bool direct; // dense f32 weights are a panel as they are
  Value rows, panels, corrections, scaleTable, zeroTable, products;

  // Of the item that is being emitted.
  Value row0, rowCount;

  int64_t segments() const { return KC / segment; }
  Value tableAt(Value table, int64_t panel, Value segment) {
    return p.at(p.at(table, panel * segments() * 64), p.mul(segment, 64));
  }
  Value sourceRow(Value r) { return p.add(row0, p.min(r, p.sub(rowCount, p.i64(1)))); }
  Value productAt(Value weight, Value tile, Value row) {
    return p.at(products, p.mul(p.add(p.mul(p.add(p.mul(weight, mb.blocks.panelTiles), tile), rowsPadded), row), 64));
  }

  void item(Value item);
  void clearProducts();
  void copyRows(Value k0, Value count);
  void copyRow(Value from, Value to, Value count);
  void unpack(int64_t panel, Value tileAddress, Value k0, Value count);
  void unpackDense(Value panel, Value tileAddress, Value k0, Value count);
  void unpackSegment(int64_t panel, Value tileAddress, Value k0, Value segment, Value words);
  void unpackWord(Value word, Value to, Value zero, Value scale, Value &correction);
  Value zeroLanes(Value tileAddress, Value group);
  void multiplyFloat(Value a, llvm::ArrayRef<Value> panels, Value c, Value count);
  void multiplyInteger(Value rowTile, Value a, Value c, Value k0, Value count);
};

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_MATMULPANEL_H
