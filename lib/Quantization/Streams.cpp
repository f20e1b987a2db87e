// Values as bytes: dense tensors, quantized and packed weights.
#include "Expressions.h"

#include "Hadron/IR/HadronFormats.h"
#include "Parallel.h"
#include "Tiles.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace hadron;
using kernels::WeightLayout;

namespace {

/// Bytes that one thread works on at a time: they should stay in its cache.
constexpr int64_t kPiece = 1 << 20;

/// Tiles of a matrix in pieces: work(first tile, tiles) on several threads.
llvm::Error forTiles(const WeightLayout &layout, unsigned threads,
                     llvm::function_ref<llvm::Error(int64_t, int64_t)> work) {
  int64_t perPiece = std::max<int64_t>(1, kPiece / (layout.K() * kTile * static_cast<int64_t>(sizeof(float))));
  // Small matrices keep every thread busy too.
  perPiece = std::min(perPiece, (layout.tiles() + threads - 1) / threads);
  return parallelFor(threads, (layout.tiles() + perPiece - 1) / perPiece,
                     [&](int64_t i) { return work(i * perPiece, std::min(perPiece, layout.tiles() - i * perPiece)); });
}

Type typeOf(MLIRContext *context, kernels::FloatKind kind) {
  return kind == kernels::FloatKind::F32   ? Type(Float32Type::get(context))
         : kind == kernels::FloatKind::F16 ? Type(Float16Type::get(context))
                                           : Type(BFloat16Type::get(context));
}

/// The output, of those of a tile, of the first finite weight that the type would make an infinity. Only f16 is so
/// small.
std::optional<int64_t> firstBeyond(Type type, ArrayRef<float> tile) {
  constexpr float limit = 65520; // halfway from the largest f16 to what would be the next
  if (!type.isF16())
    return std::nullopt;
  for (auto [i, weight] : llvm::enumerate(tile))
    if (float magnitude = std::abs(weight); magnitude >= limit && std::isfinite(magnitude))
      return i % kTile;
  return std::nullopt;
}

} // namespace

llvm::Error Expressions::stream(mlir::Value value, ParameterSink sink) {
  if (!isa<PackedType>(value.getType())) {
    auto view = tensor(value);
    return view ? streamTensor(*view, sink) : view.takeError();
  }
  Operation *op = value.getDefiningOp();
  if (auto quantize = dyn_cast_or_null<QuantizeOp>(op))
    return streamQuantized(quantize, sink);
  if (auto pack = dyn_cast_or_null<PackOp>(op))
    return streamPacked(pack, sink);
  if (auto get = dyn_cast_or_null<ParamGetOp>(op))
    if (auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(get, get.getParamAttr()))
      return stream(llvm::cast<YieldOp>(param.getBody().front().getTerminator()).getValue(), sink);
  return op ? failAt(op, "gives no packed weight that can be stored") : llvm::createStringError("has no value");
}

llvm::Error Expressions::streamTensor(const View &view, ParameterSink sink) {
  if (view.storage == view.element && view.isDense()) {
    int64_t bytes = view.size() * view.width();
    llvm::Error error = parallelFor(threads, (bytes + kPiece - 1) / kPiece, [&](int64_t i) {
      int64_t count = std::min(kPiece, bytes - i * kPiece);
      llvm::Error error = sink(i * kPiece, {view.data + i * kPiece, static_cast<size_t>(count)});
      if (view.file)
        view.file->drop(view.data + i * kPiece - view.file->getBytes().data(), count);
      return error;
    });
    return error;
  }
  // A tensor that something else stores is small, or came from the mapping: one copy at most.
  View copy = dense(view, threads);
  if (view.storage == view.element) {
    view.drop();
    return streamTensor(copy, sink);
  }
  View widened = View::allocate(view.element, view.shape);
  std::vector<float> row(4096);
  for (int64_t i = 0, n = view.size(); i < n; i += 4096) {
    int64_t count = std::min<int64_t>(4096, n - i);
    readFloats(copy.storage, copy.data + i * copy.width(), 1, count, row.data());
    writeFloats(view.element, row.data(), count, widened.mutableData() + i * widened.width());
  }
  view.drop();
  return streamTensor(widened, sink);
}

llvm::Error Expressions::streamQuantized(QuantizeOp op, ParameterSink sink) {
  auto type = llvm::cast<PackedType>(op.getType());
  WeightLayout layout = getWeightLayout(type);
  auto input = tensor(op.getInput());
  if (!input)
    return input.takeError();
  View matrix = *input;
  if (!isKnownFloat(matrix.storage))
    return failAt(op, "quantizes f16, bf16, f32 or f64");
  // R_in W R_out^T: the outputs first, on each row of W.
  if (type.getOut()) {
    auto rotated = rotate(op, matrix, type.getOut(), /*inverse=*/false, 1);
    if (!rotated)
      return rotated.takeError();
    matrix = *rotated;
  }
  std::optional<TileRotation> rotation;
  if (type.getIn())
    rotation.emplace(type.getIn(), /*inverse=*/false);
  int64_t K = layout.K(), N = layout.N(), floats = K * kTile;
  Type dense = typeOf(op.getContext(), layout.format().type);
  bool isDense = layout.format().isDense(), isAsIs = isDense && layout.format().type == kernels::FloatKind::F32;
  // Outputs that are rows of a file leave memory as they are done; columns share their pages until the end.
  bool dropsRows = matrix.file && matrix.strides[0] == 1 && matrix.strides[1] == K;

  llvm::Error error = forTiles(layout, threads, [&](int64_t first, int64_t tiles) -> llvm::Error {
    std::vector<float> weights(tiles * floats);
    std::vector<double> scratch(rotation ? floats : 0);
    readTiles(matrix, first * kTile, tiles, weights.data());
    for (int64_t t = 0; rotation && t < tiles; ++t)
      rotation->apply(&weights[t * floats], K, scratch.data());
    if (dropsRows) {
      int64_t rows = std::min(tiles * kTile, N - first * kTile);
      matrix.sliced({0, first * kTile}, {K, rows}, {1, 1}).drop();
    }
    // f32 tiles are what readTiles makes.
    if (isAsIs && layout.tileBytes() == floats * 4)
      return sink(first * layout.tileBytes(),
                  {reinterpret_cast<const char *>(weights.data()), weights.size() * sizeof(float)});
    std::vector<char> bytes(tiles * layout.tileBytes(), 0);
    TileEncoder encoder(layout);
    for (int64_t t = 0; t < tiles; ++t) {
      char *to = &bytes[t * layout.tileBytes()];
      int64_t output = (first + t) * kTile;
      if (isDense) {
        if (std::optional<int64_t> lane = firstBeyond(dense, {&weights[t * floats], static_cast<size_t>(floats)}))
          return failAt(op, "output " + llvm::Twine(output + *lane) + " has a weight that f16 cannot hold; take bf16");
        writeFloats(dense, &weights[t * floats], floats, to);
      } else if (llvm::Error error = encoder.encode(&weights[t * floats], output, std::min(kTile, N - output), to))
        return failAt(op, llvm::toString(std::move(error)));
    }
    return sink(first * layout.tileBytes(), bytes);
  });
  matrix.drop();
  input->drop();
  return error;
}

llvm::Error Expressions::streamPacked(PackOp op, ParameterSink sink) {
  WeightLayout layout = getWeightLayout(llvm::cast<PackedType>(op.getType()));
  int64_t K = layout.K(), N = layout.N(), groups = layout.groups(), group = layout.group();
  int64_t bits = layout.format().bits, mask = (1 << bits) - 1;
  int64_t groupBytes = (group * bits + 7) / 8, zeroBytes = (groups * bits + 7) / 8;
  auto operand = [&](mlir::Value value) -> llvm::Expected<View> {
    auto view = tensor(value);
    return view ? llvm::Expected<View>(hadron::dense(*view, threads)) : std::move(view);
  };
  auto codes = operand(op.getCodes());
  if (!codes)
    return codes.takeError();
  auto scales = operand(op.getScales());
  if (!scales)
    return scales.takeError();
  View zeros;
  if (op.getZeros()) {
    auto view = operand(op.getZeros());
    if (!view)
      return view.takeError();
    zeros = *view;
  }
  bool floatZeros = layout.format().zero == kernels::ZeroPoint::Float;
  if (codes->width() != 1 || !isKnownFloat(scales->storage) ||
      (op.getZeros() && (floatZeros ? !isKnownFloat(zeros.storage) : zeros.width() != 1)))
    return failAt(op, "takes codes and zero points in bytes, scales and float zero points in floats");
  auto codeAt = [&](const char *stream, int64_t i) {
    return static_cast<uint8_t>(static_cast<uint8_t>(stream[i * bits / 8]) >> (i * bits % 8) & mask);
  };

  llvm::Error error = forTiles(layout, threads, [&](int64_t first, int64_t tiles) -> llvm::Error {
    std::vector<char> bytes(tiles * layout.tileBytes());
    std::vector<float> row(groups);
    for (int64_t t = 0; t < tiles; ++t) {
      TileEncoder encoder(layout); // all zeros: what outputs past N have
      for (int64_t n = (first + t) * kTile, lane = 0; lane < kTile && n < N; ++lane, ++n) {
        for (int64_t g = 0; g < groups; ++g) {
          const char *stream = codes->data + (n * groups + g) * groupBytes;
          for (int64_t k = g * group, i = 0; i < group && k < K; ++i, ++k)
            encoder.codes[k * kTile + lane] = codeAt(stream, i);
        }
        readFloats(scales->storage, scales->data + n * groups * scales->width(), 1, groups, row.data());
        for (int64_t g = 0; g < groups; ++g)
          encoder.scales[g * kTile + lane] = row[g];
        if (floatZeros)
          readFloats(zeros.storage, zeros.data + n * groups * zeros.width(), 1, groups, row.data());
        for (int64_t g = 0; g < groups && op.getZeros(); ++g)
          if (floatZeros)
            encoder.floatZeros[g * kTile + lane] = row[g];
          else
            encoder.zeros[g * kTile + lane] = codeAt(zeros.data + n * zeroBytes, g);
      }
      encoder.pack(&bytes[t * layout.tileBytes()]);
    }
    return sink(first * layout.tileBytes(), bytes);
  });
  codes->drop();
  scales->drop();
  return error;
}
