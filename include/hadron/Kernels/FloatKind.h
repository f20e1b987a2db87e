// Floating-point types of tensors and weights in memory.
#ifndef HADRON_KERNELS_FLOATKIND_H
#define HADRON_KERNELS_FLOATKIND_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace hadron::kernels {

/// Floating-point types of tensors in memory; arithmetic is f32.
enum class FloatKind { F32, F16, BF16 };
inline int64_t byteSize(FloatKind kind) { return kind == FloatKind::F32 ? 4 : 2; }
inline llvm::StringRef name(FloatKind kind) {
  return kind == FloatKind::F32 ? "f32" : kind == FloatKind::F16 ? "f16" : "bf16";
}

} // namespace hadron::kernels

#endif // HADRON_KERNELS_FLOATKIND_H
