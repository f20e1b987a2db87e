// hadron-fuse-prologue: everything that happens to a row before it is multiplied, in one pass over it.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "hadron/Transforms/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_FUSEPROLOGUE
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// A prologue with one plain result.
struct Row {
  Value input = {}, gain = {}, bias = {};
  RotationAttr rotation = {};
  bool inverse = false;
  NormKind norm = NormKind::None;
  double epsilon = 0;

  PrologueOp create(OpBuilder &builder, Location loc) const {
    Type none, type = input.getType();
    MLIRContext *context = builder.getContext();
    return PrologueOp::create(builder, loc, none, type, none, none, none, input, Value(), Value(), gain, bias, rotation,
                              inverse ? builder.getUnitAttr() : UnitAttr(), NormKindAttr::get(context, norm),
                              builder.getF64FloatAttr(epsilon), ArithmeticAttr::get(context, Arithmetic::F32),
                              builder.getI64IntegerAttr(0));
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

/// rotate(norm(x)), round(row): the rotation and the rounding of the second in the pass of the first, (Q . R . N)(x).
/// The first gives its row to nobody else, and does nothing that comes behind what the second does.
struct JoinTail : OpRewritePattern<PrologueOp> {
  JoinTail(MLIRContext *context, Pass::Statistic &count) : OpRewritePattern(context), count(count) {}
  LogicalResult matchAndRewrite(PrologueOp op, PatternRewriter &rewriter) const override {
    auto producer = op.getInput().getDefiningOp<PrologueOp>();
    if (!producer || producer.getOutput() != op.getInput() || !op.getInput().hasOneUse() || producer.getCodes())
      return failure();
    if (op.getSum() || op.getNorm() != NormKind::None || op.getGain() || op.getBias() || op.getResidual() ||
        op.getUp() || (op.getRotation() && producer.getRotation()))
      return failure();
    // The joined operation stands where the second did: who reads the first's sum must stand behind it.
    if (producer.getSum() && !llvm::all_of(producer.getSum().getUsers(), [&](Operation *user) {
          return user->getBlock() == op->getBlock() && op->isBeforeInBlock(user);
        }))
      return failure();
    bool rotates = static_cast<bool>(op.getRotation());
    auto typeOf = [](Value value) { return value ? value.getType() : Type(); };
    rewriter.setInsertionPoint(op);
    auto joined =
        PrologueOp::create(rewriter, rewriter.getFusedLoc({producer.getLoc(), op.getLoc()}), typeOf(producer.getSum()),
                           typeOf(op.getOutput()), typeOf(op.getCodes()), typeOf(op.getScales()), typeOf(op.getSums()),
                           producer.getInput(), producer.getResidual(), producer.getUp(), producer.getGain(),
                           producer.getBias(), rotates ? op.getRotationAttr() : producer.getRotationAttr(),
                           rotates ? op.getInverseAttr() : producer.getInverseAttr(), producer.getNormAttr(),
                           producer.getEpsilonAttr(), op.getArithmeticAttr(), op.getGroupAttr());
    if (producer.getSum())
      rewriter.replaceAllUsesWith(producer.getSum(), joined.getSum());
    rewriter.replaceOp(op, joined.getResults().take_back(op->getNumResults()));
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
    if (!add || op.getResidual() || op.getUp() || op.getSum() || op.getNorm() == NormKind::None)
      return failure();
    // The sum comes into being here, so nothing before this operation may read it.
    for (Operation *user : add->getUsers())
      if (user->getBlock() != op->getBlock() || user->isBeforeInBlock(op))
        return failure();
    bool keepSum = !add.getOutput().hasOneUse();
    auto typeOf = [](Value value) { return value ? value.getType() : Type(); };
    auto fused = PrologueOp::create(
        rewriter, rewriter.getFusedLoc({add.getLoc(), op.getLoc()}), keepSum ? op.getInput().getType() : Type(),
        typeOf(op.getOutput()), typeOf(op.getCodes()), typeOf(op.getScales()), typeOf(op.getSums()), add.getLhs(),
        add.getRhs(), Value(), op.getGain(), op.getBias(), op.getRotationAttr(), op.getInverseAttr(), op.getNormAttr(),
        op.getEpsilonAttr(), op.getArithmeticAttr(), op.getGroupAttr());
    rewriter.replaceOp(op, fused.getResults().take_back(op->getNumResults()));
    if (keepSum)
      rewriter.replaceOp(add, fused.getSum());
    else
      rewriter.eraseOp(add);
    ++count;
    return success();
  }
  Pass::Statistic &count;
};

/// What comes of a rotation at run time.
void remarkRotation(PrologueOp op) {
  if (!op.getRotation())
    return;
  std::vector<StringRef> others;
  if (op.getResidual())
    others.push_back("residual");
  if (op.getUp())
    others.push_back("gate");
  if (op.getNorm() != NormKind::None)
    others.push_back("normalization");
  if (op.getCodes())
    others.push_back("rounding to int8");
  int64_t width = cast<RankedTensorType>(op.getInput().getType()).getShape().back();
  Attribute transform = op.getRotation()->getFactors().back();
  if (!others.empty()) {
    remark::passed(op.getLoc(), about(op, "RotationFused", "hadron.fuse", "prologue"))
        << "in one pass over the row with what is there anyway" << remark::metric("With", llvm::join(others, ", "))
        << remark::metric("Inverse", op.getInverse()) << remark::metric("Width", width)
        << remark::metric("Transform", transform);
    return;
  }
  Operation *producer = op.getInput().getDefiningOp();
  std::string reason = "the row is an argument";
  if (isa_and_nonnull<PrologueOp>(producer))
    reason = "others read the row before it is rotated";
  else if (producer)
    reason = ("the row comes from " + producer->getName().getStringRef() + ", whose kernel takes no rotation").str();
  remark::missed(op.getLoc(), about(op, "RotationAlone", "hadron.fuse", "prologue"))
      << "a kernel that only rotates" << remark::reason("{0}", reason) << remark::metric("Inverse", op.getInverse())
      << remark::metric("Width", width) << remark::metric("Transform", transform);
}

void remarkRotation(FWHTOp op) {
  remark::missed(op.getLoc(), about(op, "RotationAlone", "hadron.fuse", "prologue"))
      << "a kernel that only rotates"
      << remark::reason(op.getRotation().getSpan() == 1 ? "its scale is not 1" : "it spans several axes")
      << remark::metric("Inverse", op.getInverse());
}

struct FusePrologue : impl::FusePrologueBase<FusePrologue> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FromRMSNorm, FromLayerNorm, FromFWHT>(&getContext());
    patterns.add<JoinTail, JoinResidual>(&getContext(), numFused);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation().walk([](PrologueOp op) { remarkRotation(op); });
    getOperation().walk([](FWHTOp op) { remarkRotation(op); });
  }
};

} // namespace
} // namespace hadron
