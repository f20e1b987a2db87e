// hadron-erase-basis: !hadron.rotated<T, R> → T. The verifiers have refused every wrong basis before this pass.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_ERASEBASIS
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// rotate = fwht, unrotate = fwht inverse.
template <typename Op>
struct EraseRotation : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    constexpr bool inverse = std::is_same_v<Op, UnrotateOp>;
    Type rotated = inverse ? op.getInput().getType() : op.getOutput().getType();
    rewriter.replaceOpWithNewOp<FWHTOp>(op, getTensor(rotated), adaptor.getInput(),
                                        cast<RotatedType>(rotated).getRotation(), rewriter.getF64FloatAttr(1),
                                        inverse ? rewriter.getUnitAttr() : UnitAttr());
    return success();
  }
};

/// Operations with a basis rule and the same meaning on tensors: new types, nothing else.
struct EraseTypes : ConversionPattern {
  EraseTypes(const TypeConverter &types, MLIRContext *context)
      : ConversionPattern(types, MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isa<HadronDialect, arith::ArithDialect>(op->getDialect()) || op->getNumRegions())
      return failure();
    OperationState state(op->getLoc(), op->getName());
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertTypes(op->getResultTypes(), types)))
      return failure();
    state.addOperands(operands);
    state.addTypes(types);
    state.addAttributes(op->getAttrs());
    rewriter.replaceOp(op, rewriter.create(state));
    return success();
  }
};

struct EraseBasis : impl::EraseBasisBase<EraseBasis> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    getOperation()->removeAttr(HadronDialect::kChecked);
    getOperation().walk(
        [&](func::FuncOp function) { function->setAttr(HadronDialect::kErased, UnitAttr::get(context)); });
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([](RotatedType type) -> Type { return type.getTensor(); });
    RewritePatternSet patterns(context);
    ConversionTarget target(*context);
    patterns.add<EraseRotation<RotateOp>, EraseRotation<UnrotateOp>>(types, context, /*benefit=*/2);
    patterns.add<EraseTypes>(types, context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, types);
    populateCallOpTypeConversionPattern(patterns, types);
    populateReturnOpTypeConversionPattern(patterns, types);
    scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
    target.addDynamicallyLegalOp<func::FuncOp>(
        [&](func::FuncOp f) { return types.isSignatureLegal(f.getFunctionType()) && types.isLegal(&f.getBody()); });
    target.markUnknownOpDynamicallyLegal([&](Operation *op) { return types.isLegal(op); });
    ConversionConfig config;
    config.allowPatternRollback = false;
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
} // namespace hadron
