// linalg: any structured operation by its indexing maps and its body, and softmax.
#include "Evaluator.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;

namespace {

/// A body of scalar operations, compiled to steps over numbered slots.
class ScalarProgram {
public:
  /// False when the body does anything else.
  bool compile(Evaluator &e, Block &block) {
    llvm::DenseMap<mlir::Value, int> slots;
    auto slotOf = [&](mlir::Value value) {
      auto [it, isNew] = slots.try_emplace(value, static_cast<int>(values.size()));
      if (isNew)
        values.push_back(Scalar{});
      return it->second;
    };
    for (BlockArgument argument : block.getArguments())
      slotOf(argument);
    for (Operation &op : block) {
      Step step;
      for (mlir::Value operand : op.getOperands()) {
        bool known = slots.contains(operand);
        step.inputs.push_back(slotOf(operand));
        if (!known) { // from outside of the body
          if (!e.knows(operand) || !e[operand].isTensor() || e[operand].getRank() != 0)
            return false;
          values[step.inputs.back()] = e[operand][0];
        }
      }
      if (op.hasTrait<OpTrait::IsTerminator>()) {
        yields = step.inputs;
        return true;
      }
      if (op.getNumRegions() || op.getNumResults() != 1)
        return false;
      if (auto index = dyn_cast<linalg::IndexOp>(op)) {
        indices.emplace_back(index.getDim(), slotOf(index.getResult()));
        continue;
      }
      if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
        auto value = constant(&op, constantOp.getValue());
        if (!value) {
          llvm::consumeError(value.takeError());
          return false;
        }
        values[slotOf(constantOp.getResult())] = (*value)[0];
        continue;
      }
      if (!(step.function = scalarFunction(&op)))
        return false;
      step.output = slotOf(op.getResult(0));
      steps.push_back(std::move(step));
    }
    return false;
  }

  /// Arguments are in the first slots.
  std::vector<Scalar> values;
  SmallVector<int> yields;

  void run(ArrayRef<int64_t> iteration) {
    for (auto [dim, slot] : indices)
      values[slot].i = iteration[dim];
    SmallVector<Scalar, 4> inputs;
    for (const Step &step : steps) {
      inputs.clear();
      for (int slot : step.inputs)
        inputs.push_back(values[slot]);
      values[step.output] = step.function(inputs);
    }
  }

private:
  struct Step {
    ScalarFunction function;
    SmallVector<int> inputs;
    int output = 0;
  };
  SmallVector<std::pair<int64_t, int>> indices;
  std::vector<Step> steps;
};

/// Where an operand's element lies for an iteration.
class Access {
public:
  Access(AffineMap map, ArrayRef<int64_t> shape, ArrayRef<int64_t> loops) : map(map), shape(shape) {
    for (AffineExpr result : map.getResults())
      result.walk([&](AffineExpr e) {
        linear &= e.getKind() != AffineExprKind::Mod && e.getKind() != AffineExprKind::FloorDiv &&
                  e.getKind() != AffineExprKind::CeilDiv;
      });
    if (!linear)
      return;
    SmallVector<int64_t> point(loops.size(), 0);
    base = evaluate(point);
    for (size_t d = 0; d < loops.size(); ++d) {
      point[d] = 1;
      steps.push_back(evaluate(point) - base);
      point[d] = 0;
    }
  }

  int64_t at(ArrayRef<int64_t> iteration) const {
    if (!linear)
      return evaluate(iteration);
    int64_t at = base;
    for (size_t d = 0; d < steps.size(); ++d)
      at += steps[d] * iteration[d];
    return at;
  }

  /// Whether every iteration stays inside the operand; exact for linear maps at their corners.
  bool staysInside(ArrayRef<int64_t> loops) const {
    for (auto [d, result] : llvm::enumerate(map.getResults())) {
      AffineMap one = AffineMap::get(map.getNumDims(), 0, result);
      int64_t low = one.compose(SmallVector<int64_t>(loops.size(), 0)).front(), high = low;
      for (size_t l = 0; l < loops.size(); ++l) {
        SmallVector<int64_t> corner(loops.size(), 0);
        corner[l] = loops[l] - 1;
        int64_t change = one.compose(corner).front() - one.compose(SmallVector<int64_t>(loops.size(), 0)).front();
        (change < 0 ? low : high) += change;
      }
      if (linear && (low < 0 || high >= shape[d]))
        return false;
    }
    return true;
  }

private:
  int64_t evaluate(ArrayRef<int64_t> iteration) const {
    SmallVector<int64_t> index = map.compose(iteration);
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      at = at * shape[d] + index[d];
    return at;
  }

  AffineMap map;
  ArrayRef<int64_t> shape;
  bool linear = true;
  int64_t base = 0;
  SmallVector<int64_t> steps;
};

} // namespace

llvm::Error reference::runStructured(Evaluator &e, Operation *operation) {
  auto op = cast<linalg::LinalgOp>(operation);
  if (!op.hasPureTensorSemantics())
    return fail(op, "works on memory; the interpreter reads tensors");
  // The size of every loop follows from the sizes of the operands.
  SmallVector<RefValue> operands;
  SmallVector<int64_t> dims;
  for (mlir::Value operand : operation->getOperands()) {
    operands.push_back(e[operand]);
    llvm::append_range(dims, operands.back().getShape());
  }
  AffineMap shapesToLoops = op.getShapesToLoopsMap();
  if (!shapesToLoops)
    return fail(op, "the sizes of its loops do not follow from its operands");
  SmallVector<int64_t> loops = shapesToLoops.compose(dims);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<Access> accesses;
  bool isEmpty = llvm::is_contained(loops, 0);
  for (auto [i, map] : llvm::enumerate(maps)) {
    accesses.emplace_back(map, operands[i].getShape(), loops);
    if (!isEmpty && !accesses.back().staysInside(loops))
      return fail(op, "operand " + Twine(i) + " is too small for the other operands");
  }

  size_t inputs = op.getNumDpsInputs(), outputs = op.getNumDpsInits();
  SmallVector<std::vector<Scalar> *> results;
  for (size_t o = 0; o < outputs; ++o)
    results.push_back(&operands[inputs + o].edit());
  Block &body = *op.getBlock();
  ScalarProgram program;
  bool fast = program.compile(e, body);
  std::vector<int64_t> iteration(loops.size(), 0);
  e.getFrame().iterations.push_back(&iteration);
  auto element = [&](size_t i) {
    int64_t at = accesses[i].at(iteration);
    return i < inputs ? operands[i][at] : (*results[i - inputs])[at];
  };
  while (!isEmpty) {
    if (fast) {
      for (size_t i = 0; i < operands.size(); ++i)
        program.values[i] = element(i);
      program.run(iteration);
      for (size_t o = 0; o < outputs; ++o)
        (*results[o])[accesses[inputs + o].at(iteration)] = program.values[program.yields[o]];
    } else {
      SmallVector<RefValue> arguments;
      for (size_t i = 0; i < operands.size(); ++i)
        arguments.push_back(RefValue::scalar(operands[i].getElementType(), element(i)));
      auto yielded = e.run(body, arguments);
      if (!yielded) {
        e.getFrame().iterations.pop_back();
        return yielded.takeError();
      }
      for (size_t o = 0; o < outputs; ++o)
        (*results[o])[accesses[inputs + o].at(iteration)] = (*yielded)[o][0];
    }
    size_t d = loops.size();
    while (d > 0 && ++iteration[d - 1] == loops[d - 1])
      iteration[--d] = 0;
    isEmpty = d == 0;
  }
  e.getFrame().iterations.pop_back();
  for (size_t o = 0; o < outputs; ++o)
    e.set(operation->getResult(o), operands[inputs + o]);
  return llvm::Error::success();
}

llvm::Expected<RefValue> reference::softmax(Evaluator &e, Operation *operation) {
  auto op = cast<linalg::SoftmaxOp>(operation);
  RefValue value = e[op.getInput()];
  int64_t axis = op.getDimension(), n = value.getDim(axis), inner = 1;
  for (int64_t d = axis + 1; d < value.getRank(); ++d)
    inner *= value.getDim(d);
  std::vector<Scalar> &x = value.edit();
  for (int64_t i = 0, rows = n ? value.size() / n : 0; i < rows; ++i) {
    int64_t base = i / inner * inner * n + i % inner;
    double top = -INFINITY, sum = 0;
    for (int64_t k = 0; k < n; ++k)
      top = std::fmax(top, x[base + k * inner].f);
    for (int64_t k = 0; k < n; ++k)
      sum += x[base + k * inner].f = std::exp(x[base + k * inner].f - top);
    for (int64_t k = 0; k < n; ++k)
      x[base + k * inner].f /= sum;
  }
  return value;
}
