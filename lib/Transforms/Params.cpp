#include "hadron/Transforms/Params.h"

using namespace mlir;

namespace hadron {

Parameters::Parameters(ModuleOp module) : module(module) {
  for (auto param : module.getOps<ParamOp>())
    params[param.getSymName()] = param;
  module.walk([&](ParamGetOp get) { gets[get.getParam()].push_back(get); });
}

ParamOp Parameters::of(Value value) const {
  auto get = value ? value.getDefiningOp<ParamGetOp>() : ParamGetOp();
  return get ? params.lookup(get.getParam()) : ParamOp();
}

ArrayRef<ParamGetOp> Parameters::readers(ParamOp param) const {
  auto found = gets.find(param.getSymName());
  return found == gets.end() ? ArrayRef<ParamGetOp>() : ArrayRef<ParamGetOp>(found->second);
}

SmallVector<Operation *> Parameters::users(ParamOp param) const {
  SmallVector<Operation *> result;
  for (ParamGetOp get : readers(param))
    llvm::append_range(result, get->getUsers());
  return result;
}

QuantizeOp encoder(ParamOp param) {
  auto yield = cast<YieldOp>(param.getBody().front().getTerminator());
  return yield.getValue().getDefiningOp<QuantizeOp>();
}

void setWeightType(const Parameters &parameters, ParamOp param, PackedType type) {
  param.setTypeAttr(TypeAttr::get(type));
  encoder(param).getOutput().setType(type);
  for (ParamGetOp get : parameters.readers(param))
    get.getValue().setType(type);
}

} // namespace hadron
