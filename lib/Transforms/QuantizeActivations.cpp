// hadron-quantize-activations: rows to int8, once for all products that read them.
#include "hadron/Transforms/Passes.h"

#include "hadron/Transforms/Params.h"
#include "hadron/Transforms/Remarks.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "hadron/Transforms/Passes.h.inc"
namespace {

struct QuantizeActivations : impl::QuantizeActivationsBase<QuantizeActivations> {
  using QuantizeActivationsBase::QuantizeActivationsBase;

  void runOnOperation() override {
    Parameters parameters(getOperation());
    // One rounding for each row and weight group.
    llvm::MapVector<std::pair<Value, int64_t>, SmallVector<MatmulOp>> byRow;
    getOperation().walk([&](MatmulOp matmul) {
      auto format = dyn_cast<IntFormatAttr>(cast<PackedType>(matmul.getWeight().getType()).getFormat());
      if (!format || matmul.getArithmetic() != Arithmetic::F32 || !matmul.getTerms().empty() ||
          !isa<RankedTensorType>(matmul.getInput().getType()))
        return;
      if (allows(parameters.of(matmul.getWeight())))
        byRow[{matmul.getInput(), format.getGroup()}].push_back(matmul);
      else
        remark::missed(matmul.getLoc(), about(matmul, "ActivationsKept", "hadron.fuse", "activations"))
            << remark::reason("f32 is asked for, by --activations or by the graph's accuracy_level");
    });
    for (auto &[row, matmuls] : byRow) {
      auto [input, group] = row;
      auto type = cast<RankedTensorType>(input.getType());
      int64_t width = type.getShape().back(), groups = group ? (width + group - 1) / group : 1;
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(input);
      auto shaped = [&](int64_t last, Type element) {
        SmallVector<int64_t> shape(type.getShape());
        shape.back() = last;
        return RankedTensorType::get(shape, element);
      };
      Type none;
      MLIRContext *context = &getContext();
      auto prologue = PrologueOp::create(
          builder, matmuls.front().getLoc(), none, none, shaped((width + 63) / 64 * 64, builder.getI8Type()),
          shaped(1, builder.getF32Type()), shaped(groups, builder.getI32Type()), input,
          /*residual=*/Value(), /*up=*/Value(), /*gain=*/Value(), /*bias=*/Value(), RotationAttr(),
          /*inverse=*/UnitAttr(), NormKindAttr::get(context, NormKind::None), builder.getF64FloatAttr(0),
          ArithmeticAttr::get(context, Arithmetic::Int8Row), builder.getI64IntegerAttr(group));
      for (MatmulOp matmul : matmuls) {
        matmul.getInputMutable().assign(prologue.getCodes());
        matmul.getScalesMutable().assign(prologue.getScales());
        matmul.getSumsMutable().assign(prologue.getSums());
        matmul.setArithmetic(Arithmetic::Int8Row);
        ++numQuantized;
      }
      remark::passed(matmuls.front().getLoc(),
                     about(matmuls.front(), "ActivationsQuantized", "hadron.fuse", "activations"))
          << "rounded to int8 once for all products that read the row"
          << remark::metric("Products", static_cast<int64_t>(matmuls.size())) << remark::metric("Width", width)
          << remark::metric("Group", group);
    }
  }

  /// Weights that Hadron quantizes, and those that the graph brings packed, are asked for one by one: a graph may want
  /// its own products in f32.
  bool allows(ParamOp param) const { return param && encoder(param) ? quantized : packed; }
};

} // namespace
} // namespace hadron
