// hadron-quantize-weights: the format of every dense weight.
#include "hadron/Transforms/Passes.h"

#include "hadron/Transforms/FormatNames.h"
#include "hadron/Transforms/Params.h"
#include "hadron/Transforms/Remarks.h"
#include "llvm/Support/GlobPattern.h"

using namespace mlir;

namespace hadron {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "hadron/Transforms/Passes.h.inc"
namespace {

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    Parameters parameters(getOperation());
    for (auto param : getOperation().getOps<ParamOp>()) {
      auto type = dyn_cast<PackedType>(param.getType());
      if (!type || !encoder(param) || !isa<DenseFormatAttr>(type.getFormat()))
        continue;
      // Tables that only an embedding reads multiply nothing.
      bool multiplied = llvm::any_of(parameters.users(param), llvm::IsaPred<MatmulOp>);
      auto name = chosen(param, multiplied);
      if (!name)
        return signalPassFailure();
      if (name->empty()) {
        if (format != "none" && !format.empty())
          remark::missed(param.getLoc(), about(param, "WeightKept", "hadron.quantize"))
              << remark::reason(multiplied ? "--keep says so" : "no product reads it")
              << remark::metric("Weight", param.getSymName());
        continue;
      }
      auto chosenFormat = parseFormat(&getContext(), *name, type.getInputs());
      if (!chosenFormat) {
        param.emitError() << toString(chosenFormat.takeError());
        return signalPassFailure();
      }
      if (std::string reason = chosenFormat->whyNot(type.getInputs()); !reason.empty()) {
        param.emitError() << reason;
        return signalPassFailure();
      }
      setWeightType(parameters, param,
                    PackedType::get(&getContext(), type.getInputs(), type.getOutputs(), *chosenFormat, type.getIn(),
                                    type.getOut()));
      ++numQuantized;
      remark::passed(param.getLoc(), about(param, "WeightQuantized", "hadron.quantize"))
          << "rounded into another format" << remark::metric("Weight", param.getSymName())
          << remark::metric("Format", chosenFormat->getFormatName())
          << remark::metric("BitsPerWeight",
                            llvm::formatv("{0:F2}", chosenFormat->getBitsPerWeight(type.getInputs())).str())
          << remark::metric("Rotated", static_cast<bool>(type.getIn()));
    }
  }

private:
  /// The format for a parameter; empty: as it is.
  std::optional<std::string> chosen(ParamOp param, bool multiplied) {
    for (const std::string &rule : keep) {
      auto [pattern, format_] = StringRef(rule).rsplit('=');
      auto glob = llvm::GlobPattern::create(pattern);
      if (!glob || format_.empty()) {
        if (!glob)
          llvm::consumeError(glob.takeError());
        getOperation().emitError() << "expected PATTERN=FORMAT in --keep, with * and ? in the pattern; found '" << rule
                                   << "'";
        return std::nullopt;
      }
      if (glob->match(param.getSymName()))
        return format_ == "none" ? std::string() : format_.str();
    }
    return multiplied && format != "none" ? std::string(format) : std::string();
  }
};

} // namespace
} // namespace hadron
