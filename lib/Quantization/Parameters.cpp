#include "hadron/Quantization/Parameters.h"

#include "Expressions.h"
#include "View.h"

using namespace mlir;
using namespace hadron;

int64_t hadron::parameterBytes(Type type) {
  if (auto packed = dyn_cast<PackedType>(type))
    return packed.getBytes();
  RankedTensorType tensor = ::hadron::getTensor(type);
  return tensor ? tensor.getNumElements() * elementBytes(tensor.getElementType()) : elementBytes(type);
}

llvm::Error hadron::evaluateParameter(ParamOp param, MappedFiles &files, unsigned threads, ParameterSink sink) {
  auto yield = llvm::cast<YieldOp>(param.getBody().front().getTerminator());
  llvm::Error error = Expressions(files, std::max(threads, 1u)).stream(yield.getValue(), sink);
  if (!error)
    return error;
  return llvm::createStringError("parameter '" + param.getSymName() + "': " + llvm::toString(std::move(error)));
}

llvm::Expected<std::vector<char>> hadron::evaluateParameter(ParamOp param, MappedFiles &files, unsigned threads) {
  std::vector<char> bytes(parameterBytes(param.getType()));
  if (llvm::Error error = evaluateParameter(param, files, threads, [&](int64_t offset, ArrayRef<char> part) {
        std::memcpy(bytes.data() + offset, part.data(), part.size());
        return llvm::Error::success();
      }))
    return std::move(error);
  return bytes;
}
