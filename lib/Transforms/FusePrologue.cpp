// hadron-fuse-prologue: everything that happens to a row before it is multiplied, in one pass over it.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_FUSEPROLOGUE
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// A prologue with one plain result.
struct Row {
  Value input = {}, residual = {}, up = {}, gain = {}, bias = {};
  RotationAttr rotation = {};
  bool inverse = false, sum = false;
  NormKind norm = NormKind::None;
  double epsilon = 0;

  PrologueOp create(OpBuilder &builder, Location loc) const {
    Type none, type = input.getType();
    MLIRContext *context = builder.getContext();
    return PrologueOp::create(builder, loc, sum ? type : none, type, none, none, none, input, residual, up, gain, bias, rotation, inverse ? builder.getUnitAttr() : UnitAttr(), NormKindAttr::get(context, norm),
                              builder.getF64FloatAttr(epsilon), ArithmeticAttr::get(context, Arithmetic::F32), builder.getI64IntegerAttr(0));
  }
  static Row of(PrologueOp op) {
    return {op.getInput(), op.getResidual(), op.getUp(), op.getGain(), op.getBias(), op.getRotationAttr(), op.getInverse(), static_cast<bool>(op.getSum()), op.getNorm(), op.getEpsilon().convertToDouble()};
  }
};

struct FromRMSNorm : OpRewritePattern<RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RMSNormOp op, PatternRewriter &rewriter) const override {
    if (!isa<RankedTensorType>(op.getInput().getType()))
      return failure();
    Row row;
    row.input = op.getInput();
    row.gain = op.getGain();
    row.norm = NormKind::RMS;
    row.epsilon = op.getEpsilon().convertToDouble();
    rewriter.replaceOp(op, row.create(rewriter, op.getLoc()).getOutput());
    return success();
  }
};

struct FromLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LayerNormOp op, PatternRewriter &rewriter) const override {
    Row row;
    row.input = op.getInput();
    row.gain = op.getGain();
    row.bias = op.getBias();
    row.norm = NormKind::Layer;
    row.epsilon = op.getEpsilon().convertToDouble();
    rewriter.replaceOp(op, row.create(rewriter, op.getLoc()).getOutput());
    return success();
  }
};

/// fwht(x) is a prologue that only rotates. A scale that is not 1 stays outside.
struct FromFWHT : OpRewritePattern<FWHTOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(FWHTOp op, PatternRewriter &rewriter) const override {
    if (op.getScale().convertToDouble() != 1 || op.getRotation().getSpan() != 1)
      return failure();
    Row row;
    row.input = op.getInput();
    row.rotation = op.getRotation();
    row.inverse = op.getInverse();
    rewriter.replaceOp(op, row.create(rewriter, op.getLoc()).getOutput());
    return success();
  }
};

/// rotate(norm(x)) in one pass: (R . N)(x). The first prologue must not rotate, and give its row to nobody else.
struct JoinRotation : OpRewritePattern<PrologueOp> {
  JoinRotation(MLIRContext *context, Pass::Statistic &count) : OpRewritePattern(context), count(count) {}
  LogicalResult matchAndRewrite(PrologueOp op, PatternRewriter &rewriter) const override {
    Row second = Row::of(op);
    auto producer = op.getInput().getDefiningOp<PrologueOp>();
    if (!producer || producer.getOutput() != op.getInput() || !op.getInput().hasOneUse() || producer.getRotation() || producer.getArithmetic() != Arithmetic::F32 || op.getArithmetic() != Arithmetic::F32)
      return failure();
    if (!second.rotation || second.norm != NormKind::None || second.gain || second.bias || second.residual || second.up)
      return failure();
    Row joined = Row::of(producer);
    joined.rotation = second.rotation;
    joined.inverse = second.inverse;
    rewriter.setInsertionPoint(op);
    auto fused = joined.create(rewriter, rewriter.getFusedLoc({producer.getLoc(), op.getLoc()}));
    if (producer.getSum())
      rewriter.replaceAllUsesWith(producer.getSum(), fused.getSum());
    rewriter.replaceOp(op, fused.getOutput());
    rewriter.eraseOp(producer);
    ++count;
    return success();
  }
  Pass::Statistic &count;
};

/// norm(a + b): the sum is made on the way, and kept where others read it.
struct JoinResidual : OpRewritePattern<PrologueOp> {
  JoinResidual(MLIRContext *context, Pass::Statistic &count) : OpRewritePattern(context), count(count) {}
  LogicalResult matchAndRewrite(PrologueOp op, PatternRewriter &rewriter) const override {
    auto add = op.getInput().getDefiningOp<AddOp>();
    if (!add || op.getResidual() || op.getUp() || op.getSum() || op.getNorm() == NormKind::None || op.getArithmetic() != Arithmetic::F32)
      return failure();
    // The sum comes into being here, so nothing before this operation may read it.
    for (Operation *user : add->getUsers())
      if (user->getBlock() != op->getBlock() || user->isBeforeInBlock(op))
        return failure();
    Row row = Row::of(op);
    row.input = add.getLhs();
    row.residual = add.getRhs();
    row.sum = !add.getOutput().hasOneUse();
    auto fused = row.create(rewriter, rewriter.getFusedLoc({add.getLoc(), op.getLoc()}));
    rewriter.replaceOp(op, fused.getOutput());
    if (row.sum)
      rewriter.replaceOp(add, fused.getSum());
    else
      rewriter.eraseOp(add);
    ++count;
    return success();
  }
  Pass::Statistic &count;
};

struct FusePrologue : impl::FusePrologueBase<FusePrologue> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FromRMSNorm, FromLayerNorm, FromFWHT>(&getContext());
    patterns.add<JoinRotation, JoinResidual>(&getContext(), numFused);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace hadron
