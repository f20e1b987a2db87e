#include "MatmulCase.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace hadron::kernels;

namespace hadron::test {

double readFloat(FloatKind kind, const uint8_t *data, int64_t index) {
  uint32_t bits = 0;
  std::memcpy(&bits, data + index * byteSize(kind), byteSize(kind));
  return decodeFloat(kind, bits);
}

void writeFloat(FloatKind kind, float value, uint8_t *data, int64_t index) {
  uint32_t bits = encodeFloat(kind, value);
  std::memcpy(data + index * byteSize(kind), &bits, byteSize(kind));
}

double halfUlp(FloatKind kind, double value) {
  double relative = kind == FloatKind::F32 ? 0x1p-24 : kind == FloatKind::F16 ? 0x1p-11 : 0x1p-8;
  double smallest = kind == FloatKind::F16 ? 0x1p-25 : 0x1p-149;
  return std::abs(value) * relative + smallest;
}

namespace {
float rounded(FloatKind kind, float value) { return decodeFloat(kind, encodeFloat(kind, value)); }
} // namespace

Weights::Weights(const WeightFormat &format, int64_t K, int64_t N, std::mt19937 &random, Style style)
    : layout(format, K, N), packed(layout.totalBytes()) {
  std::uniform_real_distribution<float> real(-1, 1);
  std::vector<WeightRow> rows(N);
  std::vector<uint8_t> zeroCodes;
  if (format.isDense()) {
    for (int64_t i = 0; i < N * K; ++i)
      values.push_back(style == Style::Zeros ? 0 : style == Style::Ones ? 1 : rounded(format.type, real(random)));
    for (int64_t n = 0; n < N; ++n)
      rows[n].values = &values[n * K];
  } else {
    int mask = (1 << format.bits) - 1;
    for (int64_t i = 0; i < N * K; ++i)
      codes.push_back(style == Style::Zeros ? 0 : style == Style::Saturated ? mask : random() & mask);
    for (int64_t i = 0; i < N * layout.groups(); ++i) {
      float scale = style == Style::Zeros ? 0 : style == Style::Ones ? 1 : 0.02f * (real(random) + 1.1f);
      scale *= style == Style::HugeScales ? 1e6f : style == Style::NegativeScales ? -1 : 1;
      scales.push_back(rounded(format.type, scale));
      zeroCodes.push_back(style == Style::Saturated ? 0 : random() & mask);
      zeros.push_back(format.zero == ZeroPoint::Symmetric ? layout.symmetricZero()
                      : format.zero == ZeroPoint::U8      ? zeroCodes.back()
                                                          : rounded(format.type, mask * (real(random) + 1) / 2));
    }
    for (int64_t n = 0; n < N; ++n) {
      int64_t g = n * layout.groups();
      rows[n] = {nullptr, &codes[n * K], &scales[g], &zeroCodes[g], &zeros[g]};
    }
  }
  llvm::MutableArrayRef<uint8_t> all(packed.data, packed.size);
  for (int64_t tile = 0; tile < layout.tiles(); ++tile)
    layout.packTile(llvm::ArrayRef<WeightRow>(rows).slice(tile * 16, std::min<int64_t>(16, N - tile * 16)),
                    all.slice(tile * layout.tileBytes(), layout.tileBytes()));
}

double Weights::at(int64_t n, int64_t k) const {
  if (layout.format().isDense())
    return values[n * layout.K() + k];
  int64_t g = k / layout.group();
  return (code(n, k) - zero(n, g)) * scale(n, g);
}

double Weights::magnitude(int64_t n, int64_t k) const {
  if (layout.format().isDense())
    return std::abs(at(n, k));
  int64_t g = k / layout.group();
  return (code(n, k) + std::abs(zero(n, g))) * std::abs(scale(n, g));
}

MatmulCase::MatmulCase(const MatmulSpec &spec, int64_t maxM, unsigned seed, Style style) : spec(spec), style(style) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> real(-2, 2);
  for (int i = 0; i < spec.weights(); ++i)
    weights.emplace_back(spec.format, spec.K, spec.N, random, style);
  const WeightLayout &layout = weights[0].layout;
  if (spec.activation == Activation::Float) {
    x = Bytes(maxM * spec.K * byteSize(spec.activationType));
    for (int64_t i = 0; i < maxM * spec.K; ++i)
      writeFloat(spec.activationType, style == Style::Zeros ? 0 : real(random), x.data, i);
  } else {
    int64_t perRow = spec.activation == Activation::Int8Group ? layout.groups() : 1, stride = int8RowBytes(spec.K);
    q = Bytes(maxM * stride);
    scales = Bytes(maxM * perRow * 4);
    sums = Bytes(maxM * layout.groups() * 4);
    for (int64_t m = 0; m < maxM; ++m)
      for (int64_t k = 0; k < spec.K; ++k) {
        int value = style == Style::Saturated ? (random() & 1 || m % 2 ? 127 : -127) : int(random() % 255) - 127;
        q.as<int8_t>()[m * stride + k] = style == Style::Zeros ? 0 : value;
        sums.as<int32_t>()[m * layout.groups() + k / layout.group()] += q.as<int8_t>()[m * stride + k];
      }
    for (int64_t i = 0; i < maxM * perRow; ++i)
      scales.as<float>()[i] = style == Style::Ones ? 1 : std::abs(real(random)) / 127;
  }
  for (int i = 0; spec.bias && i < spec.weights(); ++i) {
    biases.emplace_back(spec.N * 4);
    for (int64_t n = 0; n < spec.N; ++n)
      biases[i].as<float>()[n] = real(random);
  }
  if (spec.residual) {
    residual = Bytes(maxM * spec.N * byteSize(spec.outputType));
    for (int64_t i = 0; i < maxM * spec.N; ++i)
      writeFloat(spec.outputType, real(random), residual.data, i);
  }
  auto emit = [&](Body &body) { return emitMatmul(body, spec); };
  auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
    return matmulWork(b, loc, spec, slots);
  };
  Kernel kernel{"matmul", matmulSlots(spec), emit, work};
  compiled = std::make_unique<CompiledKernel>(kernel);
}

std::vector<int64_t> MatmulCase::slots(int64_t m) const {
  std::vector<int64_t> result{m};
  if (spec.activation == Activation::Float)
    result.push_back(address(x.data));
  else
    for (const Bytes *part : {&q, &scales, &sums})
      result.push_back(address(part->data));
  for (const Weights &w : weights)
    result.push_back(address(w.packed.data));
  for (const Bytes &bias : biases)
    result.push_back(address(bias.data));
  if (spec.residual)
    result.push_back(address(residual.data));
  result.push_back(address(y.data));
  return result;
}

double MatmulCase::activation(int64_t m, int64_t k) const {
  if (spec.activation == Activation::Float)
    return readFloat(spec.activationType, x.data, m * spec.K + k);
  return q.as<int8_t>()[m * int8RowBytes(spec.K) + k];
}

/// γ_n Σ |x| |w|: float rows have n = K additions and a few roundings per group; int8 rows are exact within a segment.
void MatmulCase::product(int w, int64_t m, int64_t n, double &value, double &tolerance) const {
  const WeightLayout &layout = weights[w].layout;
  bool int8 = spec.activation != Activation::Float;
  double magnitude = 0;
  value = 0;
  for (int64_t k = 0; k < spec.K; ++k) {
    int64_t g = layout.format().isDense() ? 0 : k / layout.group();
    double a = activation(m, k);
    if (spec.activation == Activation::Int8Row)
      a *= scales.as<float>()[m];
    else if (spec.activation == Activation::Int8Group)
      a *= scales.as<float>()[m * layout.groups() + g];
    value += a * weights[w].at(n, k);
    magnitude += std::abs(a) * weights[w].magnitude(n, k);
  }
  double roundings = (int8 ? layout.groups() + spec.K / 256 : spec.K) + 8;
  tolerance = roundings * 0x1p-24 * magnitude + 1e-37;
  if (spec.bias) {
    value += biases[w].as<float>()[n];
    tolerance += std::abs(value) * 0x1p-24;
  }
}

void MatmulCase::reference(int64_t m, int64_t n, double &value, double &tolerance) const {
  product(0, m, n, value, tolerance);
  double ulp = 0x1p-22;
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  double v = value;
  switch (spec.epilogue) {
  case Epilogue::None:
    break;
  case Epilogue::ReLU:
    value = std::max(v, 0.0);
    break;
  case Epilogue::SiLU:
    value = v * sigmoid(v);
    break;
  case Epilogue::GELU:
    value = v / 2 * std::erfc(-v / std::sqrt(2.0));
    break;
  case Epilogue::GELUTanh:
    value = v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    break;
  case Epilogue::SiLUMul: {
    double up, upTolerance, gate = v * sigmoid(v);
    product(1, m, n, up, upTolerance);
    tolerance = tolerance * 1.13 * (std::abs(up) + upTolerance) + upTolerance * std::abs(gate);
    value = gate * up;
    break;
  }
  }
  if (spec.epilogue != Epilogue::None)
    tolerance = tolerance * 1.13 + ulp * 4 * std::abs(value) + 1e-36;
  if (spec.residual) {
    value += readFloat(spec.outputType, residual.data, m * spec.N + n);
    tolerance += std::abs(value) * 0x1p-24;
  }
  tolerance += halfUlp(spec.outputType, value);
}

void MatmulCase::check(const std::vector<int64_t> &sizes) {
  int64_t bytes = byteSize(spec.outputType);
  for (int64_t m : sizes) {
    std::vector<double> values(m * spec.N), tolerances(m * spec.N);
    for (int64_t i = 0; i < m * spec.N; ++i)
      reference(i / spec.N, i % spec.N, values[i], tolerances[i]);
    for (size_t isa = 0; isa < compiled->names.size(); ++isa) {
      // Beyond the result: a pattern that must stay.
      y = Bytes(m * spec.N * bytes + 64, 0xa5);
      compiled->run(isa, slots(m));
      std::string where = spec.format.str() + " " + compiled->names[isa] + " M=" + std::to_string(m) +
                          " K=" + std::to_string(spec.K) + " N=" + std::to_string(spec.N);
      for (int64_t i = 0; i < m * spec.N; ++i) {
        double got = readFloat(spec.outputType, y.data, i);
        if (!(std::abs(got - values[i]) <= tolerances[i])) {
          ADD_FAILURE() << where << ": y[" << i / spec.N << "][" << i % spec.N << "] = " << got << ", expected "
                        << values[i] << " ± " << tolerances[i];
          break;
        }
      }
      for (int64_t i = 0; i < 64; ++i)
        ASSERT_EQ(y.data[m * spec.N * bytes + i], 0xa5) << where << ": wrote past the result";
      Bytes once = std::move(y);
      y = Bytes(m * spec.N * bytes + 64, 0xa5);
      compiled->run(isa, slots(m), 5);
      ASSERT_EQ(std::memcmp(y.data, once.data, y.size), 0) << where << ": bits depend on how work is split";
    }
  }
}

} // namespace hadron::test
