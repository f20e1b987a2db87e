// Expressions that compute new elements.
#include "Expressions.h"

#include "Hadron/IR/HadronFormats.h"
#include "Parallel.h"
#include "Tiles.h"
#include "hadron/Reference/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace hadron;
using Result = llvm::Expected<View>;

namespace {

/// Elements that one piece of parallel work has.
constexpr int64_t kPiece = 1 << 16;

/// Axes from the widest step to the narrowest, so that a loop over them runs through memory.
SmallVector<int64_t> memoryOrder(const View &view) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, view.getRank()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return view.strides[a] != view.strides[b] ? view.strides[a] > view.strides[b] : a < b;
  });
  return order;
}

View permuted(const View &view, ArrayRef<int64_t> order) {
  return view.rearranged(order, llvm::map_to_vector(order, [&](int64_t d) { return view.shape[d]; }));
}

/// Calls row(address of each view's row, index of the row) for every run along the last axis.
void forRows(ArrayRef<View> views, int64_t first, int64_t count,
             function_ref<void(ArrayRef<const char *>, int64_t)> row) {
  const View &shaped = views.front();
  SmallVector<const char *> addresses(views.size());
  for (int64_t r = first; r < first + count; ++r) {
    for (auto [address, view] : llvm::zip_equal(addresses, views)) {
      address = view.data;
      for (int64_t d = shaped.getRank() - 1, rest = r; d-- > 0; rest /= shaped.shape[d])
        address += rest % shaped.shape[d] * view.strides[d] * view.width();
    }
    row(addresses, r);
  }
}

/// A new tensor whose rows `compute` makes from rows of the operands, in f32.
View mapRows(ArrayRef<View> operands, Type element, unsigned threads,
             function_ref<void(ArrayRef<std::vector<float>>, std::vector<float> &)> compute) {
  // The operand that is not repeated says in which order memory is run through.
  const View *main = &operands.front();
  for (const View &view : operands)
    if (!llvm::is_contained(view.strides, 0) && llvm::is_contained(main->strides, 0))
      main = &view;
  SmallVector<int64_t> order = memoryOrder(*main), inverse(order.size());
  for (auto [i, d] : llvm::enumerate(order))
    inverse[d] = i;
  SmallVector<View> sources = llvm::map_to_vector(operands, [&](const View &v) { return permuted(v, order); });
  View result = View::allocate(element, sources.front().shape);
  int64_t width = result.getRank() ? result.shape.back() : 1, rows = width ? result.size() / width : 0;
  int64_t perPiece = std::max<int64_t>(1, kPiece / std::max<int64_t>(width, 1));
  llvm::cantFail(parallelFor(threads, (rows + perPiece - 1) / perPiece, [&](int64_t piece) {
    std::vector<std::vector<float>> inputs(sources.size(), std::vector<float>(width));
    std::vector<float> output(width);
    forRows(sources, piece * perPiece, std::min(perPiece, rows - piece * perPiece),
            [&](ArrayRef<const char *> addresses, int64_t r) {
              for (auto [i, view] : llvm::enumerate(sources))
                readFloats(view.storage, addresses[i], view.getRank() ? view.strides.back() : 0, width,
                           inputs[i].data());
              compute(inputs, output);
              writeFloats(element, output.data(), width, result.mutableData() + r * width * result.width());
            });
    return llvm::Error::success();
  }));
  for (const View &source : sources)
    source.drop();
  return permuted(result, inverse);
}

} // namespace

Result Expressions::castTo(Operation *op, const View &view, Type element) {
  if (!isKnownFloat(view.element) || !isKnownFloat(element) || !isKnownFloat(view.storage))
    return byReference(op);
  auto isWider = [](Type a, Type b) { return cast<FloatType>(a).getWidth() > cast<FloatType>(b).getWidth() || a == b; };
  if (isWider(element, view.element)) { // nothing is lost: whoever reads widens
    View wide = view;
    wide.element = element;
    return wide;
  }
  return mapRows(view, element, threads, [](ArrayRef<std::vector<float>> in, std::vector<float> &out) { out = in[0]; });
}

Result Expressions::binary(Operation *op, Operation *kind, const View &lhs, const View &rhs, Type element) {
  if (!isKnownFloat(lhs.storage) || !isKnownFloat(rhs.storage))
    return byReference(op);
  bool multiplies = isa<arith::MulFOp>(kind);
  return mapRows({lhs, rhs}, element, threads, [=](ArrayRef<std::vector<float>> in, std::vector<float> &out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = multiplies ? in[0][i] * in[1][i] : in[0][i] + in[1][i];
  });
}

Result Expressions::rotate(Operation *op, const View &view, RotationAttr rotation, bool inverse, double scale) {
  if (!isKnownFloat(view.storage))
    return byReference(op);
  int64_t width = 1;
  for (int64_t size : ArrayRef<int64_t>(view.shape).take_back(rotation.getSpan()))
    width *= size;
  int64_t rows = width ? view.size() / width : 0;
  std::optional<View> matrix = view.reshaped({rows, width});
  View source = matrix ? *matrix : *dense(view, threads).reshaped({rows, width});
  // As a weight's: rows are outputs, the rotated axis is the inputs.
  View columns = source.rearranged({1, 0}, {width, rows});
  View result = View::allocate(view.element, view.shape);
  TileRotation apply(rotation, inverse, scale);
  llvm::cantFail(parallelFor(threads, (rows + kTile - 1) / kTile, [&](int64_t t) {
    std::vector<float> tile(width * kTile), row(width);
    std::vector<double> scratch(width * kTile);
    readTiles(columns, t * kTile, 1, tile.data());
    apply.apply(tile.data(), width, scratch.data());
    for (int64_t lane = 0; lane < std::min(kTile, rows - t * kTile); ++lane) {
      for (int64_t i = 0; i < width; ++i)
        row[i] = tile[i * kTile + lane];
      writeFloats(view.element, row.data(), width, result.mutableData() + (t * kTile + lane) * width * result.width());
    }
    return llvm::Error::success();
  }));
  source.drop();
  return result;
}

Result Expressions::dequantize(DequantizeOp op) {
  auto type = cast<PackedType>(op.getInput().getType());
  kernels::WeightLayout layout = getWeightLayout(type);
  int64_t K = layout.K(), N = layout.N();
  Buffer packed(layout.totalBytes());
  if (llvm::Error error = stream(op.getInput(), [&](int64_t offset, ArrayRef<char> bytes) {
        std::memcpy(packed.data() + offset, bytes.data(), bytes.size());
        return llvm::Error::success();
      }))
    return std::move(error);
  Type element = getElementTypeOrSelf(op.getType());
  bool isRotated = type.getIn() || type.getOut();
  View rows = View::allocate(isRotated ? Type(Float32Type::get(op.getContext())) : element, {N, K});
  llvm::cantFail(parallelFor(threads, layout.tiles(), [&](int64_t t) {
    std::vector<float> row(K);
    for (int64_t n = t * kTile; n < std::min(N, (t + 1) * kTile); ++n) {
      layout.unpackRow({reinterpret_cast<const uint8_t *>(packed.data()), static_cast<size_t>(layout.totalBytes())}, n,
                       row);
      writeFloats(rows.element, row.data(), K, rows.mutableData() + n * K * rows.width());
    }
    return llvm::Error::success();
  }));
  // R_in^T decode(p) R_out.
  if (type.getIn()) {
    Result rotated = rotate(op, rows, type.getIn(), /*inverse=*/true, 1);
    if (!rotated)
      return rotated;
    rows = *rotated;
  }
  View matrix = rows.rearranged({1, 0}, {K, N});
  if (type.getOut()) {
    Result rotated = rotate(op, matrix, type.getOut(), /*inverse=*/true, 1);
    if (!rotated)
      return rotated;
    matrix = *rotated;
  }
  return isRotated ? castTo(op, matrix, element) : Result(matrix);
}

Result Expressions::byReference(Operation *op) {
  constexpr int64_t kSmall = 1 << 20;
  llvm::SetVector<mlir::Value> inputs;
  for (mlir::Value operand : op->getOperands())
    inputs.insert(operand);
  mlir::getUsedValuesDefinedAbove(op->getRegions(), inputs);
  llvm::DenseMap<mlir::Value, reference::Value> operands;
  auto isSmall = [&](mlir::Value value) {
    RankedTensorType type = ::hadron::getTensor(value.getType());
    return type ? type.hasStaticShape() && type.getNumElements() * elementBytes(type.getElementType()) <= kSmall
                : value.getType().isIntOrIndexOrFloat();
  };
  for (mlir::Value value : llvm::concat<const mlir::Value>(inputs.getArrayRef(), llvm::to_vector<4>(op->getResults())))
    if (!isSmall(value))
      return failAt(op,
                    "parameters of more than 1 MiB are computed by a few operations only (slices of files, movements, "
                    "casts, sums, products, rotations, quantization), and this is none of them");
  for (mlir::Value input : inputs) {
    Result view = tensor(input);
    if (!view)
      return view;
    View whole = dense(*view, threads);
    RankedTensorType type = RankedTensorType::get(whole.shape, whole.storage);
    if (whole.storage.isIndex())
      type = RankedTensorType::get(whole.shape, IntegerType::get(op->getContext(), 64));
    auto value = reference::fromBytes(type, {whole.data, static_cast<size_t>(whole.size() * whole.width())});
    if (!value)
      return failAt(op, llvm::toString(value.takeError()));
    operands[input] = value->withElementType(whole.element);
  }
  auto results = reference::evaluate(op, operands);
  if (!results)
    return results.takeError();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *results)) {
    if (!value.isTensor())
      return failAt(op, "gives no tensor");
    View view = View::allocate(value.getElementType(), value.getShape());
    for (int64_t i = 0, n = value.size(); i < n; ++i) {
      float x = value.isFloat() ? static_cast<float>(reference::roundTo(value.getElementType(), value.getFloat(i))) : 0;
      reference::Scalar bits = value[i];
      if (value.isFloat() && !value.getElementType().isF64())
        writeFloats(value.getElementType(), &x, 1, view.mutableData() + i * view.width());
      else
        std::memcpy(view.mutableData() + i * view.width(), &bits, view.width()); // x86 is little-endian
    }
    known[result] = view;
  }
  return known[op->getResult(0)];
}
