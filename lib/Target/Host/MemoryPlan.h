// Where every tensor of an entry point lives.
#ifndef HADRON_LIB_TARGET_HOST_MEMORYPLAN_H
#define HADRON_LIB_TARGET_HOST_MEMORYPLAN_H

#include "hadron/Target/Host.h"
#include "hadron/Transforms/SizeAnalysis.h"
#include "llvm/ADT/DenseMap.h"

namespace hadron::host {

struct Place {
  enum Kind { Input, Output, State, Parameter, Workspace } kind;
  unsigned index; // of the entry's inputs, outputs or states, of the weights' parameters, or of a slot
};

/// A result that is not written where it belongs by the kernel that makes it.
struct Copy {
  mlir::Value from;
  unsigned output;
  SymbolicSize bytes;
};

/// Places of all tensors. Intermediate ones share slots of the workspace when their lifetimes do not meet: a slot is as
/// large as the largest tensor that it holds, by the coefficients of the symbols.
struct MemoryPlan {
  llvm::DenseMap<mlir::Value, Place> places; // of roots: what root() gives
  std::vector<SymbolicSize> slots;           // bytes
  std::vector<Copy> copies;

  /// The value whose memory `value` is a view of.
  static mlir::Value root(mlir::Value value);
};

mlir::FailureOr<MemoryPlan> planMemory(const Entry &entry, const Weights &weights, SizeAnalysis &sizes);

} // namespace hadron::host

#endif // HADRON_LIB_TARGET_HOST_MEMORYPLAN_H
