// Scaled dot-product attention over a key-value cache, and the kernel that appends to the cache.
//
// Keys and values lie in the cache as [B][Hkv][capacity][d]; positions [0, T) are valid. Query i of batch b is at
// position past + i, or, with lengths, at max(lengths[b] - S, 0) + i: the queries are the last S of the lengths[b]
// keys, or, where a prompt is padded on the right, begin with the first. It sees key j if
//     j < T, with lengths j < lengths[b]; causal: j <= position; window >= 0: position - j < window (the query itself
//     counts); boolean mask: mask[…, j] != 0.
// Scores are scale q·k, then cap tanh(score / cap) if there is a cap, then + the additive mask; softmax and sums are in
// f32. A query that sees no key gives zeros. Memory behind keys that no query of its block sees is not read.
#ifndef HADRON_KERNELS_ATTENTION_H
#define HADRON_KERNELS_ATTENTION_H

#include "hadron/Kernels/Pieces.h"

namespace hadron::kernels {

enum class HeadLayout { BSHD, BHSD };
enum class AttentionMask { None, F32, F16, Bool }; // additive, additive, i8: 0 masks

struct AttentionSpec {
  int64_t queryHeads = 1, kvHeads = 1; // the first a multiple of the second
  int64_t headDim = 64, valueDim = 64; // 1 … 256
  FloatKind query = FloatKind::F32, cache = FloatKind::F32, output = FloatKind::F32;
  HeadLayout queryLayout = HeadLayout::BSHD, outputLayout = HeadLayout::BSHD;
  float scale = 1, softcap = 0; // softcap 0: none
  bool causal = false;
  int64_t window = -1; // -1: none
  AttentionMask mask = AttentionMask::None;
  bool maskBatch = true, maskHead = true, maskQuery = true; // the mask is [B|1][Hq|1][S|1][T]
  bool lengths = false;                                     // i32 [B]
};

/// Slots of attention: B, S, T, capacity, past; q, k, v, then the mask and the lengths if the spec has them; out.
llvm::SmallVector<bool> attentionSlots(const AttentionSpec &spec);
mlir::LogicalResult emitAttention(const AttentionSpec &spec, Body &body);
mlir::Value emitAttentionWork(const AttentionSpec &spec, mlir::OpBuilder &builder, mlir::Location loc,
                              llvm::ArrayRef<mlir::Value> slots);

/// Copies S new keys (or values), in `layout`, to the cache at position past, with lengths at max(lengths[b] - S, 0).
struct AppendSpec {
  int64_t kvHeads = 1, headDim = 64;
  FloatKind source = FloatKind::F32, cache = FloatKind::F32;
  HeadLayout layout = HeadLayout::BSHD;
  bool lengths = false;
};

/// Slots of append: B, S, capacity, past; the new rows, the lengths if the spec has them; the cache.
llvm::SmallVector<bool> appendSlots(const AppendSpec &spec);
mlir::LogicalResult emitAppend(const AppendSpec &spec, Body &body);
mlir::Value emitAppendWork(const AppendSpec &spec, mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::ArrayRef<mlir::Value> slots);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_ATTENTION_H
