// tensor: movement of elements.
#include "Evaluator.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

namespace {

/// Counts an index up in row-major order; false after the last one.
bool next(MutableArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  for (size_t d = shape.size(); d-- > 0;) {
    if (++index[d] < shape[d])
      return true;
    index[d] = 0;
  }
  return false;
}

SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

int64_t product(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

/// Calls f(linear index into the whole, linear index into the slice) for each element of a slice.
void forSlice(ArrayRef<int64_t> whole, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides,
              function_ref<void(int64_t, int64_t)> f) {
  if (llvm::is_contained(sizes, 0))
    return;
  SmallVector<int64_t> unit = stridesOf(whole), index(sizes.size(), 0);
  int64_t i = 0;
  do {
    int64_t at = 0;
    for (size_t d = 0; d < sizes.size(); ++d)
      at += (offsets[d] + index[d] * strides[d]) * unit[d];
    f(at, i++);
  } while (next(index, sizes));
}

std::string list(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, d] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(d);
  return text + "]";
}

llvm::Error checkSlice(Operation *op, ArrayRef<int64_t> whole, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                       ArrayRef<int64_t> strides) {
  for (size_t d = 0; d < whole.size(); ++d) {
    int64_t first = offsets[d], last = offsets[d] + (sizes[d] - 1) * strides[d];
    if (sizes[d] < 0 || (sizes[d] > 0 && (std::min(first, last) < 0 || std::max(first, last) >= whole[d])))
      return fail(op, "slice at " + list(offsets) + " of " + list(sizes) + " leaves the tensor " + list(whole));
  }
  return llvm::Error::success();
}

/// The shape of a result whose static sizes are in its type: dynamic ones take the next of `found`.
Result reshapeLike(Operation *op, const RefValue &value, ArrayRef<int64_t> shape) {
  if (product(shape) != value.size())
    return fail(op, "reshapes " + list(value.getShape()) + " to " + list(shape));
  return value.reshaped(shape);
}

Result empty(Evaluator &e, tensor::EmptyOp op) {
  RefValue value(op.getType().getElementType(), e.sizes(op.getMixedSizes()));
  // Whoever reads it makes a mistake, and shall see it.
  if (value.isFloat())
    for (Scalar &x : value.edit())
      x.f = std::nan("");
  return value;
}

Result extract(Evaluator &e, tensor::ExtractOp op) {
  const RefValue &source = e[op.getTensor()];
  int64_t at = 0;
  for (auto [d, operand] : llvm::enumerate(op.getIndices())) {
    int64_t i = e[operand].getInt(0);
    if (i < 0 || i >= source.getDim(d))
      return fail(op, "index " + Twine(i) + " leaves axis " + Twine(d) + " of size " + Twine(source.getDim(d)));
    at = at * source.getDim(d) + i;
  }
  return RefValue::scalar(source.getElementType(), source[at]);
}

Result insert(Evaluator &e, tensor::InsertOp op) {
  RefValue value = e[op.getDest()];
  int64_t at = 0;
  for (auto [d, operand] : llvm::enumerate(op.getIndices())) {
    int64_t i = e[operand].getInt(0);
    if (i < 0 || i >= value.getDim(d))
      return fail(op, "index " + Twine(i) + " leaves axis " + Twine(d) + " of size " + Twine(value.getDim(d)));
    at = at * value.getDim(d) + i;
  }
  value.edit()[at] = e[op.getScalar()][0];
  return value;
}

Result extractSlice(Evaluator &e, tensor::ExtractSliceOp op) {
  const RefValue &source = e[op.getSource()];
  SmallVector<int64_t> offsets = e.sizes(op.getMixedOffsets()), sizes = e.sizes(op.getMixedSizes()),
                       strides = e.sizes(op.getMixedStrides());
  if (llvm::Error error = checkSlice(op, source.getShape(), offsets, sizes, strides))
    return std::move(error);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> shape;
  for (auto [d, size] : llvm::enumerate(sizes))
    if (!dropped.test(d))
      shape.push_back(size);
  RefValue value(source.getElementType(), shape);
  std::vector<Scalar> &to = value.edit();
  forSlice(source.getShape(), offsets, sizes, strides, [&](int64_t whole, int64_t part) { to[part] = source[whole]; });
  return value;
}

Result insertSlice(Evaluator &e, tensor::InsertSliceOp op) {
  const RefValue &source = e[op.getSource()];
  RefValue value = e[op.getDest()];
  SmallVector<int64_t> offsets = e.sizes(op.getMixedOffsets()), sizes = e.sizes(op.getMixedSizes()),
                       strides = e.sizes(op.getMixedStrides());
  if (llvm::Error error = checkSlice(op, value.getShape(), offsets, sizes, strides))
    return std::move(error);
  if (product(sizes) != source.size())
    return fail(op, "inserts " + list(source.getShape()) + " as a slice of " + list(sizes));
  std::vector<Scalar> &to = value.edit();
  forSlice(value.getShape(), offsets, sizes, strides, [&](int64_t whole, int64_t part) { to[whole] = source[part]; });
  return value;
}

Result concat(Evaluator &e, tensor::ConcatOp op) {
  int64_t axis = op.getDim();
  SmallVector<int64_t> shape(e[op.getInputs().front()].getShape());
  shape[axis] = 0;
  for (mlir::Value input : op.getInputs())
    shape[axis] += e[input].getDim(axis);
  RefValue value(op.getType().getElementType(), shape);
  std::vector<Scalar> &to = value.edit();
  SmallVector<int64_t> offsets(shape.size(), 0), ones(shape.size(), 1);
  for (mlir::Value input : op.getInputs()) {
    const RefValue &part = e[input];
    if (llvm::Error error = checkSlice(op, shape, offsets, part.getShape(), ones))
      return std::move(error);
    forSlice(shape, offsets, part.getShape(), ones, [&](int64_t whole, int64_t i) { to[whole] = part[i]; });
    offsets[axis] += part.getDim(axis);
  }
  return value;
}

/// A value that a region computes for each index of `shape`.
llvm::Error generateInto(Evaluator &e, Region &region, RefValue &value) {
  if (value.size() == 0)
    return llvm::Error::success();
  SmallVector<int64_t> index(value.getShape().size(), 0);
  std::vector<Scalar> &to = value.edit();
  int64_t i = 0;
  do {
    SmallVector<RefValue> arguments;
    for (int64_t d : index)
      arguments.push_back(RefValue::index(region.getContext(), d));
    auto results = e.run(region.front(), arguments);
    if (!results)
      return results.takeError();
    to[i++] = results->front()[0];
  } while (next(index, value.getShape()));
  return llvm::Error::success();
}

Result generate(Evaluator &e, tensor::GenerateOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> shape;
  auto dynamic = op.getDynamicExtents().begin();
  for (int64_t d : type.getShape())
    shape.push_back(ShapedType::isDynamic(d) ? e[*dynamic++].getInt(0) : d);
  RefValue value(type.getElementType(), shape);
  if (llvm::Error error = generateInto(e, op.getBody(), value))
    return std::move(error);
  return value;
}

Result pad(Evaluator &e, tensor::PadOp op) {
  const RefValue &source = e[op.getSource()];
  SmallVector<int64_t> low = e.sizes(op.getMixedLowPad()), high = e.sizes(op.getMixedHighPad()), shape;
  for (int64_t d = 0; d < source.getRank(); ++d) {
    if (low[d] < 0 || high[d] < 0)
      return fail(op, "negative padding");
    shape.push_back(low[d] + source.getDim(d) + high[d]);
  }
  RefValue value(source.getElementType(), shape);
  if (llvm::Error error = generateInto(e, op.getRegion(), value))
    return std::move(error);
  std::vector<Scalar> &to = value.edit();
  SmallVector<int64_t> ones(shape.size(), 1);
  forSlice(shape, low, source.getShape(), ones, [&](int64_t whole, int64_t part) { to[whole] = source[part]; });
  return value;
}

Result expand(Evaluator &e, tensor::ExpandShapeOp op) {
  return reshapeLike(op, e[op.getSrc()], e.sizes(op.getMixedOutputShape()));
}

Result collapse(Evaluator &e, tensor::CollapseShapeOp op) {
  const RefValue &source = e[op.getSrc()];
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    shape.push_back(1);
    for (int64_t d : group)
      shape.back() *= source.getDim(d);
  }
  return reshapeLike(op, source, shape);
}

Result reshape(Evaluator &e, tensor::ReshapeOp op) {
  const RefValue &shape = e[op.getShape()];
  SmallVector<int64_t> sizes;
  for (int64_t i = 0; i < shape.size(); ++i)
    sizes.push_back(shape.getInt(i));
  return reshapeLike(op, e[op.getSource()], sizes);
}

Result castTensor(Evaluator &e, tensor::CastOp op) {
  const RefValue &source = e[op.getSource()];
  if (auto type = dyn_cast<RankedTensorType>(op.getType()))
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (!type.isDynamicDim(d) && type.getDimSize(d) != source.getDim(d))
        return fail(op, "a tensor " + list(source.getShape()) + " is none of the result's static sizes");
  return source;
}

Result dim(Evaluator &e, tensor::DimOp op) {
  const RefValue &source = e[op.getSource()];
  int64_t axis = e[op.getIndex()].getInt(0);
  if (axis < 0 || axis >= source.getRank())
    return fail(op, "axis " + Twine(axis) + " of a tensor of rank " + Twine(source.getRank()));
  return RefValue::index(op.getContext(), source.getDim(axis));
}

Result rank(Evaluator &e, tensor::RankOp op) { return RefValue::index(op.getContext(), e[op.getTensor()].getRank()); }

Result fromElements(Evaluator &e, tensor::FromElementsOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  RefValue value(type.getElementType(), type.getShape());
  std::vector<Scalar> &to = value.edit();
  for (auto [i, element] : llvm::enumerate(op.getElements()))
    to[i] = e[element][0];
  return value;
}

Result splat(Evaluator &e, tensor::SplatOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> shape;
  auto dynamic = op.getDynamicSizes().begin();
  for (int64_t d : type.getShape())
    shape.push_back(ShapedType::isDynamic(d) ? e[*dynamic++].getInt(0) : d);
  RefValue value(type.getElementType(), shape);
  Scalar x = e[op.getInput()][0];
  std::vector<Scalar> &to = value.edit();
  std::fill(to.begin(), to.end(), x);
  return value;
}

} // namespace

void reference::addTensorHandlers(HandlerTable &table) {
  table.add(empty);
  table.add(extract);
  table.add(insert);
  table.add(extractSlice);
  table.add(insertSlice);
  table.add(concat);
  table.add(generate);
  table.add(pad);
  table.add(expand);
  table.add(collapse);
  table.add(reshape);
  table.add(castTensor);
  table.add(dim);
  table.add(rank);
  table.add(fromElements);
  table.add(splat);
}
