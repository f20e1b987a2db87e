// hadron-fold-norm-gains: (N(x) g) W = N(x) (diag(g) W).
#include "hadron/Transforms/Passes.h"

#include "hadron/Transforms/Params.h"
#include "hadron/Transforms/Remarks.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_FOLDNORMGAINS
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// diag(g) W inside the parameter of W: the gain's expression is repeated there.
void multiplyRows(ParamOp weight, ParamOp gain) {
  QuantizeOp quantize = encoder(weight);
  OpBuilder builder(quantize);
  Location loc = quantize.getLoc();
  IRMapping mapping;
  Block &source = gain.getBody().front();
  for (Operation &op : source.without_terminator())
    builder.clone(op, mapping);
  Value g = mapping.lookup(cast<YieldOp>(source.getTerminator()).getValue());
  Value w = quantize.getInput();
  auto type = cast<RankedTensorType>(w.getType());
  MLIRContext *context = builder.getContext();
  AffineMap rows = AffineMap::get(2, 0, {builder.getAffineDimExpr(0)}, context),
            all = builder.getMultiDimIdentityMap(2);
  Value init = tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
  auto product = linalg::GenericOp::create(
      builder, loc, type, ValueRange{w, g}, init, ArrayRef<AffineMap>{all, rows, all},
      SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel), [&](OpBuilder &b, Location l, ValueRange v) {
        Value gainValue = v[1];
        unsigned from = gainValue.getType().getIntOrFloatBitWidth(), to = type.getElementTypeBitWidth();
        if (from < to)
          gainValue = arith::ExtFOp::create(b, l, type.getElementType(), gainValue);
        else if (from > to)
          gainValue = arith::TruncFOp::create(b, l, type.getElementType(), gainValue);
        linalg::YieldOp::create(b, l, arith::MulFOp::create(b, l, v[0], gainValue).getResult());
      });
  quantize.getInputMutable().assign(product.getResult(0));
}

struct FoldNormGains : impl::FoldNormGainsBase<FoldNormGains> {
  void runOnOperation() override {
    Parameters parameters(getOperation());
    getOperation().walk([&](RMSNormOp norm) { fold(norm, parameters); });
  }

  void fold(RMSNormOp norm, const Parameters &parameters) {
    ParamOp gain = parameters.of(norm.getGain());
    if (!gain)
      return;
    llvm::SmallSetVector<ParamOp, 4> weights;
    auto keep = [&](StringRef reason) {
      remark::missed(norm.getLoc(), about(norm, "GainKept", "hadron.rotate", "gain"))
          << remark::reason("{0}", reason.str()) << remark::metric("Gain", gain.getSymName());
    };
    for (Operation *user : norm.getOutput().getUsers()) {
      auto matmul = dyn_cast<MatmulOp>(user);
      if (!matmul || matmul.getInput() != norm.getOutput())
        return keep("something other than a product reads the normalized row");
      for (Value weight : {matmul.getWeight(), matmul.getGate()})
        if (ParamOp param = parameters.of(weight))
          weights.insert(param);
      if (!matmul.getTerms().empty())
        return keep("a product has further terms");
    }
    for (ParamOp weight : weights) {
      QuantizeOp quantize = encoder(weight);
      if (!quantize || cast<PackedType>(weight.getType()).getIn())
        return keep("a weight is packed already");
      if (!llvm::all_of(parameters.users(weight),
                        [&](Operation *user) { return llvm::is_contained(norm.getOutput().getUsers(), user); }))
        return keep("a weight is tied, or shared with another input");
    }
    if (weights.empty())
      return;
    for (ParamOp weight : weights)
      multiplyRows(weight, gain);
    norm.getGainMutable().clear();
    ++numFolded;
    std::vector<std::string> names;
    for (ParamOp weight : weights)
      names.push_back(weight.getSymName().str());
    remark::passed(norm.getLoc(), about(norm, "GainFolded", "hadron.rotate", "gain"))
        << "multiplied into the weights behind it" << remark::metric("Gain", gain.getSymName())
        << remark::metric("Weights", llvm::join(names, ", "));
  }
};

} // namespace
} // namespace hadron
