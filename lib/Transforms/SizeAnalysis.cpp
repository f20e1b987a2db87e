// Symbolic sizes inside a function: from the attribute hadron.shape of its arguments, through every operation that a
// phase before `schedule` makes.
#include "hadron/Transforms/SizeAnalysis.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace hadron {

std::string stateSymbol(BlockArgument state, StringRef what) {
  auto function = dyn_cast<FunctionOpInterface>(state.getOwner()->getParentOp());
  if (!function)
    return {};
  auto attribute = function.getArgAttrOfType<DictionaryAttr>(state.getArgNumber(), HadronDialect::kState);
  auto text = attribute ? attribute.getAs<StringAttr>(what) : StringAttr();
  return text ? text.str() : std::string();
}

SymbolicSize SizeAnalysis::size(Value tensor, unsigned axis) {
  RankedTensorType type = getTensor(tensor.getType());
  if (!type || axis >= type.getRank())
    return SymbolicSize::invalid();
  if (!type.isDynamicDim(axis))
    return type.getDimSize(axis);
  auto key = std::pair(tensor, axis);
  if (auto found = sizes.find(key); found != sizes.end())
    return found->second;
  SymbolicSize result = SymbolicSize::invalid();
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    if (argument.getOwner() == &function.getBody().front())
      if (auto shape = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), HadronDialect::kShape))
        if (auto parsed = SymbolicSize::parse(cast<StringAttr>(shape[axis]).getValue()))
          result = *parsed;
  } else {
    result = resultSize(cast<OpResult>(tensor), axis);
  }
  return sizes[key] = result;
}

void SizeAnalysis::replace(Value from, Value to) {
  if (RankedTensorType type = getTensor(from.getType()))
    for (unsigned axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        sizes[{to, axis}] = size(from, axis);
}

SmallVector<SymbolicSize> SizeAnalysis::shape(Value tensor) {
  SmallVector<SymbolicSize> result;
  for (unsigned axis = 0, rank = getTensor(tensor.getType()).getRank(); axis < rank; ++axis)
    result.push_back(size(tensor, axis));
  return result;
}

SymbolicSize SizeAnalysis::resultSize(OpResult result, unsigned axis) {
  Operation *op = result.getOwner();
  auto ofFold = [&](OpFoldResult fold) -> SymbolicSize {
    if (auto attribute = dyn_cast<Attribute>(fold))
      return cast<IntegerAttr>(attribute).getInt();
    return value(cast<Value>(fold));
  };
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return ofFold(empty.getMixedSizes()[axis]);
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return size(destination.getTiedOpOperand(result)->get(), axis);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SymbolicSize product = 1;
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
    for (int64_t source : groups[axis])
      product *= size(collapse.getSrc(), source);
    return product;
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return ofFold(expand.getMixedOutputShape()[axis]);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return size(cast.getSource(), axis);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (auto [i, fold] : llvm::enumerate(slice.getMixedSizes()))
      if (!dropped.test(i) && axis-- == 0)
        return ofFold(fold);
    return SymbolicSize::invalid();
  }
  if (auto launch = dyn_cast<LaunchOp>(op)) {
    // The kernel says which of its index arguments the size is.
    auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(launch, launch.getKernelAttr());
    auto shape =
        kernel ? kernel.getResultAttrOfType<ArrayAttr>(result.getResultNumber(), HadronDialect::kShape) : ArrayAttr();
    StringRef text = shape ? cast<StringAttr>(shape[axis]).getValue() : StringRef();
    unsigned index = 0;
    if (!text.consume_front("s") || text.getAsInteger(10, index) || index >= launch.getArguments().size())
      return SymbolicSize::invalid();
    return value(launch.getArguments()[index]);
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    SymbolicSize sum = 0;
    for (Value input : concat.getInputs())
      sum = axis == concat.getDim() ? sum + size(input, axis) : size(input, axis);
    return sum;
  }
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    if (auto elements = reshape.getShape().getDefiningOp<tensor::FromElementsOp>())
      return value(elements.getElements()[axis]);
    return SymbolicSize::invalid();
  }
  if (auto reify = dyn_cast<ReifyRankedShapedTypeOpInterface>(op)) {
    OpBuilder builder(op);
    ReifiedRankedShapedTypeDims dims;
    if (failed(reify.reifyResultShapes(builder, dims)))
      return SymbolicSize::invalid();
    return ofFold(dims[result.getResultNumber()][axis]);
  }
  return SymbolicSize::invalid();
}

namespace {

/// The value of an affine expression over symbolic sizes; only sums, products, and divisions without remainder.
SymbolicSize evaluate(AffineExpr expr, ArrayRef<SymbolicSize> dims, ArrayRef<SymbolicSize> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  SymbolicSize lhs = evaluate(binary.getLHS(), dims, symbols), rhs = evaluate(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
    return lhs.dividedBy(rhs).value_or(SymbolicSize::invalid());
  default:
    return SymbolicSize::invalid();
  }
}

} // namespace

SymbolicSize SizeAnalysis::value(Value index) {
  if (auto argument = dyn_cast<BlockArgument>(index))
    return SymbolicSize::invalid();
  Operation *op = index.getDefiningOp();
  APInt constant;
  if (matchPattern(index, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  if (auto symbol = dyn_cast<SymbolOp>(op))
    return SymbolicSize::symbol(symbol.getSymbol());
  if (auto length = dyn_cast<StateLengthOp>(op)) {
    auto argument = dyn_cast<BlockArgument>(length.getState());
    std::string name = argument ? stateSymbol(argument, "length") : "";
    return name.empty() ? SymbolicSize::invalid() : SymbolicSize::symbol(name);
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> axis = dim.getConstantIndex();
    return axis ? size(dim.getSource(), *axis) : SymbolicSize::invalid();
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return value(op->getOperand(0));
  if (isa<arith::AddIOp>(op))
    return value(op->getOperand(0)) + value(op->getOperand(1));
  if (isa<arith::SubIOp>(op))
    return value(op->getOperand(0)) - value(op->getOperand(1));
  if (isa<arith::MulIOp>(op))
    return value(op->getOperand(0)) * value(op->getOperand(1));
  if (isa<arith::DivSIOp, arith::DivUIOp>(op))
    return value(op->getOperand(0)).dividedBy(value(op->getOperand(1))).value_or(SymbolicSize::invalid());
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    AffineMap map = apply.getAffineMap();
    SmallVector<SymbolicSize> operands;
    for (Value operand : apply.getMapOperands())
      operands.push_back(value(operand));
    ArrayRef<SymbolicSize> all(operands);
    return evaluate(map.getResult(0), all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
  }
  return SymbolicSize::invalid();
}

Value SizeAnalysis::materialize(const SymbolicSize &size) {
  if (!size.isValid())
    return {};
  std::string text = size.str();
  if (auto found = materialized.find(text); found != materialized.end())
    return found->second;
  Location loc = function.getLoc();
  // Each new operation goes behind the one made before: operands first, all of them at the start of the function.
  auto append = [&](auto create) -> Value {
    OpBuilder builder(function.getContext());
    if (last)
      builder.setInsertionPointAfter(last);
    else
      builder.setInsertionPointToStart(&function.getBody().front());
    auto op = create(builder);
    last = op;
    return op->getResult(0);
  };
  Value result;
  if (auto constant = size.getConstant()) {
    result = append([&](OpBuilder &b) { return arith::ConstantIndexOp::create(b, loc, *constant); });
  } else if (auto symbol = size.getSymbol()) {
    result = append([&](OpBuilder &b) { return SymbolOp::create(b, loc, b.getIndexType(), *symbol); });
  } else {
    for (const auto &[product, coefficient] : size.getTerms()) {
      Value term;
      if (coefficient != 1 || product.empty())
        term = materialize(coefficient);
      for (const std::string &name : product) {
        Value factor = materialize(SymbolicSize::symbol(name));
        term = term ? append([&](OpBuilder &b) { return arith::MulIOp::create(b, loc, term, factor); }) : factor;
      }
      result = result ? append([&](OpBuilder &b) { return arith::AddIOp::create(b, loc, result, term); }) : term;
    }
  }
  return materialized[text] = result;
}

} // namespace hadron
