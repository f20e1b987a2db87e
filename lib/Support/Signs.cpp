// SplitMix64 sign vectors: docs/numerics.md, "Signs".
#include "hadron/Support/Signs.h"

namespace hadron {
namespace {

constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;

/// The output of SplitMix64 whose state before the step is `state`.
uint64_t splitMix64(uint64_t state) {
  uint64_t z = state + kGamma;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

} // namespace

std::vector<uint8_t> deriveSigns(uint64_t seed, SignRole role, int64_t width, uint64_t round) {
  uint64_t key = splitMix64(seed);
  for (uint64_t part : {static_cast<uint64_t>(role), static_cast<uint64_t>(width), round})
    key = splitMix64(key ^ part);
  std::vector<uint8_t> signs((width + 7) / 8);
  for (int64_t byte = 0; byte < static_cast<int64_t>(signs.size()); ++byte)
    signs[byte] = static_cast<uint8_t>(splitMix64(key + kGamma * (byte / 8)) >> (8 * (byte % 8)));
  if (width % 8)
    signs.back() &= (1u << (width % 8)) - 1;
  return signs;
}

} // namespace hadron
