// What linalg kernels may contain.
#include "hadron/Kernels/LinalgKernel.h"
#include "hadron/Kernels/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

std::string describe(Operation *op, const Twine &what) {
  std::string text;
  llvm::raw_string_ostream(text) << op->getName() << ": " << what;
  return text;
}

bool isElement(Type type) {
  return type.isF32() || type.isF64() || type.isF16() || type.isBF16() || type.isIndex() || type.isInteger(1) ||
         type.isInteger(8) || type.isInteger(16) || type.isInteger(32) || type.isInteger(64);
}

std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// Dynamic sizes of a tensor at the kernel's edge have names.
bool hasSizes(RankedTensorType type, ArrayAttr shape, unsigned indices) {
  if (type.hasStaticShape())
    return true;
  if (!shape || static_cast<int64_t>(shape.size()) != type.getRank())
    return false;
  for (auto [size, name] : llvm::zip(type.getShape(), shape)) {
    auto text = dyn_cast<StringAttr>(name);
    int64_t number;
    if (!text)
      return false;
    StringRef s = text.getValue();
    bool symbol = s.consume_front("s");
    if (ShapedType::isDynamic(size) && (s.getAsInteger(10, number) || number < 0 || (symbol && number >= indices)))
      return false;
  }
  return true;
}

std::string checkLinalg(linalg::LinalgOp op) {
  for (OpOperand &init : op.getDpsInitsMutable()) {
    llvm::SmallBitVector seen(op.getNumLoops());
    for (AffineExpr expr : op.getMatchingIndexingMap(&init).getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || seen.test(dim.getPosition()))
        return describe(op, "the map of a result is not a permutation of parallel loops");
      seen.set(dim.getPosition());
    }
    for (auto [d, type] : llvm::enumerate(op.getIteratorTypesArray()))
      if ((type == utils::IteratorType::parallel) != seen.test(d))
        return describe(op, "the map of a result is not a permutation of the parallel loops");
    if (op.getNumReductionLoops() &&
        op.getMatchingIndexingMap(&init) != op.getMatchingIndexingMap(op.getDpsInitOperand(0)))
      return describe(op, "results of a reduction have different maps");
  }
  llvm::SmallBitVector sized(op.getNumLoops());
  for (AffineMap map : op.getIndexingMapsArray())
    for (AffineExpr expr : map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        sized.set(dim.getPosition());
  if (!sized.all())
    return describe(op, "a loop has no size that an operand states");
  return {};
}

std::string checkScalarOp(Operation *op) {
  for (Value v : llvm::concat<Value>(llvm::to_vector(op->getOperands()), llvm::to_vector(op->getResults())))
    if (!isElement(getElementTypeOrSelf(v.getType())))
      return describe(op, "no kernel for element type " + typeName(v.getType()));
  Type source = op->getNumOperands() ? getElementTypeOrSelf(op->getOperand(0).getType()) : Type();
  if (isa<math::MathDialect>(op->getDialect()) || isa<arith::RemFOp>(op)) {
    Type element = source.isF16() || source.isBF16() ? Type(Float32Type::get(op->getContext())) : source;
    if (op->getNumResults() != 1 || !canExpandMath(op, element))
      return describe(op, "no expansion for " + typeName(source));
    return {};
  }
  if (!isa<arith::ArithDialect>(op->getDialect()))
    return describe(op, "not an operation that kernels are made of");
  if (op->getNumResults() != 1)
    return describe(op, "operations with several results have no kernel");
  if (isa<arith::TruncFOp>(op)) {
    Type result = getElementTypeOrSelf(op->getResult(0).getType());
    if (!result.isF32() && !source.isF32())
      return describe(op, "rounds twice; go through f32 explicitly");
  }
  if (isa<arith::ScalingExtFOp, arith::ScalingTruncFOp>(op))
    return describe(op, "no kernel");
  return {};
}

std::string check(Operation *op) {
  if (isa<func::ReturnOp, linalg::YieldOp, tensor::YieldOp, scf::YieldOp, linalg::IndexOp, tensor::ExtractOp,
          tensor::EmptyOp, tensor::CastOp, tensor::SplatOp, tensor::ConcatOp, tensor::ExtractSliceOp,
          tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return {};
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return checkLinalg(linalgOp);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    return elements && !isa<SplatElementsAttr>(elements) ? describe(op, "a constant tensor that is not a splat")
                                                         : std::string();
  }
  if (auto ifOp = dyn_cast<scf::IfOp>(op))
    return ifOp.getNumResults() && isa<linalg::LinalgOp>(ifOp->getParentOp())
               ? std::string()
               : describe(op, "outside of a linalg body");
  if (auto pad = dyn_cast<tensor::PadOp>(op))
    return pad.getConstantPaddingValue() ? std::string() : describe(op, "the padding is not one value");
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    bool unit = llvm::all_of(insert.getMixedStrides(), [](OpFoldResult s) { return isConstantIntValue(s, 1); });
    return unit ? std::string() : describe(op, "strides other than 1");
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return dim.getConstantIndex() ? std::string() : describe(op, "of a dimension that is not constant");
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op))
    return elements.getElements().size() == 1 ? std::string() : describe(op, "more than one element");
  return checkScalarOp(op);
}

} // namespace

std::string unsupportedReason(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock())
    return "a kernel is one block";
  unsigned indices = llvm::count_if(kernel.getArgumentTypes(), [](Type t) { return t.isIndex(); });
  auto edge = [&](Type type, Attribute shape) -> std::string {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !isElement(tensor.getElementType()))
      return "no kernel takes or gives " + typeName(type);
    if (!hasSizes(tensor, dyn_cast_or_null<ArrayAttr>(shape), indices))
      return "hadron.shape does not name the sizes of " + typeName(type);
    return {};
  };
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (!type.isIndex())
      if (std::string reason = edge(type, kernel.getArgAttr(i, "hadron.shape")); !reason.empty())
        return reason;
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    if (std::string reason = edge(type, kernel.getResultAttr(i, "hadron.shape")); !reason.empty())
      return reason;
  std::string reason;
  kernel.getBody().walk([&](Operation *op) {
    reason = check(op);
    // A tensor.pad's region is the constant that it was checked to be.
    return reason.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return reason;
}

} // namespace hadron::kernels
