// hadron-fuse-matmul: what follows a product becomes part of it.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_FUSEMATMUL
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// The two operands of an elementwise binary operation on tensors of one shape: of the dialect's add, of arith on
/// tensors, or of a linalg.generic with this one operation.
template <typename Scalar>
std::optional<std::pair<Value, Value>> binary(Operation *op) {
  if (isa<Scalar>(op) && isa<RankedTensorType>(op->getResult(0).getType()))
    return std::pair(op->getOperand(0), op->getOperand(1));
  if (std::is_same_v<Scalar, arith::AddFOp> && isa<AddOp>(op))
    return std::pair(op->getOperand(0), op->getOperand(1));
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 2 || generic->getNumResults() != 1 || generic.getNumReductionLoops())
    return std::nullopt;
  if (!llvm::all_of(generic.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); }))
    return std::nullopt;
  Block *body = generic.getBody();
  auto yield = cast<linalg::YieldOp>(body->getTerminator());
  auto scalar = yield.getOperand(0).getDefiningOp<Scalar>();
  if (!scalar || &body->front() != scalar.getOperation())
    return std::nullopt;
  Value a = scalar->getOperand(0), b = scalar->getOperand(1);
  if (a == body->getArgument(0) && b == body->getArgument(1))
    return std::pair(generic.getInputs()[0], generic.getInputs()[1]);
  if (a == body->getArgument(1) && b == body->getArgument(0))
    return std::pair(generic.getInputs()[1], generic.getInputs()[0]);
  return std::nullopt;
}

/// A product whose only reader may become part of it.
MatmulOp fusible(Value value) {
  auto matmul = value.getDefiningOp<MatmulOp>();
  return matmul && value.hasOneUse() && !matmul.getResidual() && !matmul.getGate() &&
                 isa<RankedTensorType>(value.getType())
             ? matmul
             : MatmulOp();
}

struct FuseActivation : OpRewritePattern<SiLUOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SiLUOp op, PatternRewriter &rewriter) const override {
    MatmulOp matmul = fusible(op.getInput());
    if (!matmul || matmul.getActivation() != Activation::None)
      return failure();
    rewriter.modifyOpInPlace(matmul, [&] { matmul.setActivation(Activation::SiLU); });
    rewriter.replaceOp(op, matmul.getOutput());
    return success();
  }
};

/// silu(x G) * (x W). Integer rows too: both read the same codes.
struct FuseGate : RewritePattern {
  explicit FuseGate(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    auto operands = binary<arith::MulFOp>(op);
    if (!operands)
      return failure();
    MatmulOp gate = fusible(operands->first), up = fusible(operands->second);
    if (!gate || !up)
      return failure();
    if (gate.getActivation() != Activation::SiLU)
      std::swap(gate, up);
    if (gate.getActivation() != Activation::SiLU || up.getActivation() != Activation::None ||
        gate.getInput() != up.getInput() || gate.getWeight().getType() != up.getWeight().getType() || gate.getBias() ||
        up.getBias() || !gate.getTerms().empty() || !up.getTerms().empty() ||
        gate.getArithmetic() != up.getArithmetic() || gate.getScales() != up.getScales())
      return failure();
    rewriter.setInsertionPoint(op);
    auto fused =
        MatmulOp::create(rewriter, rewriter.getFusedLoc({gate.getLoc(), up.getLoc()}), up.getOutput().getType(),
                         up.getInput(), up.getWeight(), ValueRange{}, gate.getWeight(), Value(), Value(),
                         up.getScales(), up.getSums(), up.getArithmetic(), Activation::SiLU);
    rewriter.replaceOp(op, fused.getOutput());
    return success();
  }
};

/// x W + r. The residual must exist before the product's place.
struct FuseResidual : RewritePattern {
  explicit FuseResidual(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    auto operands = binary<arith::AddFOp>(op);
    if (!operands)
      return failure();
    auto [a, b] = *operands;
    MatmulOp matmul = fusible(b);
    if (!matmul)
      std::swap(a, b), matmul = fusible(b);
    if (!matmul || a.getType() != b.getType() || a == b)
      return failure();
    rewriter.setInsertionPoint(op);
    auto fused = cast<MatmulOp>(rewriter.clone(*matmul));
    fused.getResidualMutable().assign(a);
    rewriter.replaceOp(op, fused.getOutput());
    return success();
  }
};

struct FuseMatmul : impl::FuseMatmulBase<FuseMatmul> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseActivation, FuseGate, FuseResidual>(&getContext());
    unsigned before = 0, after = 0;
    getOperation().walk([&](Operation *) { ++before; });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
    getOperation().walk([&](Operation *) { ++after; });
    numFused += before - std::min(before, after);
  }
};

} // namespace
} // namespace hadron
