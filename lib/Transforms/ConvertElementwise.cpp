// hadron-convert-elementwise: the elementwise rest as linalg.generic, joined where one value has one reader.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_CONVERTELEMENTWISE
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// A linalg.generic over the whole shape of `like`, one scalar in, one out.
Value mapElements(OpBuilder &builder, Location loc, ValueRange inputs, RankedTensorType result,
                  function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < result.getRank(); ++axis)
    if (result.isDynamicDim(axis))
      sizes.push_back(tensor::DimOp::create(builder, loc, inputs[0], axis));
  Value init = tensor::EmptyOp::create(builder, loc, result, sizes);
  SmallVector<AffineMap> maps(inputs.size() + 1, builder.getMultiDimIdentityMap(result.getRank()));
  SmallVector<utils::IteratorType> iterators(result.getRank(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, result, inputs, init, maps, iterators,
      [&](OpBuilder &b, Location l, ValueRange arguments) { linalg::YieldOp::create(b, l, body(b, l, arguments)); });
  return generic.getResult(0);
}

struct ConvertAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type)
      return failure();
    rewriter.replaceOp(op, mapElements(rewriter, op.getLoc(), {op.getLhs(), op.getRhs()}, type,
                                       [](OpBuilder &b, Location l, ValueRange v) {
                                         return arith::AddFOp::create(b, l, v[0], v[1]);
                                       }));
    return success();
  }
};

struct ConvertCast : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type)
      return failure();
    Type to = type.getElementType();
    rewriter.replaceOp(op, mapElements(rewriter, op.getLoc(), op.getInput(), type,
                                       [&](OpBuilder &b, Location l, ValueRange v) -> Value {
                                         unsigned from = v[0].getType().getIntOrFloatBitWidth();
                                         if (from < to.getIntOrFloatBitWidth())
                                           return arith::ExtFOp::create(b, l, to, v[0]);
                                         if (from > to.getIntOrFloatBitWidth())
                                           return arith::TruncFOp::create(b, l, to, v[0]);
                                         Value wide = arith::ExtFOp::create(b, l, b.getF32Type(), v[0]); // f16 <-> bf16
                                         return arith::TruncFOp::create(b, l, to, wide);
                                       }));
    return success();
  }
};

/// x / (1 + exp(-x)), in f32 where the type is narrower.
struct ConvertSiLU : OpRewritePattern<SiLUOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SiLUOp op, PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    rewriter.replaceOp(
        op,
        mapElements(rewriter, op.getLoc(), op.getInput(), type, [&](OpBuilder &b, Location l, ValueRange v) -> Value {
          Value x = v[0];
          bool narrow = type.getElementTypeBitWidth() < 32;
          if (narrow)
            x = arith::ExtFOp::create(b, l, b.getF32Type(), x);
          Value one = arith::ConstantOp::create(b, l, b.getFloatAttr(x.getType(), 1));
          Value e = math::ExpOp::create(b, l, arith::NegFOp::create(b, l, x));
          Value y = arith::DivFOp::create(b, l, x, arith::AddFOp::create(b, l, one, e));
          return narrow ? arith::TruncFOp::create(b, l, type.getElementType(), y).getResult() : y;
        }));
    return success();
  }
};

struct ConvertElementwise : impl::ConvertElementwiseBase<ConvertElementwise> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet convert(context);
    convert.add<ConvertAdd, ConvertCast, ConvertSiLU>(context);
    linalg::populateElementwiseToLinalgConversionPatterns(convert);
    RewritePatternSet join(context);
    linalg::populateElementwiseOpsFusionPatterns(join, [](OpOperand *operand) { return operand->get().hasOneUse(); });
    linalg::GenericOp::getCanonicalizationPatterns(join, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(convert))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(join))))
      signalPassFailure();
  }
};

} // namespace
} // namespace hadron
