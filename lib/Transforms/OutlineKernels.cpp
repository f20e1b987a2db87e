// hadron-outline-kernels: the schedule phase. One function a kernel; what is left of an entry point is a list of
// launches.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Transforms/Remarks.h"
#include "hadron/Transforms/SizeAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_OUTLINEKERNELS
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// Operations that stay in an entry point: they compute sizes, or change the view of a tensor without moving it.
bool staysInEntry(Operation *op) {
  if (isa<SymbolOp, ParamGetOp, StateLengthOp, StateCapacityOp, LaunchOp, func::ReturnOp, tensor::CollapseShapeOp,
          tensor::ExpandShapeOp, tensor::CastOp, tensor::DimOp, tensor::EmptyOp>(op))
    return true;
  // Reshapes whose shape is made of index values.
  if (isa<tensor::ReshapeOp>(op))
    return true;
  // A shape for tensor.reshape, and nothing else.
  if (isa<tensor::FromElementsOp>(op) &&
      llvm::all_of(op->getUsers(), [&](Operation *user) { return isa<tensor::ReshapeOp>(user); }))
    return true;
  bool scalar = llvm::all_of(op->getResultTypes(), [](Type type) { return type.isIntOrIndexOrFloat(); });
  return scalar && isa_and_nonnull<arith::ArithDialect>(op->getDialect());
}

/// Operations that a kernel repeats rather than reads: empty tensors, constants, fills.
bool isCloned(Operation *op) {
  if (isa<tensor::EmptyOp>(op))
    return true;
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return isa_and_nonnull<tensor::EmptyOp>(fill.getOutputs()[0].getDefiningOp());
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements)))
    return elements.isSplat();
  return op->hasTrait<OpTrait::ConstantLike>();
}

/// Whether `user` has to find this tensor in memory: the dialect's operations do, and the caller of an entry point.
bool readsFromMemory(Operation *user, Value value) {
  return isa<HadronDialect, func::FuncDialect>(user->getDialect()) && isa<RankedTensorType>(value.getType());
}

/// Builds the kernels of one module; equal ones are one function.
class Outliner {
public:
  Outliner(ModuleOp module) : module(module), symbols(module) {}

  LogicalResult outline(func::FuncOp entry);

  unsigned launches = 0, kernels = 0;

private:
  LogicalResult outline(Operation *op, SizeAnalysis &sizes);
  /// A function with this text, or `function` itself under a new name.
  func::FuncOp unique(func::FuncOp function);

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<func::FuncOp> byText;
};

func::FuncOp Outliner::unique(func::FuncOp function) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  function->print(stream, OpPrintingFlags().useLocalScope());
  auto [found, inserted] = byText.try_emplace(text, function);
  if (!inserted) {
    function.erase();
    return found->second;
  }
  function.setSymName(("k" + Twine(kernels++)).str());
  symbols.insert(function, Block::iterator());
  return function;
}

LogicalResult Outliner::outline(Operation *op, SizeAnalysis &sizes) {
  // The operation, behind what it repeats: constants, and arithmetic on scalars that is no size.
  llvm::SetVector<Operation *> group;
  SmallVector<Value> captured;
  auto isScalarArithmetic = [&](Value value, Operation *definition) {
    return value.getType().isIntOrIndexOrFloat() && isa_and_nonnull<arith::ArithDialect>(definition->getDialect()) &&
           !(value.getType().isIndex() && sizes.value(value).isValid());
  };
  auto visit = [&](auto &&self, Operation *o) -> void {
    llvm::SetVector<Value> used(o->operand_begin(), o->operand_end());
    getUsedValuesDefinedAbove(o->getRegions(), used);
    for (Value value : used) {
      if (Operation *definition = value.getDefiningOp();
          definition && ((isCloned(definition) && !readsFromMemory(o, value)) || isScalarArithmetic(value, definition)))
        self(self, definition);
      else if (!llvm::is_contained(captured, value))
        captured.push_back(value);
    }
    group.insert(o);
  };
  visit(visit, op);

  // Index operands: the distinct dynamic sizes of every tensor, then index values that are used as such.
  llvm::MapVector<Value, unsigned> indices;
  auto indexOf = [&](Value value) {
    return indices.insert({value, static_cast<unsigned>(indices.size())}).first->second;
  };
  auto shapeOf = [&](Value tensor) -> FailureOr<ArrayAttr> {
    OpBuilder builder(op);
    SmallVector<Attribute> texts;
    for (auto [axis, size] : llvm::enumerate(sizes.shape(tensor))) {
      if (!size.isValid())
        return op->emitError() << "the size of axis " << axis << " of " << tensor.getType()
                               << " is no arithmetic on the sizes of the inputs";
      if (std::optional<int64_t> constant = size.getConstant())
        texts.push_back(builder.getStringAttr(Twine(*constant)));
      else
        texts.push_back(builder.getStringAttr("s" + Twine(indexOf(sizes.materialize(size)))));
    }
    return builder.getArrayAttr(texts);
  };
  SmallVector<Value> data;
  SmallVector<ArrayAttr> shapes;
  for (Value value : captured) {
    if (value.getType().isIntOrIndexOrFloat()) {
      if (!value.getType().isIndex())
        return op->emitError() << "a kernel reads tensors and sizes; found " << value.getType();
      SymbolicSize size = sizes.value(value);
      indexOf(size.isValid() ? sizes.materialize(size) : value);
      continue;
    }
    data.push_back(value);
    shapes.emplace_back();
    if (isa<RankedTensorType>(value.getType())) {
      auto shape = shapeOf(value);
      if (failed(shape))
        return failure();
      shapes.back() = *shape;
    }
    if (isa<StateType>(value.getType())) {
      OpBuilder builder(op);
      unsigned index = indexOf(StateCapacityOp::create(builder, op->getLoc(), builder.getIndexType(), value));
      shapes.back() = builder.getStrArrayAttr({"s" + std::to_string(index)});
    }
  }
  SmallVector<ArrayAttr> resultShapes;
  for (Value result : op->getResults()) {
    resultShapes.emplace_back();
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    auto shape = shapeOf(result);
    if (failed(shape))
      return failure();
    resultShapes.back() = *shape;
  }
  // Sizes of what is repeated (tensor.empty) are among those above, or materialised alike.
  for (Operation *o : group)
    for (Value operand : o->getOperands())
      if (operand.getType().isIndex() && !(operand.getDefiningOp() && group.contains(operand.getDefiningOp())))
        if (SymbolicSize size = sizes.value(operand); size.isValid() && !size.getConstant())
          indexOf(sizes.materialize(size));

  OpBuilder builder(op->getContext());
  SmallVector<Value> operands(llvm::make_first_range(indices));
  llvm::append_range(operands, data);
  auto function = func::FuncOp::create(op->getLoc(), "kernel",
                                       builder.getFunctionType(ValueRange(operands).getTypes(), op->getResultTypes()));
  function.setPrivate();
  function->setAttr(HadronDialect::kKernel, builder.getUnitAttr());
  function->setAttr(HadronDialect::kErased, builder.getUnitAttr());
  for (auto [i, shape] : llvm::enumerate(shapes))
    if (shape)
      function.setArgAttr(indices.size() + i, HadronDialect::kShape, shape);
  for (auto [i, shape] : llvm::enumerate(resultShapes))
    if (shape)
      function.setResultAttr(i, HadronDialect::kShape, shape);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  for (auto [value, argument] : llvm::zip(operands, body->getArguments()))
    mapping.map(value, argument);
  // An index value that equals a size in another spelling.
  auto mapIndex = [&](Value value) {
    if (!value.getType().isIndex() || mapping.contains(value) ||
        (value.getDefiningOp() && group.contains(value.getDefiningOp())))
      return;
    SymbolicSize size = sizes.value(value);
    if (std::optional<int64_t> constant = size.isValid() ? size.getConstant() : std::nullopt)
      mapping.map(value, arith::ConstantIndexOp::create(builder, op->getLoc(), *constant).getResult());
    else if (size.isValid())
      mapping.map(value, body->getArgument(indices.lookup(sizes.materialize(size))));
  };
  for (Operation *o : group) {
    llvm::SetVector<Value> used(o->operand_begin(), o->operand_end());
    getUsedValuesDefinedAbove(o->getRegions(), used);
    llvm::for_each(used, mapIndex);
    builder.clone(*o, mapping);
  }
  SmallVector<Value> results = llvm::map_to_vector(op->getResults(), [&](Value v) { return mapping.lookup(v); });
  func::ReturnOp::create(builder, op->getLoc(), results);

  func::FuncOp kernel = unique(function);
  builder.setInsertionPoint(op);
  auto launch = LaunchOp::create(builder, op->getLoc(), op->getResultTypes(), kernel.getSymName(), operands);
  for (auto [from, to] : llvm::zip(op->getResults(), launch->getResults()))
    sizes.replace(from, to);
  op->replaceAllUsesWith(launch->getResults());
  ++launches;
  return success();
}

LogicalResult Outliner::outline(func::FuncOp entry) {
  SizeAnalysis sizes(entry);
  if (!entry.getBody().hasOneBlock())
    return entry.emitError("an entry point is straight-line code");
  SmallVector<Operation *> work;
  for (Operation &op : entry.getBody().front())
    if (!staysInEntry(&op) && (!isCloned(&op) || llvm::any_of(op.getUses(), [](OpOperand &use) {
          return readsFromMemory(use.getOwner(), use.get());
        })))
      work.push_back(&op);
  // Sizes of reshapes and of results come from symbols too.
  for (Operation *op : work)
    if (failed(outline(op, sizes)))
      return failure();
  for (Operation *op : llvm::reverse(work))
    op->erase();
  return success();
}

struct OutlineKernels : impl::OutlineKernelsBase<OutlineKernels> {
  void runOnOperation() override {
    Outliner outliner(getOperation());
    for (auto entry : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!entry->hasAttr(HadronDialect::kEntry))
        continue;
      unsigned launches = outliner.launches, kernels = outliner.kernels;
      if (failed(outliner.outline(entry)))
        return signalPassFailure();
      remark::analysis(entry.getLoc(), about(entry, "KernelsOutlined", "hadron.schedule"))
          << "kernels that no entry point before had" << remark::metric("Launches", outliner.launches - launches)
          << remark::metric("Kernels", outliner.kernels - kernels);
    }
    numLaunches += outliner.launches;
    numKernels += outliner.kernels;
    // Sizes that nobody asks for any more.
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](func::FuncOp function) { (void)runRegionDCE(rewriter, function->getRegions()); });
  }
};

} // namespace
} // namespace hadron
