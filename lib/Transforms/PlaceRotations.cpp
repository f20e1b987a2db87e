// hadron-place-rotations: x W = (R x) (R W).
#include "hadron/Transforms/Passes.h"

#include "hadron/Support/Hadamard.h"
#include "hadron/Transforms/Params.h"
#include "hadron/Transforms/Remarks.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_PLACEROTATIONS
#include "hadron/Transforms/Passes.h.inc"
namespace {

/// Blocks smaller than this mix too few values to flatten outliers.
constexpr int64_t kLeastBlock = 16;

struct PlaceRotations : impl::PlaceRotationsBase<PlaceRotations> {
  using PlaceRotationsBase::PlaceRotationsBase;

  void runOnOperation() override {
    Parameters parameters(getOperation());
    llvm::MapVector<Value, SmallVector<MatmulOp>> byInput;
    getOperation().walk([&](MatmulOp matmul) {
      if (eligible(matmul, parameters))
        byInput[matmul.getInput()].push_back(matmul);
    });
    for (auto &[input, matmuls] : byInput)
      if (failed(rotate(input, matmuls, parameters)))
        return signalPassFailure();
  }

private:
  /// Products of a value in the standard basis with dense weights that only products and embeddings read.
  bool eligible(MatmulOp matmul, const Parameters &parameters) {
    if (matmul.getArithmetic() != Arithmetic::F32 || !matmul.getTerms().empty() ||
        !isa<RankedTensorType>(matmul.getInput().getType()))
      return false;
    for (Value weight : {matmul.getWeight(), matmul.getGate()}) {
      if (!weight)
        continue;
      ParamOp param = parameters.of(weight);
      StringRef reason;
      if (!param || !encoder(param))
        reason = "the graph brings this weight packed";
      else if (!llvm::all_of(parameters.users(param), llvm::IsaPred<MatmulOp, EmbeddingOp>))
        reason = "something other than a product or an embedding reads this weight";
      if (reason.empty())
        continue;
      remark::missed(matmul.getLoc(), about(matmul, "RotationNotPlaced", "hadron.rotate", "online"))
          << remark::reason("{0}", reason.str());
      return false;
    }
    return true;
  }

  /// The rotation for inputs of `width`; null when there is none.
  FailureOr<RotationAttr> rotationFor(Operation *op, int64_t width) {
    MLIRContext *context = &getContext();
    int64_t block = size ? static_cast<int64_t>(size) : width & -width;
    Attribute transform;
    if (size && (!llvm::isPowerOf2_64(block) || width % block)) {
      op->emitError() << "the rotation size " << block << " is no power of two that divides the width " << width
                      << "; choose another --rotation-size";
      return failure();
    }
    if (size || block >= kLeastBlock) {
      transform = WHTAttr::get(context, block);
    } else if (auto order = splitOrder(width); order && order->first > 1) {
      transform = HadamardAttr::get(context, order->first, StringAttr::get(context, *defaultTable(order->first)),
                                    int64_t(1) << order->second, /*transposed=*/false);
    } else {
      return RotationAttr();
    }
    auto signs =
        SignsAttr::get(context, width, StringAttr::get(context, "input"), seed, /*round=*/0, /*bits=*/StringAttr());
    return RotationAttr::get(context, {signs, transform});
  }

  LogicalResult rotate(Value input, ArrayRef<MatmulOp> matmuls, const Parameters &parameters) {
    auto type = cast<RankedTensorType>(input.getType());
    int64_t width = type.getShape().back();
    MatmulOp first = matmuls.front();
    auto rotation = rotationFor(first, width);
    if (failed(rotation))
      return failure();
    if (!*rotation) {
      remark::missed(first.getLoc(), about(first, "RotationNotPlaced", "hadron.rotate", "online"))
          << remark::reason("no Hadamard order divides the width") << remark::metric("Width", width);
      return success();
    }
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(input);
    auto rotated = RotateOp::create(builder, first.getLoc(), inBasis(type, *rotation), input);
    ++numRotations;
    std::vector<std::string> weights;
    for (MatmulOp matmul : matmuls) {
      matmul.getInputMutable().assign(rotated.getOutput());
      for (Value weight : {matmul.getWeight(), matmul.getGate()})
        if (ParamOp param = parameters.of(weight)) {
          rotateWeight(param, *rotation, parameters);
          weights.push_back(param.getSymName().str());
        }
    }
    remark::passed(first.getLoc(), about(first, "RotationPlaced", "hadron.rotate", "online"))
        << "on the activation at run time, once for all products that read it; in their weights at compile time"
        << remark::metric("Products", static_cast<int64_t>(matmuls.size())) << remark::metric("Width", width)
        << remark::metric("Transform", rotation->getFactors().back())
        << remark::metric("Weights", llvm::join(weights, ", "));
    return success();
  }

  /// R W. Signs depend on the width alone, so a weight that products of several values read gets the same rotation from
  /// each.
  void rotateWeight(ParamOp param, RotationAttr rotation, const Parameters &parameters) {
    auto type = cast<PackedType>(param.getType());
    if (type.getIn() == rotation)
      return;
    setWeightType(
        parameters, param,
        PackedType::get(&getContext(), type.getInputs(), type.getOutputs(), type.getFormat(), rotation, type.getOut()));
    for (Operation *user : parameters.users(param)) {
      auto embedding = dyn_cast<EmbeddingOp>(user);
      if (!embedding)
        continue;
      Type plain = embedding.getOutput().getType();
      embedding.getOutput().setType(inBasis(getTensor(plain), rotation));
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfter(embedding);
      auto back = UnrotateOp::create(builder, embedding.getLoc(), plain, embedding.getOutput());
      embedding.getOutput().replaceAllUsesExcept(back.getOutput(), back);
      remark::passed(embedding.getLoc(), about(embedding, "RotationUndone", "hadron.rotate", "embedding"))
          << "rows of this table are rotated back when they are looked up"
          << remark::reason("the table is a weight of products too") << remark::metric("Table", param.getSymName());
    }
  }
};

} // namespace
} // namespace hadron
