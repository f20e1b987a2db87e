// Reads every byte of an area once, as fast as one core can: vectors, several sums, prefetch some lines ahead.
#include <cstddef>
#include <cstdint>

typedef uint64_t Vector __attribute__((vector_size(64)));

extern "C" uint64_t readArea(const char *data, size_t size) {
  constexpr size_t step = 512, ahead = 4096;
  Vector sums[8] = {};
  for (size_t at = 0; at + step <= size; at += step)
    for (size_t i = 0; i < 8; ++i) {
      __builtin_prefetch(data + at + ahead + 64 * i);
      sums[i] += *reinterpret_cast<const Vector *>(data + at + 64 * i);
    }
  uint64_t sum = 0;
  for (const Vector &s : sums)
    for (size_t lane = 0; lane < 8; ++lane)
      sum += s[lane];
  return sum;
}
