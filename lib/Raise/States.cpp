#include "States.h"
#include "OpTable.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;

std::optional<CacheOperands> raising::cacheOperands(NodeOp node) {
  struct Row {
    StringLiteral domain, op;
    CacheOperands operands;
  };
  static constexpr Row rows[] = {
      {kRaised, "Attention", {3, 4, 1, 2}},
      {"", "Attention", {4, 5, 1, 2}},
      {kMicrosoft, "GroupQueryAttention", {3, 4, 1, 2}},
      {kMicrosoft, "MultiHeadAttention", {6, 7, 1, 2}},
  };
  for (const Row &row : rows)
    if (node.is(row.domain, row.op))
      return row.operands;
  return std::nullopt;
}

namespace {

std::optional<PastPresent> match(onnx::GraphOp graph, NodeOp node, unsigned past, unsigned present,
                                 const llvm::DenseSet<Operation *> &needed) {
  auto argument = dyn_cast_or_null<BlockArgument>(node.getInput(past));
  Value result = node.getOutput(present);
  if (!argument || !result)
    return std::nullopt;
  auto type = cast<onnx::OnnxTensorType>(argument.getType());
  if (!type.hasRank() || type.getRank() != 4 || !type.getDim(1).getConstant() || !type.getDim(3).getConstant() ||
      !type.getDim(0).getSymbol() || !type.getDim(2).getSymbol())
    return std::nullopt;
  auto isUsed = [&](OpOperand &use) {
    return use.getOwner() == graph.getReturn().getOperation() || needed.contains(use.getOwner());
  };
  for (OpOperand &use : argument.getUses())
    if (isUsed(use) && !(use.getOwner() == node && use.getOperandNumber() == past))
      return std::nullopt;
  std::optional<unsigned> output;
  for (OpOperand &use : result.getUses()) {
    if (!isUsed(use))
      continue;
    if (use.getOwner() != graph.getReturn().getOperation() || output)
      return std::nullopt;
    output = use.getOperandNumber();
  }
  if (!output)
    return std::nullopt;
  return PastPresent{argument, result, *output};
}

} // namespace

SmallVector<PastPresent> raising::findCaches(onnx::GraphOp graph, const llvm::DenseSet<Operation *> &needed) {
  SmallVector<PastPresent> caches;
  for (NodeOp node : graph.getBody()->getOps<NodeOp>()) {
    if (!needed.contains(node))
      continue;
    std::optional<CacheOperands> operands = cacheOperands(node);
    if (!operands)
      continue;
    // Keys and values together: attention over one state and one tensor does not exist.
    auto key = match(graph, node, operands->pastKey, operands->presentKey, needed);
    auto value = match(graph, node, operands->pastValue, operands->presentValue, needed);
    if (key && value && key->past != value->past) {
      caches.push_back(*key);
      caches.push_back(*value);
    }
  }
  return caches;
}
