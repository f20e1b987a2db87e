// Which loops a linalg kernel has: found by following the index of each result backwards through its producers.
#include "LinalgKernelPlan.h"

#include "LinalgKernelEvaluator.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// Collects the reductions behind a tensor. An index is an expression in the dimensions of the result (positions below
/// `rank`) and of enclosing reductions (above), or null where it is not known as one.
struct Collector {
  SmallVector<Use> &uses;
  unsigned rank;
  unsigned nextDim;
  MLIRContext *context;
  DenseMap<Value, SmallVector<SmallVector<AffineExpr>>> visited =
      DenseMap<Value, SmallVector<SmallVector<AffineExpr>>>();

  bool known(linalg::LinalgOp op, ArrayRef<AffineExpr> index) const {
    return llvm::any_of(uses, [&](const Use &u) { return u.op == op && ArrayRef<AffineExpr>(u.index) == index; });
  }
  /// Usable ahead of the loops: every index is known and depends on the result's dimensions alone.
  bool hoistable(ArrayRef<AffineExpr> index) const {
    return llvm::all_of(index, [&](AffineExpr e) {
      if (!e)
        return false;
      bool inner = false;
      e.walk([&](AffineExpr x) {
        if (auto dim = dyn_cast<AffineDimExpr>(x))
          inner |= dim.getPosition() >= rank;
      });
      return !inner;
    });
  }

  void linalgOp(linalg::LinalgOp op, unsigned result, ArrayRef<AffineExpr> index) {
    bool reduces = op.getNumReductionLoops() > 0;
    if (reduces && known(op, index))
      return;
    SmallVector<AffineExpr> iteration(op.getNumLoops());
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
    for (auto [expr, i] : llvm::zip(map.getResults(), index))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        iteration[dim.getPosition()] = i;
    for (auto [d, type] : llvm::enumerate(op.getIteratorTypesArray()))
      if (type == utils::IteratorType::reduction)
        iteration[d] = getAffineDimExpr(nextDim++, context);
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()) || !op.payloadUsesValueFromOperand(&operand))
        continue;
      SmallVector<AffineExpr> inner;
      for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
        bool complete = true;
        expr.walk([&](AffineExpr x) {
          if (auto dim = dyn_cast<AffineDimExpr>(x))
            complete &= static_cast<bool>(iteration[dim.getPosition()]);
        });
        inner.push_back(complete ? expr.replaceDims(iteration) : AffineExpr());
      }
      tensor(operand.get(), inner);
    }
    if (reduces && hoistable(index))
      uses.push_back({op, llvm::to_vector(index)});
  }

  void tensor(Value value, ArrayRef<AffineExpr> index) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return;
    auto &before = visited[value];
    if (llvm::any_of(before, [&](const auto &i) { return ArrayRef<AffineExpr>(i) == index; }))
      return;
    before.push_back(llvm::to_vector(index));
    if (auto linalg = dyn_cast<linalg::LinalgOp>(op))
      return linalgOp(linalg, cast<OpResult>(value).getResultNumber(), index);
    if (isa<tensor::CastOp>(op) || op->hasTrait<OpTrait::Elementwise>()) {
      for (Value operand : op->getOperands())
        if (isa<RankedTensorType>(operand.getType()))
          tensor(operand, index);
      return;
    }
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      auto type = expand.getResultType();
      SmallVector<AffineExpr> source;
      for (ReassociationIndicesRef group : expand.getReassociationIndices()) {
        AffineExpr flat = getAffineConstantExpr(0, context);
        for (int64_t d : group)
          flat = !flat || !index[d] || (type.isDynamicDim(d) && d != group.front())
                     ? AffineExpr()
                     : flat * (type.isDynamicDim(d) ? 1 : type.getDimSize(d)) + index[d];
        // Dimensions of size 1 after a dynamic one.
        SmallVector<int64_t> wide;
        for (int64_t d : group)
          if (type.getDimSize(d) != 1)
            wide.push_back(d);
        source.push_back(wide.size() == 1 ? index[wide[0]] : flat);
      }
      return tensor(expand.getSrc(), source);
    }
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      SmallVector<AffineExpr> source(collapse.getSrcType().getRank(), getAffineConstantExpr(0, context));
      for (auto [group, i] : llvm::zip(collapse.getReassociationIndices(), index)) {
        SmallVector<int64_t> wide;
        for (int64_t d : group)
          if (collapse.getSrcType().getDimSize(d) != 1)
            wide.push_back(d);
        for (int64_t d : wide)
          source[d] = wide.size() == 1 ? i : AffineExpr();
      }
      return tensor(collapse.getSrc(), source);
    }
    // Movement: the index inside is not followed.
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
        tensor(operand, SmallVector<AffineExpr>(type.getRank()));
  }
};

/// True if the last `k` dimensions of `tensor` may be one loop with a flat index in the last of them.
bool collapses(Value tensor, unsigned k, DenseMap<Value, bool> &known);
bool computeCollapses(Value tensor, unsigned k, DenseMap<Value, bool> &known) {
  Operation *op = tensor.getDefiningOp();
  if (k <= 1 || !op || isa<tensor::EmptyOp, tensor::SplatOp, arith::ConstantOp>(op))
    return true;
  if (op->hasTrait<OpTrait::Elementwise>() || isa<tensor::CastOp>(op))
    return llvm::all_of(op->getOperands(),
                        [&](Value v) { return !isa<RankedTensorType>(v.getType()) || collapses(v, k, known); });
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumReductionLoops() || linalgOp.hasIndexSemantics())
    return false;
  WalkResult gathers = op->walk([](tensor::ExtractOp) { return WalkResult::interrupt(); });
  unsigned rank = linalgOp.getNumLoops();
  if (gathers.wasInterrupted() || k > rank)
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
    if (linalgOp.isDpsInit(&operand)) {
      if (!map.isIdentity())
        return false;
      if (!linalgOp.payloadUsesValueFromOperand(&operand))
        continue;
    }
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    // All of the trailing dimensions, in order and last, or none of them.
    unsigned present = 0;
    for (unsigned d = rank - k; d < rank; ++d)
      present += map.isFunctionOfDim(d);
    if (present == 0)
      continue;
    if (present != k || map.getNumResults() < k)
      return false;
    for (unsigned i = 0; i < k; ++i) {
      auto dim = dyn_cast<AffineDimExpr>(map.getResult(map.getNumResults() - k + i));
      if (!dim || dim.getPosition() != rank - k + i)
        return false;
    }
    if (!collapses(operand.get(), k, known))
      return false;
  }
  return true;
}

bool collapses(Value tensor, unsigned k, DenseMap<Value, bool> &known) {
  if (auto it = known.find(tensor); it != known.end())
    return it->second;
  bool result = computeCollapses(tensor, k, known);
  return known[tensor] = result;
}

std::string sizeName(func::FuncOp kernel, const Root &root, unsigned dim) {
  if (!root.type.isDynamicDim(dim))
    return std::to_string(root.type.getDimSize(dim));
  return cast<StringAttr>(kernel.getResultAttrOfType<ArrayAttr>(root.result, "hadron.shape")[dim]).str();
}

/// A product of two operands that each have an index the other lacks: rows and columns of a tile share loads.
bool isContraction(linalg::LinalgOp op) {
  SmallVector<AffineMap> maps;
  for (OpOperand *operand : op.getDpsInputOperands())
    if (isa<RankedTensorType>(operand->get().getType()))
      maps.push_back(op.getMatchingIndexingMap(operand));
  if (maps.size() < 2)
    return false;
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  auto lacks = [&](AffineMap a, AffineMap b) {
    return llvm::any_of(parallel, [&](unsigned d) { return !a.isFunctionOfDim(d) && b.isFunctionOfDim(d); });
  };
  return lacks(maps[0], maps[1]) && lacks(maps[1], maps[0]);
}

Group planRoot(func::FuncOp kernel, unsigned result, Value tensor) {
  Group group;
  Root root{result, tensor, cast<RankedTensorType>(tensor.getType()), {}, {}};
  unsigned rank = root.type.getRank();
  MLIRContext *context = kernel.getContext();
  SmallVector<AffineExpr> index;
  for (unsigned d = 0; d < rank; ++d)
    index.push_back(getAffineDimExpr(d, context));
  Collector{root.uses, rank, rank, context}.tensor(tensor, index);

  llvm::SmallBitVector depends(rank);
  for (const Use &use : root.uses)
    for (AffineExpr expr : use.index)
      for (unsigned d = 0; d < rank; ++d)
        if (expr.isFunctionOfDim(d))
          depends.set(d);
  group.mode = Mode::Rows;
  if (root.uses.empty()) {
    for (unsigned k = rank; k > 1 && root.collapsed == 1; --k) {
      DenseMap<Value, bool> known;
      if (collapses(tensor, k, known))
        root.collapsed = k;
    }
    if (rank && root.collapsed == rank)
      group.mode = Mode::Blocks;
    for (unsigned d = 0; d + root.collapsed < rank; ++d)
      root.outer.push_back(d);
  } else {
    for (unsigned d : depends.set_bits())
      root.outer.push_back(d);
    if (rank && depends.test(rank - 1)) {
      Contiguity contiguity;
      group.lanesLast =
          llvm::all_of(root.uses,
                       [&](const Use &use) { return contiguity.along(use.op->getResult(0), use.index.size() - 1); }) &&
          contiguity.along(tensor, rank - 1);
      group.reuse = llvm::any_of(root.uses, [](const Use &use) { return isContraction(use.op); });
      if (!depends.all())
        group.mode = Mode::Columns;
      else if (group.lanesLast || group.reuse)
        group.mode = Mode::Tile;
    }
  }
  // Roots join if their items are the same set; tiles and columns stay alone.
  group.key = std::to_string(static_cast<int>(group.mode));
  if (group.mode == Mode::Blocks)
    for (unsigned d = 0; d < rank; ++d)
      group.key += "," + sizeName(kernel, root, d);
  if (group.mode == Mode::Rows)
    for (unsigned d : root.outer)
      if (std::string n = sizeName(kernel, root, d); n != "1")
        group.key += "," + n;
  if (group.mode == Mode::Tile || group.mode == Mode::Columns)
    group.key += "#" + std::to_string(result);
  group.roots.push_back(std::move(root));
  return group;
}

} // namespace

SmallVector<Group> planKernel(func::FuncOp kernel) {
  SmallVector<Group> groups;
  auto terminator = kernel.getBody().front().getTerminator();
  for (auto [i, tensor] : llvm::enumerate(terminator->getOperands())) {
    Group group = planRoot(kernel, i, tensor);
    Group *same = llvm::find_if(groups, [&](const Group &g) { return g.key == group.key; });
    if (same == groups.end())
      groups.push_back(std::move(group));
    else
      same->roots.push_back(std::move(group.roots[0]));
  }
  return groups;
}

bool isHeavy(func::FuncOp kernel) {
  return kernel
      .walk([](Operation *op) {
        bool light = isa<math::AbsFOp, math::FmaOp, math::SqrtOp, math::RsqrtOp, math::FloorOp, math::CeilOp,
                         math::TruncOp, math::RoundEvenOp, math::AbsIOp, math::CopySignOp>(op);
        return isa<math::MathDialect>(op->getDialect()) && !light ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

} // namespace hadron::kernels
