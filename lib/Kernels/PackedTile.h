// Addresses in one tile of packed integer weights, for groups that are known at run time.
#ifndef HADRON_LIB_KERNELS_PACKEDTILE_H
#define HADRON_LIB_KERNELS_PACKEDTILE_H

#include "hadron/Kernels/Pieces.h"
#include "hadron/Kernels/WeightLayout.h"

namespace hadron::kernels {

struct PackedTile {
  Pieces &p;
  const WeightLayout &layout;
  mlir::Value address;

  mlir::Value scales(mlir::Value group) const { return row(group, 0, layout.scaleRowBytes()); }
  mlir::Value zeros(mlir::Value group) const { return row(group, layout.zerosInBlock(), layout.zeroRowBytes()); }
  mlir::Value codes(mlir::Value group) const {
    return row(group, layout.codesInBlock(), layout.wordsOfGroup() * WeightLayout::kWordBytes);
  }

private:
  mlir::Value row(mlir::Value group, int64_t part, int64_t rowBytes) const {
    int64_t n = layout.blockGroups();
    mlir::Value block = p.at(address, p.mul(p.div(group, n), layout.blockBytes()));
    return p.at(p.at(block, part), p.mul(p.rem(group, n), rowBytes));
  }
};

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_PACKEDTILE_H
