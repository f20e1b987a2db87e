// Past inputs that come back as present outputs.
#ifndef HADRON_LIB_RAISE_STATES_H
#define HADRON_LIB_RAISE_STATES_H

#include "ONNX/IR/ONNX.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

namespace hadron::raising {

/// One cache: input `past` [batch, heads, past, dim] of the graph, and the output that is the past with the new tokens
/// behind it.
struct PastPresent {
  mlir::BlockArgument past;
  mlir::Value present;
  unsigned output;
};

/// Which operands and results of an attention node are past and present, as pairs of key and value.
struct CacheOperands {
  unsigned pastKey, pastValue, presentKey, presentValue;
};
std::optional<CacheOperands> cacheOperands(onnx::NodeOp node);

/// The caches of the graph: of the nodes that are needed (those that compute something an output depends on), one
/// attention alone reads the past, and no node reads the present, which is an output.
llvm::SmallVector<PastPresent> findCaches(onnx::GraphOp graph, const llvm::DenseSet<mlir::Operation *> &needed);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_STATES_H
