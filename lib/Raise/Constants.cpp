#include "Constants.h"
#include "Patterns.h"

#include "hadron/Support/OpenBeneath.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"
#include <unistd.h>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;
using hadron::onnx::OnnxTensorType;

namespace {

double numberOf(const APFloat &value) {
  APFloat copy = value;
  bool lost;
  copy.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return copy.convertToDouble();
}

std::optional<std::vector<double>> decode(ArrayRef<char> bytes, Type element) {
  int64_t width = element.getIntOrFloatBitWidth() / 8, count = bytes.size() / width;
  std::vector<double> numbers(count);
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    for (int64_t k = 0; k < width; ++k)
      bits |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i * width + k])) << (8 * k);
    if (auto type = dyn_cast<FloatType>(element))
      numbers[i] = numberOf(APFloat(type.getFloatSemantics(), APInt(8 * width, bits)));
    else
      numbers[i] = element.isUnsignedInteger() ? static_cast<double>(bits)
                                               : static_cast<double>(APInt(8 * width, bits).getSExtValue());
  }
  return numbers;
}

std::optional<std::vector<double>> readInitializer(onnx::InitializerOp initializer, int64_t first, int64_t count) {
  Type element = initializer.getType().getElementType();
  unsigned bits = OnnxTensorType::getStorageBits(element);
  if (bits < 8 || !isa<FloatType, IntegerType>(element) || element.isInteger(1))
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(initializer.getData())) {
    if (first + count > dense.getNumElements())
      return std::nullopt;
    std::vector<double> numbers(count);
    for (int64_t i = 0; i < count; ++i)
      if (isa<FloatType>(element))
        numbers[i] = numberOf(dense.getValues<APFloat>()[first + i]);
      else if (element.isUnsignedInteger())
        numbers[i] = static_cast<double>(dense.getValues<APInt>()[first + i].getZExtValue());
      else
        numbers[i] = static_cast<double>(dense.getValues<APInt>()[first + i].getSExtValue());
    return numbers;
  }
  auto slice = cast<onnx::FileSliceAttr>(initializer.getData());
  int64_t width = bits / 8;
  if (static_cast<uint64_t>((first + count) * width) > slice.getLength())
    return std::nullopt;
  auto graph = initializer->getParentOfType<onnx::GraphOp>();
  auto file = openBeneath(llvm::sys::path::parent_path(graph.getSource().value_or("")), slice.getFile());
  if (!file) { // a graph can be looked at without its weights
    llvm::consumeError(file.takeError());
    return std::nullopt;
  }
  std::vector<char> bytes(count * width);
  ssize_t read = pread(file->descriptor, bytes.data(), bytes.size(), slice.getOffset() + first * width);
  close(file->descriptor);
  if (read != static_cast<ssize_t>(bytes.size()))
    return std::nullopt;
  return decode(bytes, element);
}

} // namespace

std::optional<std::vector<double>> raising::readConstant(Value value, int64_t first, int64_t count) {
  if (auto initializer = value.getDefiningOp<onnx::InitializerOp>())
    return readInitializer(initializer, first, count);
  auto node = value.getDefiningOp<NodeOp>();
  if (!node || !node.getDomain().empty())
    return std::nullopt;
  if (node.getOpType() == "Reshape" || node.getOpType() == "Identity" ||
      (node.getOpType() == "Cast" && isa<FloatType>(elementTypeOf(value))))
    return readConstant(node.getInput(0), first, count);
  if (node.getOpType() != "DequantizeLinear")
    return std::nullopt;
  std::optional<double> scale = scalarOf(node.getInput(1));
  std::optional<std::vector<double>> zero =
      node.getInput(2) ? readConstant(node.getInput(2), 0, 1) : std::vector<double>{0};
  auto codes = readConstant(node.getInput(0), first, count);
  if (!scale || !zero || !codes)
    return std::nullopt;
  for (double &code : *codes)
    code = (code - (*zero)[0]) * *scale;
  return codes;
}
