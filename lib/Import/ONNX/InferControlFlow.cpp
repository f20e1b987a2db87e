// Operators with subgraphs.
#include "Infer.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

ReturnOp getReturn(Region &region) { return cast<ReturnOp>(region.front().getTerminator()); }

// Where both branches agree on a dimension the result has it. `raise` takes one branch when the condition is known.
void ifRule(NodeInference &n) {
  for (Region &body : n.node.getBodies())
    n.engine.inferConditionalBlock(body.front());
  if (n.node.getBodies().size() != 2)
    return;
  ReturnOp first = getReturn(n.node.getBodies()[0]), second = getReturn(n.node.getBodies()[1]);
  std::optional<int64_t> condition = n.constant(0);
  if (condition)
    (*condition ? second : first) = *condition ? first : second;
  if (first.getNumOperands() != n.node.getNumResults() || second.getNumOperands() != n.node.getNumResults())
    return n.fail("has branches with " + llvm::Twine(first.getNumOperands()) + " and " +
                  llvm::Twine(second.getNumOperands()) + " results, and " + llvm::Twine(n.node.getNumResults()) +
                  " outputs");
  for (unsigned i = 0; i < n.node.getNumResults(); ++i) {
    const Facts &a = n.engine.getFacts(first.getOperand(i)), &b = n.engine.getFacts(second.getOperand(i));
    Type type = a.elementType == b.elementType ? a.elementType : Type();
    if (!a.dims || !b.dims || a.dims->size() != b.dims->size()) {
      n.set(i, type, std::nullopt);
      continue;
    }
    Dims dims = *a.dims;
    for (auto [axis, dim] : llvm::enumerate(dims))
      if (n.normalise(dim) != n.normalise((*b.dims)[axis]))
        dim = n.fresh(i, axis);
    std::optional<Dims> values = a.values;
    n.set(i, type, std::move(dims));
    if (values && condition)
      n.setValues(i, std::move(*values));
  }
}

// Bodies are inferred for what can be known without the loop; results of the loop are what the file declares.
void loopRule(NodeInference &n) {
  for (Region &body : n.node.getBodies())
    n.engine.inferConditionalBlock(body.front());
}

} // namespace

ArrayRef<RuleRow> hadron::onnx::getControlFlowRules() {
  static const RuleRow rows[] = {{"", "If", ifRule}, {"", "Loop", loopRule}, {"", "Scan", loopRule}};
  return rows;
}
