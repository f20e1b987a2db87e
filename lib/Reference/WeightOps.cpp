// Packed weights: into them, out of them, products, rows.
#include "Evaluator.h"

#include "Hadron/IR/HadronFormats.h"
#include "hadron/Quantization/RoundToNearest.h"

#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

namespace {

using Matrix = std::vector<double>;

/// Applies a rotation to each row of `width` values; null: nothing.
void rotateRows(Matrix &matrix, int64_t width, RotationAttr rotation, bool inverse) {
  for (size_t i = 0; rotation && i < matrix.size(); i += width)
    rotation.apply(MutableArrayRef<double>(matrix).slice(i, width), inverse);
}

Matrix transposed(const Matrix &matrix, int64_t rows, int64_t columns) {
  Matrix result(matrix.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      result[c * rows + r] = matrix[r * columns + c];
  return result;
}

/// Fills in the rows from codes, scales and zeros: (code - zero) scale.
void decode(PackedMatrix &packed, const IntFormatAttr &format) {
  int64_t K = packed.type.getInputs(), N = packed.type.getOutputs(), groups = format.getGroups(K);
  int64_t group = format.getGroup() ? format.getGroup() : K;
  packed.rows.resize(N * K);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t k = 0; k < K; ++k) {
      int64_t g = n * groups + k / group;
      packed.rows[n * K + k] = (packed.codes[n * K + k] - packed.zeros[g]) * packed.scales[g];
    }
}

/// Rounds the rows, [N][K] in the stored basis, to a format.
llvm::Error encode(Operation *op, PackedMatrix &packed) {
  int64_t K = packed.type.getInputs(), N = packed.type.getOutputs();
  auto format = dyn_cast<IntFormatAttr>(packed.type.getFormat());
  if (!format) {
    Type element = cast<DenseFormatAttr>(packed.type.getFormat()).getElement();
    for (double &x : packed.rows)
      x = roundTo(element, x);
    return llvm::Error::success();
  }
  constexpr int64_t kTile = kernels::WeightLayout::kTile;
  int64_t groups = format.getGroups(K);
  std::vector<float> tile(K * kTile), scales(groups * kTile), floatZeros(groups * kTile);
  std::vector<uint8_t> codes(K * kTile), zeros(groups * kTile);
  packed.codes.resize(N * K);
  packed.scales.resize(N * groups);
  packed.zeros.resize(N * groups);
  for (int64_t base = 0; base < N; base += kTile) {
    int64_t lanes = std::min(kTile, N - base);
    for (int64_t k = 0; k < K; ++k)
      for (int64_t lane = 0; lane < kTile; ++lane)
        tile[k * kTile + lane] = lane < lanes ? static_cast<float>(packed.rows[(base + lane) * K + k]) : 0;
    int lane = 0;
    RoundingFault fault = roundToNearest(tile.data(), K, getWeightFormat(format),
                                         {codes.data(), scales.data(), zeros.data(), floatZeros.data()}, &lane);
    if (fault != RoundingFault::None)
      return fail(op, fault == RoundingFault::NotFinite
                          ? "output " + Twine(base + lane) + " has a weight that is not finite"
                          : "output " + Twine(base + lane) + " needs a scale too large for " +
                                Twine(format.getFormatName()));
    for (int64_t l = 0; l < lanes; ++l) {
      for (int64_t k = 0; k < K; ++k)
        packed.codes[(base + l) * K + k] = codes[k * kTile + l];
      for (int64_t g = 0; g < groups; ++g) {
        packed.scales[(base + l) * groups + g] = scales[g * kTile + l];
        packed.zeros[(base + l) * groups + g] = format.getZero() == ZeroKind::Symmetric ? 1 << (format.getBits() - 1)
                                                : format.getZero() == ZeroKind::Integer ? zeros[g * kTile + l]
                                                                                        : floatZeros[g * kTile + l];
      }
    }
  }
  decode(packed, format);
  return llvm::Error::success();
}

/// Stored = encode(R_in W R_out^T): R_out on each row of W, [K][N]; then R_in on each row of its transpose.
Result quantize(Evaluator &e, QuantizeOp op) {
  auto packed = std::make_shared<PackedMatrix>();
  packed->type = cast<PackedType>(op.getType());
  RefValue input = e[op.getInput()];
  Matrix matrix(input.size());
  for (int64_t i = 0; i < input.size(); ++i)
    matrix[i] = input.getFloat(i);
  int64_t K = packed->type.getInputs(), N = packed->type.getOutputs();
  rotateRows(matrix, N, packed->type.getOut(), false);
  packed->rows = transposed(matrix, K, N);
  rotateRows(packed->rows, K, packed->type.getIn(), false);
  if (llvm::Error error = encode(op, *packed))
    return std::move(error);
  return RefValue(std::move(packed));
}

/// Code `i` of a stream of `bits`-bit codes, low bits first.
int codeAt(const RefValue &bytes, int64_t start, int64_t i, int bits) {
  int64_t byte = bytes.getInt(start + i * bits / 8) & 255;
  return byte >> (i * bits % 8) & ((1 << bits) - 1);
}

Result pack(Evaluator &e, PackOp op) {
  auto packed = std::make_shared<PackedMatrix>();
  packed->type = cast<PackedType>(op.getType());
  auto format = cast<IntFormatAttr>(packed->type.getFormat());
  RefValue codes = e[op.getCodes()], scales = e[op.getScales()], zeros = op.getZeros() ? e[op.getZeros()] : RefValue();
  int64_t K = packed->type.getInputs(), N = packed->type.getOutputs(), groups = format.getGroups(K);
  int64_t group = format.getGroup() ? format.getGroup() : K, bits = format.getBits();
  int64_t groupBytes = (group * bits + 7) / 8, zeroBytes = (groups * bits + 7) / 8;
  packed->codes.resize(N * K);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t k = 0; k < K; ++k)
      packed->codes[n * K + k] = codeAt(codes, (n * groups + k / group) * groupBytes, k % group, bits);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      packed->scales.push_back(roundTo(format.getScale(), scales.getFloat(n * groups + g)));
      packed->zeros.push_back(!op.getZeros()                        ? 1 << (bits - 1)
                              : format.getZero() == ZeroKind::Float ? zeros.getFloat(n * groups + g)
                                                                    : codeAt(zeros, n * zeroBytes, g, bits));
    }
  decode(*packed, format);
  return RefValue(std::move(packed));
}

Result dequantize(Evaluator &e, DequantizeOp op) {
  RefValue value = e[op.getInput()];
  const PackedMatrix &packed = value.getPacked();
  int64_t K = packed.type.getInputs(), N = packed.type.getOutputs();
  Matrix rows = packed.rows;
  rotateRows(rows, K, packed.type.getIn(), true);
  Matrix matrix = transposed(rows, N, K);
  rotateRows(matrix, N, packed.type.getOut(), true);
  RefValue result(getElementTypeOrSelf(op.getType()), {K, N});
  std::vector<Scalar> &to = result.edit();
  for (size_t i = 0; i < matrix.size(); ++i)
    to[i].f = matrix[i];
  return result;
}

/// y[m][n] += x[m] . w[n].
void multiply(const Matrix &x, const PackedMatrix &w, Matrix &y) {
  int64_t K = w.type.getInputs(), N = w.type.getOutputs(), M = x.size() / K;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t m = 0; m < M; ++m) {
      double sum = 0;
      for (int64_t k = 0; k < K; ++k)
        sum += x[m * K + k] * w.rows[n * K + k];
      y[m * N + n] += sum;
    }
}

/// y_n += sum over groups g of s_g scale_gn (sum of code q - zero_gn sum of q), the inner sums exact.
void multiplyInt8(const RefValue &q, const RefValue &scales, const PackedMatrix &w, Matrix &y) {
  auto format = cast<IntFormatAttr>(w.type.getFormat());
  int64_t K = w.type.getInputs(), N = w.type.getOutputs(), width = q.getShape().back(), M = q.size() / width;
  int64_t groups = format.getGroups(K), group = format.getGroup() ? format.getGroup() : K;
  int64_t perRow = scales.getShape().back();
  for (int64_t m = 0; m < M; ++m)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t g = 0; g < groups; ++g) {
        int64_t dot = 0, sum = 0;
        for (int64_t k = g * group; k < std::min(K, (g + 1) * group); ++k) {
          dot += w.codes[n * K + k] * q.getInt(m * width + k);
          sum += q.getInt(m * width + k);
        }
        double s = scales.getFloat(perRow == 1 ? m : m * perRow + g);
        y[m * N + n] += s * w.scales[n * groups + g] * (dot - w.zeros[n * groups + g] * sum);
      }
}

Result matmul(Evaluator &e, MatmulOp op) {
  RefValue input = e[op.getInput()], weight = e[op.getWeight()];
  int64_t N = weight.getPacked().type.getOutputs();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = N;
  RefValue result(::hadron::getTensor(op.getType()).getElementType(), shape);
  std::vector<Scalar> &to = result.edit();

  bool integer = op.getArithmetic() != Arithmetic::F32;
  Matrix x;
  for (int64_t i = 0; !integer && i < input.size(); ++i)
    x.push_back(input.getFloat(i));
  RefValue scales = integer ? e[op.getScales()] : RefValue();
  auto product = [&](mlir::Value w, Matrix &y) {
    RefValue value = e[w];
    if (integer)
      multiplyInt8(input, scales, value.getPacked(), y);
    else
      multiply(x, value.getPacked(), y);
  };
  Matrix y(to.size(), 0), gate;
  product(op.getWeight(), y);
  for (mlir::Value term : op.getTerms())
    product(term, y);
  if (op.getBias()) {
    RefValue bias = e[op.getBias()];
    for (size_t i = 0; i < y.size(); ++i)
      y[i] += bias.getFloat(i % N);
  }
  // activation(x W + bias), or activation(x gate) * (x W + bias).
  if (op.getGate()) {
    gate.resize(y.size(), 0);
    product(op.getGate(), gate);
    for (size_t i = 0; i < y.size(); ++i)
      y[i] *= activate(op.getActivation(), gate[i]);
  } else {
    for (double &v : y)
      v = activate(op.getActivation(), v);
  }
  if (op.getResidual()) {
    RefValue residual = e[op.getResidual()];
    if (residual.getShape() != result.getShape())
      return fail(op, "the shapes of result and residual differ");
    for (size_t i = 0; i < y.size(); ++i)
      y[i] += residual.getFloat(i);
  }
  for (size_t i = 0; i < y.size(); ++i)
    to[i].f = y[i];
  return result;
}

Result embedding(Evaluator &e, EmbeddingOp op) {
  RefValue ids = e[op.getIds()], value = e[op.getTable()];
  const PackedMatrix &table = value.getPacked();
  int64_t K = table.type.getInputs(), N = table.type.getOutputs();
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(K);
  RefValue result(::hadron::getTensor(op.getType()).getElementType(), shape);
  std::vector<Scalar> &to = result.edit();
  for (int64_t i = 0; i < ids.size(); ++i) {
    int64_t id = ids.getInt(i) < 0 ? ids.getInt(i) + N : ids.getInt(i);
    for (int64_t k = 0; k < K && id >= 0 && id < N; ++k)
      to[i * K + k].f = table.rows[id * K + k];
  }
  return result;
}

} // namespace

void reference::addWeightHandlers(HandlerTable &table) {
  table.add(quantize);
  table.add(pack);
  table.add(dequantize);
  table.add(matmul);
  table.add(embedding);
}
