// Slots of the workspace by lifetime. An entry point is straight-line code, so a lifetime is an interval of operations.
#include "MemoryPlan.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace hadron::host {

Value MemoryPlan::root(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp, tensor::ReshapeOp>(op)) {
      value = op->getOperand(0);
      continue;
    }
    // A state that a kernel returns is the one that it was given.
    auto launch = dyn_cast<LaunchOp>(op);
    if (!launch || !isa<StateType>(value.getType()))
      break;
    unsigned wanted = 0, result = cast<OpResult>(value).getResultNumber();
    for (unsigned i = 0; i < result; ++i)
      wanted += isa<StateType>(launch.getResultTypes()[i]);
    for (Value operand : launch.getArguments())
      if (isa<StateType>(operand.getType()) && wanted-- == 0) {
        value = operand;
        break;
      }
  }
  return value;
}

FailureOr<MemoryPlan> planMemory(const Entry &entry, const Weights &weights, SizeAnalysis &sizes) {
  MemoryPlan plan;
  for (auto [i, input] : llvm::enumerate(entry.inputs))
    plan.places[entry.function.getArgument(input.argument)] = {Place::Input, static_cast<unsigned>(i)};
  for (auto [i, state] : llvm::enumerate(entry.states))
    plan.places[entry.function.getArgument(state.argument)] = {Place::State, static_cast<unsigned>(i)};

  Block &block = entry.function.getBody().front();
  DenseMap<Value, unsigned> lastUse;
  unsigned position = 0;
  for (Operation &op : block) {
    for (Value operand : op.getOperands())
      lastUse[MemoryPlan::root(operand)] = position;
    ++position;
  }
  auto bytesOf = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SymbolicSize bytes = elementBytes(type.getElementType());
    for (const SymbolicSize &size : sizes.shape(value))
      bytes *= size;
    return bytes;
  };

  // Results that a kernel may write in place: made by a launch, and returned once.
  Operation *terminator = block.getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    Value root = MemoryPlan::root(value);
    if (root.getDefiningOp<LaunchOp>() && !plan.places.count(root))
      plan.places[root] = {Place::Output, static_cast<unsigned>(i)};
    else
      plan.copies.push_back({root, static_cast<unsigned>(i), bytesOf(value)});
  }

  std::vector<unsigned> freeSlots;
  position = 0;
  for (Operation &op : block) {
    if (auto get = dyn_cast<ParamGetOp>(op)) {
      auto found = llvm::find_if(weights.parameters, [&](const Parameter &p) { return p.name == get.getParam(); });
      if (found == weights.parameters.end())
        return op.emitError() << "parameter " << get.getParamAttr() << " has no place in the weights file";
      plan.places[get.getValue()] = {Place::Parameter, static_cast<unsigned>(found - weights.parameters.begin())};
    }
    if (auto launch = dyn_cast<LaunchOp>(op))
      for (Value result : launch.getResults()) {
        if (!isa<RankedTensorType>(result.getType()) || plan.places.count(result))
          continue;
        SymbolicSize bytes = bytesOf(result);
        if (!bytes.isValid())
          return op.emitError() << "the size of " << result.getType() << " is no arithmetic on the sizes of the inputs";
        // Best: a free slot that is large enough; else one that this tensor makes larger; else a new one.
        auto fits =
            llvm::find_if(freeSlots, [&](unsigned slot) { return bytes.isCoefficientwiseAtMost(plan.slots[slot]); });
        if (fits == freeSlots.end())
          fits =
              llvm::find_if(freeSlots, [&](unsigned slot) { return plan.slots[slot].isCoefficientwiseAtMost(bytes); });
        unsigned slot = plan.slots.size();
        if (fits == freeSlots.end()) {
          plan.slots.push_back(bytes);
        } else {
          slot = *fits;
          freeSlots.erase(fits);
          if (plan.slots[slot].isCoefficientwiseAtMost(bytes))
            plan.slots[slot] = bytes;
        }
        plan.places[result] = {Place::Workspace, slot};
      }
    // What is read here for the last time is free for the next operation, not for this one.
    llvm::SmallDenseSet<unsigned> freed;
    auto release = [&](Value root) {
      auto place = plan.places.find(root);
      if (place != plan.places.end() && place->second.kind == Place::Workspace &&
          freed.insert(place->second.index).second)
        freeSlots.push_back(place->second.index);
    };
    for (Value operand : op.getOperands())
      if (Value root = MemoryPlan::root(operand); lastUse.lookup(root) == position)
        release(root);
    for (Value result : op.getResults())
      if (MemoryPlan::root(result) == result && !lastUse.count(result))
        release(result);
    ++position;
  }
  return plan;
}

} // namespace hadron::host
