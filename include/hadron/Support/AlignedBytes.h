// Bytes of tensors: on a cache line, large ones on huge pages where the system has them. A vector register that
// straddles two lines costs twice; 256 MiB on 4 KiB pages cost a page walk for each.
#ifndef HADRON_SUPPORT_ALIGNEDBYTES_H
#define HADRON_SUPPORT_ALIGNEDBYTES_H

#include <cstddef>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

namespace hadron {

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U> &) {}

  T *allocate(size_t count) {
    constexpr size_t line = 64, page = size_t(2) << 20;
    size_t bytes = count * sizeof(T), unit = bytes >= 2 * page ? page : line;
    void *memory = bytes <= ~size_t(0) - unit ? std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit) : nullptr;
    if (!memory)
      std::abort(); // without exceptions, as operator new does
    if (unit == page)
      madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T *>(memory);
  }
  void deallocate(T *memory, size_t) { std::free(memory); }

  friend bool operator==(const AlignedAllocator &, const AlignedAllocator &) { return true; }
  friend bool operator!=(const AlignedAllocator &, const AlignedAllocator &) { return false; }
};

using AlignedBytes = std::vector<char, AlignedAllocator<char>>;

} // namespace hadron

#endif // HADRON_SUPPORT_ALIGNEDBYTES_H
