// Rows of a packed table by number: y[m] = table[ids[m]].
#ifndef HADRON_KERNELS_EMBEDDING_H
#define HADRON_KERNELS_EMBEDDING_H

#include "hadron/Kernels/Pieces.h"
#include "hadron/Kernels/WeightLayout.h"

namespace hadron::kernels {

/// A table of N rows of K numbers, packed as a weight with N outputs. A negative id counts from the end; an id outside
/// [-N, N) gives a row of zeros.
struct EmbeddingSpec {
  int64_t K = 0, N = 0;
  WeightFormat format;
  FloatKind outputType = FloatKind::F32;
  int idBits = 64; // or 32
};

/// Slots: M; ids [M]; table; y [M, K].
llvm::SmallVector<bool> embeddingSlots(const EmbeddingSpec &spec);
mlir::LogicalResult emitEmbedding(Body &body, const EmbeddingSpec &spec);
mlir::Value embeddingWork(mlir::OpBuilder &builder, mlir::Location loc, const EmbeddingSpec &spec,
                          llvm::ArrayRef<mlir::Value> slots);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_EMBEDDING_H
