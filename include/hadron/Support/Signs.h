// Sign vectors derived from a seed. The algorithm is normative: docs/numerics.md, "Signs".
#ifndef HADRON_SUPPORT_SIGNS_H
#define HADRON_SUPPORT_SIGNS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace hadron {

/// What a sign vector is for. Layers are not told apart: equal layers must stay equal.
enum class SignRole : uint64_t { Residual = 1, ValueHead = 2, Input = 3 };

/// `width` signs, bit-packed: bit i mod 8 of byte i / 8 is set where sign i is −1; unused bits of the last byte are 0.
/// `round` counts the factors H·D of one rotation, first applied first.
std::vector<uint8_t> deriveSigns(uint64_t seed, SignRole role, int64_t width, uint64_t round = 0);

/// Sign i of a bit-packed vector: +1 or −1.
inline int signAt(llvm::ArrayRef<uint8_t> signs, int64_t i) { return (signs[i / 8] >> (i % 8)) & 1 ? -1 : 1; }

} // namespace hadron

#endif // HADRON_SUPPORT_SIGNS_H
