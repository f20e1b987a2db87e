// Compiles one kernel for every instruction set that this machine has, loads it, and runs a body as the runtime would.
#ifndef HADRON_TEST_KERNELHARNESS_H
#define HADRON_TEST_KERNELHARNESS_H

#include "hadron/Kernels/Body.h"
#include <cstdint>
#include <string>
#include <vector>

namespace hadron::test {

/// One compiled kernel. Bodies of all targets that this machine runs; `names[i]` is the instruction set of body i.
class CompiledKernel {
public:
  explicit CompiledKernel(const kernels::Kernel &kernel);
  ~CompiledKernel();
  CompiledKernel(const CompiledKernel &) = delete;
  CompiledKernel &operator=(const CompiledKernel &) = delete;

  /// Number of work items for these slots.
  int64_t work(const std::vector<int64_t> &slots) const;
  /// Runs body `index` over all work items, cut into `pieces` ranges (in reverse order, to show that the order is
  /// free).
  void run(size_t index, const std::vector<int64_t> &slots, int64_t pieces = 1) const;

  std::vector<std::string> names;

private:
  void *handle = nullptr;
  std::string folder;
};

/// A slot that holds an address.
inline int64_t address(const void *pointer) { return reinterpret_cast<int64_t>(pointer); }

} // namespace hadron::test

#endif // HADRON_TEST_KERNELHARNESS_H
