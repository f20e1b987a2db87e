// Tensors: movements are views, arithmetic makes a new tensor.
#include "Expressions.h"

#include "Elementwise.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace hadron;
using Result = llvm::Expected<View>;

llvm::Error hadron::failAt(Operation *op, const llvm::Twine &reason) {
  std::string text;
  llvm::raw_string_ostream(text) << op->getName() << ": " << reason;
  return llvm::createStringError(text);
}

/// The shape of a value's tensor, () of a scalar.
static ArrayRef<int64_t> shapeOf(mlir::Value value) {
  RankedTensorType type = ::hadron::getTensor(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

static Type elementOf(mlir::Value value) {
  RankedTensorType type = ::hadron::getTensor(value.getType());
  return type ? type.getElementType() : value.getType();
}

Result Expressions::tensor(mlir::Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  if (!op || llvm::any_of(shapeOf(value), ShapedType::isDynamic))
    return llvm::createStringError("a parameter needs values of static sizes from operations in its region");
  Result view = compute(op);
  if (view)
    known[value] = *view;
  return view;
}

Result Expressions::compute(Operation *op) {
  auto reshape = [&](mlir::Value source) -> Result {
    Result view = tensor(source);
    if (!view)
      return view;
    if (auto reshaped = view->reshaped(shapeOf(op->getResult(0))))
      return *reshaped;
    return *dense(*view, threads).reshaped(shapeOf(op->getResult(0)));
  };
  auto rotated = [&](mlir::Value source, RotationAttr rotation, bool inverse, double scale) -> Result {
    Result view = tensor(source);
    return view ? rotate(op, *view, rotation, inverse, scale) : std::move(view);
  };
  if (auto slice = dyn_cast<FileSliceOp>(op))
    return fileSlice(slice);
  if (isa<arith::ConstantOp>(op))
    return constant(op);
  if (isa<tensor::ExtractSliceOp>(op))
    return extractSlice(op);
  if (isa<tensor::ConcatOp>(op))
    return concat(op);
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp, tensor::CastOp>(op))
    return reshape(op->getOperand(0));
  if (isa<tensor::EmptyOp>(op))
    return View::allocate(elementOf(op->getResult(0)), shapeOf(op->getResult(0)));
  if (isa<CastOp, arith::ExtFOp, arith::TruncFOp>(op)) {
    Result view = tensor(op->getOperand(0));
    return view ? castTo(op, *view, elementOf(op->getResult(0))) : std::move(view);
  }
  if (auto rotateOp = dyn_cast<RotateOp>(op))
    return rotated(rotateOp.getInput(), ::hadron::getBasis(rotateOp.getType()), false, 1);
  if (auto unrotate = dyn_cast<UnrotateOp>(op))
    return rotated(unrotate.getInput(), ::hadron::getBasis(unrotate.getInput().getType()), true, 1);
  if (auto fwht = dyn_cast<FWHTOp>(op))
    return rotated(fwht.getInput(), fwht.getRotation(), fwht.getInverse(), fwht.getScale().convertToDouble());
  if (isa<arith::MulFOp, arith::AddFOp, AddOp>(op) && isKnownFloat(elementOf(op->getResult(0)))) {
    Result lhs = tensor(op->getOperand(0));
    if (!lhs)
      return lhs;
    Result rhs = tensor(op->getOperand(1));
    return rhs ? binary(op, op, *lhs, *rhs, elementOf(op->getResult(0))) : std::move(rhs);
  }
  if (isa<linalg::LinalgOp>(op))
    return structured(op);
  if (auto dequantizeOp = dyn_cast<DequantizeOp>(op))
    return dequantize(dequantizeOp);
  if (auto get = dyn_cast<ParamGetOp>(op)) {
    auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(op, get.getParamAttr());
    if (!param)
      return failAt(op, "there is no parameter " + get.getParam());
    return tensor(llvm::cast<YieldOp>(param.getBody().front().getTerminator()).getValue());
  }
  return byReference(op);
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

Result Expressions::fileSlice(FileSliceOp op) {
  View view(elementOf(op.getValue()), shapeOf(op.getValue()));
  int64_t rows = op.getRows() ? *op.getRows() : 1, piece = op.getLength() / rows;
  int64_t stride = op.getStride() ? *op.getStride() : piece;
  auto file = files.get(op.getFile());
  if (!file)
    return failAt(op, llvm::toString(file.takeError()));
  // All pieces at once, then one by one unless they touch.
  bool overflows = rows > 1 && (stride < 0 || stride > (INT64_MAX - piece) / (rows - 1));
  int64_t extent = overflows ? INT64_MAX : (rows - 1) * stride + piece;
  auto bytes = files.slice(op.getFile(), op.getOffset(), extent);
  if (!bytes)
    return failAt(op, llvm::toString(bytes.takeError()));
  if (rows == 1 || stride == piece) {
    view.data = bytes->data();
    view.file = *file;
    // An element may lie at any address; views are read by memcpy.
    return view;
  }
  View copy = View::allocate(view.element, view.shape);
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(copy.mutableData() + r * piece, bytes->data() + r * stride, piece);
  (*file)->drop(op.getOffset(), extent);
  return copy;
}

Result Expressions::constant(Operation *op) {
  auto elements = dyn_cast<DenseElementsAttr>(llvm::cast<arith::ConstantOp>(op).getValue());
  mlir::Value value = op->getResult(0);
  if (!elements || elements.getElementType().getIntOrFloatBitWidth() < 8)
    return byReference(op);
  ArrayRef<char> raw = elements.getRawData();
  View copy = View::allocate(elementOf(value), elements.isSplat() ? ArrayRef<int64_t>() : shapeOf(value));
  std::memcpy(copy.mutableData(), raw.data(), raw.size());
  if (elements.isSplat())
    return copy.rearranged(SmallVector<int64_t>(shapeOf(value).size(), -1), shapeOf(value));
  return copy;
}

//===----------------------------------------------------------------------===//
// Movements
//===----------------------------------------------------------------------===//

Result Expressions::extractSlice(Operation *operation) {
  auto op = llvm::cast<tensor::ExtractSliceOp>(operation);
  Result view = tensor(op.getSource());
  if (!view)
    return view;
  auto numbers = [](ArrayRef<int64_t> list) { return llvm::none_of(list, ShapedType::isDynamic); };
  if (!numbers(op.getStaticOffsets()) || !numbers(op.getStaticSizes()) || !numbers(op.getStaticStrides()))
    return byReference(op);
  View slice = view->sliced(op.getStaticOffsets(), op.getStaticSizes(), op.getStaticStrides());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> axes, sizes;
  for (int64_t d = 0; d < slice.getRank(); ++d)
    if (!dropped.test(d)) {
      axes.push_back(d);
      sizes.push_back(slice.shape[d]);
    }
  return slice.rearranged(axes, sizes);
}

Result Expressions::concat(Operation *operation) {
  auto op = llvm::cast<tensor::ConcatOp>(operation);
  SmallVector<View> parts;
  for (mlir::Value input : op.getInputs()) {
    Result part = tensor(input);
    if (!part)
      return part;
    if (!parts.empty() && part->storage != parts.front().storage)
      return byReference(op);
    parts.push_back(*part);
  }
  // The axes outside the joined one become the outer ones of the copy; weights are joined along N, of which every
  // output's inputs are neighbours when the graph has them transposed. Then the copy keeps that order.
  const View &first = parts.front();
  int64_t rank = first.getRank(), axis = op.getDim();
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return first.strides[a] != first.strides[b] ? first.strides[a] > first.strides[b] : a < b;
  });
  SmallVector<int64_t> shape(shapeOf(op.getResult())), permuted, inverse(rank);
  for (auto [i, d] : llvm::enumerate(order)) {
    permuted.push_back(shape[d]);
    inverse[d] = i;
  }
  View joined = View::allocate(first.storage, permuted);
  int64_t width = joined.width(), at = inverse[axis], inner = joined.strides[at] * width, total = permuted[at] * inner;
  int64_t outer = joined.size() ? joined.size() * width / total : 0, offset = 0;
  for (View &part : parts) {
    SmallVector<int64_t> sizes = llvm::map_to_vector(order, [&](int64_t d) { return part.shape[d]; });
    View source = part.rearranged(order, sizes);
    int64_t run = sizes[at] * inner;
    if (outer == 1) {
      copyOut(source, joined.mutableData() + offset, threads);
    } else {
      View whole = dense(source, threads);
      for (int64_t o = 0; o < outer; ++o)
        std::memcpy(joined.mutableData() + o * total + offset, whole.data + o * run, run);
    }
    part.drop();
    offset += run;
  }
  joined.element = elementOf(op.getResult());
  return joined.rearranged(inverse, shape);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// An operand of a structured operation over the axes of its result; nothing when its map is no projection.
static std::optional<View> overResult(const View &view, AffineMap map, AffineMap result, ArrayRef<int64_t> shape) {
  if (!map.isProjectedPermutation() || !result.isPermutation())
    return std::nullopt;
  SmallVector<int64_t> axes(shape.size(), -1);
  for (auto [axis, expr] : llvm::enumerate(map.getResults()))
    for (auto [d, loop] : llvm::enumerate(result.getResults()))
      if (expr == loop)
        axes[d] = axis;
  return view.rearranged(axes, shape);
}

Result Expressions::structured(Operation *operation) {
  auto op = llvm::cast<linalg::LinalgOp>(operation);
  Block &body = *op.getBlock();
  auto yield = dyn_cast<linalg::YieldOp>(body.getTerminator());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (op.getNumDpsInits() != 1 || !yield || op.getNumLoops() != op.getNumParallelLoops())
    return elementwise(op);
  mlir::Value yielded = yield.getOperand(0);
  ArrayRef<int64_t> shape = shapeOf(operation->getResult(0));
  auto operand = [&](mlir::Value scalar) -> llvm::Expected<std::optional<View>> {
    if (auto argument = dyn_cast<BlockArgument>(scalar); argument && argument.getOwner() == &body) {
      unsigned i = argument.getArgNumber();
      Result view = tensor(operation->getOperand(i));
      if (!view)
        return view.takeError();
      return overResult(*view, maps[i], maps.back(), shape);
    }
    // A constant of the body.
    FloatAttr constant;
    if (!matchPattern(scalar, m_Constant(&constant)))
      return std::nullopt;
    View view = View::allocate(Float32Type::get(operation->getContext()), {});
    float x = static_cast<float>(constant.getValueAsDouble());
    std::memcpy(view.mutableData(), &x, 4);
    return view.rearranged(SmallVector<int64_t>(shape.size(), -1), shape);
  };

  if (isa<BlockArgument>(yielded)) { // a movement
    auto view = operand(yielded);
    if (!view)
      return view.takeError();
    return *view ? Result(std::move(**view)) : elementwise(op);
  }
  Operation *inner = yielded.getDefiningOp();
  bool isOnly = inner->getBlock() == &body && llvm::all_of(inner->getOperands(), [&](mlir::Value x) {
                  return isa<BlockArgument>(x) || isa_and_nonnull<arith::ConstantOp>(x.getDefiningOp());
                });
  if (!isOnly || !isKnownFloat(elementOf(operation->getResult(0))))
    return elementwise(op);
  if (isa<arith::ExtFOp, arith::TruncFOp>(inner)) {
    auto view = operand(inner->getOperand(0));
    if (!view)
      return view.takeError();
    if (!*view)
      return elementwise(op);
    return castTo(op, **view, elementOf(operation->getResult(0)));
  }
  if (!isa<arith::MulFOp, arith::AddFOp>(inner))
    return elementwise(op);
  auto lhs = operand(inner->getOperand(0));
  if (!lhs)
    return lhs.takeError();
  auto rhs = operand(inner->getOperand(1));
  if (!rhs)
    return rhs.takeError();
  return *lhs && *rhs ? binary(op, inner, **lhs, **rhs, elementOf(operation->getResult(0))) : elementwise(op);
}

Result Expressions::elementwise(Operation *op) {
  auto view = evaluateElementwise(llvm::cast<linalg::LinalgOp>(op), threads, [&](mlir::Value v) { return tensor(v); });
  if (!view)
    return view.takeError();
  return *view ? Result(std::move(**view)) : byReference(op);
}
