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
      float scale = style == Style::Zeros ? 0 : style >= Style::Saturated ? 1 : 0.02f * (real(random) + 1.1f);
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
  for (int64_t i = 0; i < N * K; ++i) {
    int64_t g = i / K * layout.groups() + i % K / layout.group();
    exact.push_back(format.isDense() ? values[i] : (codes[i] - double(zeros[g])) * scales[g]);
    magnitudes.push_back(std::abs(format.isDense() ? values[i] : (codes[i] + std::abs(zeros[g])) * scales[g]));
  }
  llvm::MutableArrayRef<uint8_t> all(packed.data, packed.size);
  for (int64_t tile = 0; tile < layout.tiles(); ++tile)
    layout.packTile(llvm::ArrayRef<WeightRow>(rows).slice(tile * 16, std::min<int64_t>(16, N - tile * 16)),
                    all.slice(tile * layout.tileBytes(), layout.tileBytes()));
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
      scales.as<float>()[i] = style >= Style::Saturated ? 1 : std::abs(real(random)) / 127;
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
  computeExpected(maxM);
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

std::vector<double> MatmulCase::row(int64_t m) const {
  const WeightLayout &layout = weights[0].layout;
  std::vector<double> x;
  for (int64_t k = 0; k < spec.K; ++k)
    switch (spec.activation) {
    case Activation::Float:
      x.push_back(readFloat(spec.activationType, this->x.data, m * spec.K + k));
      break;
    case Activation::Int8Row:
      x.push_back(double(scales.as<float>()[m]) * q.as<int8_t>()[m * int8RowBytes(spec.K) + k]);
      break;
    case Activation::Int8Group:
      x.push_back(double(scales.as<float>()[m * layout.groups() + k / layout.group()]) *
                  q.as<int8_t>()[m * int8RowBytes(spec.K) + k]);
      break;
    }
  return x;
}

/// γ_n Σ |x| |w|: float rows have n = K additions and a few roundings per group; int8 rows are exact within a segment.
MatmulCase::Bounded MatmulCase::product(int w, const std::vector<double> &x, int64_t n) const {
  const double *weight = &weights[w].exact[n * spec.K], *magnitudes = &weights[w].magnitudes[n * spec.K];
  double value = 0, magnitude = 0;
  for (int64_t k = 0; k < spec.K; ++k) {
    value += x[k] * weight[k];
    magnitude += std::abs(x[k]) * magnitudes[k];
  }
  bool int8 = spec.activation != Activation::Float;
  double roundings = (int8 ? weights[w].layout.groups() + spec.K / 256 : spec.K) + 8;
  double error = roundings * 0x1p-24 * magnitude + 1e-37;
  if (spec.bias) {
    value += biases[w].as<float>()[n];
    error += std::abs(value) * 0x1p-24;
  }
  return {value, error};
}

MatmulCase::Bounded MatmulCase::finish(Bounded gate, Bounded up) const {
  double v = gate.value, silu = v / (1 + std::exp(-v));
  auto result = [&](double value, double slope) {
    return Bounded{value, gate.error * slope + 0x1p-22 * 4 * std::abs(value) + 1e-36};
  };
  switch (spec.epilogue) {
  case Epilogue::None:
    return gate;
  case Epilogue::ReLU:
    return result(std::max(v, 0.0), 1);
  case Epilogue::SiLU:
    return result(silu, 1.13);
  case Epilogue::GELU:
    return result(v / 2 * std::erfc(-v / std::sqrt(2.0)), 1.13);
  case Epilogue::GELUTanh:
    return result(v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))), 1.13);
  case Epilogue::SiLUMul: {
    Bounded product = result(silu * up.value, 1.13 * (std::abs(up.value) + up.error));
    product.error += up.error * std::abs(silu);
    return product;
  }
  }
  return gate;
}

void MatmulCase::computeExpected(int64_t maxM) {
  for (int64_t m = 0; m < maxM; ++m) {
    std::vector<double> x = row(m);
    for (int64_t n = 0; n < spec.N; ++n) {
      Bounded y = finish(product(0, x, n), spec.weights() == 2 ? product(1, x, n) : Bounded{0, 0});
      if (spec.residual) {
        y.value += readFloat(spec.outputType, residual.data, m * spec.N + n);
        y.error += std::abs(y.value) * 0x1p-24;
      }
      expected.push_back(y.value);
      tolerances.push_back(y.error + halfUlp(spec.outputType, std::abs(y.value) + y.error));
    }
  }
}

void MatmulCase::check(const std::vector<int64_t> &sizes) {
  int64_t bytes = byteSize(spec.outputType);
  for (int64_t m : sizes)
    for (size_t isa = 0; isa < compiled->names.size(); ++isa) {
      // Beyond the result: a pattern that must stay.
      y = Bytes(m * spec.N * bytes + 64, 0xa5);
      compiled->run(isa, slots(m));
      std::string where = spec.format.str() + " " + compiled->names[isa] + " M=" + std::to_string(m) +
                          " K=" + std::to_string(spec.K) + " N=" + std::to_string(spec.N);
      for (int64_t i = 0; i < m * spec.N; ++i) {
        double got = readFloat(spec.outputType, y.data, i);
        if (!(std::abs(got - expected[i]) <= tolerances[i])) {
          ADD_FAILURE() << where << ": y[" << i / spec.N << "][" << i % spec.N << "] = " << got << ", expected "
                        << expected[i] << " ± " << tolerances[i];
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

} // namespace hadron::test
