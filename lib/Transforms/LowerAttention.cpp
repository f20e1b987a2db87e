// hadron-lower-attention: hadron.attention → hadron.attend over tensors that hold all keys and values.
#include "hadron/Transforms/Passes.h"

#include "Hadron/IR/Hadron.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_LOWERATTENTION
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// [B, S, H, d] → [B, H, S, d].
Value headsFirst(OpBuilder &builder, Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto result = RankedTensorType::get({type.getDimSize(0), type.getDimSize(2), type.getDimSize(1), type.getDimSize(3)},
                                      type.getElementType());
  SmallVector<Value> sizes;
  for (int64_t axis : {0, 2, 1, 3})
    if (type.isDynamicDim(axis))
      sizes.push_back(tensor::DimOp::create(builder, loc, value, axis));
  Value init = tensor::EmptyOp::create(builder, loc, result, sizes);
  return linalg::TransposeOp::create(builder, loc, value, init, ArrayRef<int64_t>{0, 2, 1, 3}).getResult()[0];
}

/// past ++ present along the tokens.
Value cache(OpBuilder &builder, Location loc, Value past, Value present, bool isHeadsFirst) {
  if (!isHeadsFirst)
    present = headsFirst(builder, loc, present);
  return past ? tensor::ConcatOp::create(builder, loc, /*dim=*/2, ValueRange{past, present}).getResult() : present;
}

struct LowerAttention : impl::LowerAttentionBase<LowerAttention> {
  void runOnOperation() override {
    getOperation().walk([](ExplicitAttentionOp op) {
      OpBuilder builder(op);
      Location loc = op.getLoc();
      Value keys = cache(builder, loc, op.getPastKey(), op.getKey(), op.getHeadsFirst());
      Value values = cache(builder, loc, op.getPastValue(), op.getValue(), op.getHeadsFirst());
      Value total = tensor::DimOp::create(builder, loc, keys, 2);
      auto attend = AttendOp::create(builder, loc, op.getOutput().getType(), op.getQuery(), keys, values, total,
                                     op.getMask(), op.getLengths(), op.getScaleAttr(), op.getSoftcapAttr(),
                                     op.getCausalAttr(), op.getWindowAttr(), op.getHeadsFirstAttr());
      op.getOutput().replaceAllUsesWith(attend.getOutput());
      auto replacePresent = [&](Value present, Value with) {
        if (!present)
          return;
        if (present.getType() != with.getType())
          with = tensor::CastOp::create(builder, loc, present.getType(), with);
        present.replaceAllUsesWith(with);
      };
      replacePresent(op.getPresentKey(), keys);
      replacePresent(op.getPresentValue(), values);
      op.erase();
    });
  }
};

} // namespace
} // namespace hadron
