#include "Tiles.h"

#include "hadron/Quantization/RoundToNearest.h"
#include "hadron/Support/Hadamard.h"
#include "hadron/Support/Signs.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace hadron;
using kernels::FloatKind;
using kernels::WeightLayout;
using kernels::ZeroPoint;

#define HADRON_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

/// rows[16][stride] → to[count][16].
HADRON_CLONES void transpose16(const float *rows, int64_t stride, int64_t count, float *to) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t lane = 0; lane < kTile; ++lane)
      to[k * kTile + lane] = rows[lane * stride + k];
}

} // namespace

void hadron::readTiles(const View &matrix, int64_t first, int64_t tiles, float *to) {
  int64_t K = matrix.shape[0], N = matrix.shape[1], width = matrix.width();
  int64_t outputs = std::min(N - first, tiles * kTile);
  if (outputs < tiles * kTile)
    std::memset(to + outputs / kTile * K * kTile, 0, (tiles - outputs / kTile) * K * kTile * sizeof(float));
  const char *base = matrix.data + first * matrix.strides[1] * width;
  int64_t perInput = matrix.strides[0] * width, perOutput = matrix.strides[1] * width;
  if (matrix.strides[0] != 1) {
    // Inputs are far apart: all outputs of one input at a time.
    for (int64_t k = 0; k < K; ++k)
      for (int64_t n = 0; n < outputs; n += kTile)
        readFloats(matrix.storage, base + k * perInput + n * perOutput, matrix.strides[1], std::min(kTile, outputs - n),
                   to + n * K + k * kTile);
    return;
  }
  // An output's inputs are neighbours: 16 runs of them, turned over.
  constexpr int64_t kRun = 256;
  alignas(64) float runs[kTile * kRun] = {};
  for (int64_t n = 0; n < outputs; n += kTile)
    for (int64_t k = 0; k < K; k += kRun) {
      int64_t count = std::min(kRun, K - k), lanes = std::min(kTile, outputs - n);
      for (int64_t lane = 0; lane < lanes; ++lane)
        readFloats(matrix.storage, base + (n + lane) * perOutput + k * perInput, 1, count, runs + lane * kRun);
      for (int64_t lane = lanes; lane < kTile; ++lane)
        std::memset(runs + lane * kRun, 0, count * sizeof(float));
      transpose16(runs, kRun, count, to + n * K + k * kTile);
    }
}

//===----------------------------------------------------------------------===//
// Rotation
//===----------------------------------------------------------------------===//

TileRotation::TileRotation(RotationAttr rotation, bool inverse, double scale) : scale(scale) {
  for (Attribute attribute : (inverse ? rotation.getInverse() : rotation).getFactors()) {
    Factor factor;
    if (auto signs = dyn_cast<SignsAttr>(attribute)) {
      std::vector<uint8_t> packed = signs.getPacked();
      for (int64_t i = 0; i < signs.getWidth(); ++i)
        factor.signs.push_back(signAt(packed, i));
    } else if (auto permute = dyn_cast<PermuteAttr>(attribute)) {
      factor.indices.assign(permute.getIndices().begin(), permute.getIndices().end());
    } else if (auto wht = dyn_cast<WHTAttr>(attribute)) {
      factor.inner = wht.getBlock();
    } else if (auto hadamard = dyn_cast<HadamardAttr>(attribute)) {
      int64_t m = factor.order = hadamard.getOrder();
      factor.inner = hadamard.getInner();
      factor.matrix = *hadamardMatrix(m, hadamard.getTable().getValue());
      if (hadamard.getTransposed())
        for (int64_t r = 0; r < m; ++r)
          for (int64_t c = 0; c < r; ++c)
            std::swap(factor.matrix[r * m + c], factor.matrix[c * m + r]);
    } else {
      factor.other = attribute;
    }
    factors.push_back(std::move(factor));
  }
}

namespace {

HADRON_CLONES void widen(const float *from, int64_t count, double *to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = from[i];
}

HADRON_CLONES void narrow(const double *from, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = static_cast<float>(from[i]);
}

HADRON_CLONES void scaleRow(double *x, double factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= factor;
}

/// All butterflies of a block of `size` rows, 16 lanes each.
HADRON_CLONES void butterflies(double *block, int64_t size) {
  for (int64_t half = 1; half < size; half *= 2)
    for (int64_t begin = 0; begin < size; begin += 2 * half) {
      double *low = block + begin * kTile, *high = low + half * kTile;
      for (int64_t i = 0; i < half * kTile; ++i) {
        double a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
}

/// The outer factor: row r of the result is the sum of ± rows `inner` apart.
HADRON_CLONES void mix(double *block, const int8_t *matrix, int64_t order, int64_t inner, double *copy) {
  std::memcpy(copy, block, order * inner * kTile * sizeof(double));
  for (int64_t r = 0; r < order; ++r)
    for (int64_t j = 0; j < inner; ++j) {
      double *to = block + (r * inner + j) * kTile;
      double sum[kTile] = {};
      for (int64_t c = 0; c < order; ++c) {
        const double *from = copy + (c * inner + j) * kTile;
        double sign = matrix[r * order + c];
        for (int64_t lane = 0; lane < kTile; ++lane)
          sum[lane] += sign * from[lane];
      }
      std::memcpy(to, sum, sizeof(sum));
    }
}

} // namespace

void TileRotation::apply(float *tile, int64_t K, double *x) const {
  widen(tile, K * kTile, x);
  std::vector<double> copy;
  for (const Factor &factor : factors) {
    if (!factor.signs.empty()) {
      int64_t width = factor.signs.size();
      for (int64_t k = 0; k < K; ++k)
        if (factor.signs[k % width] < 0)
          scaleRow(x + k * kTile, -1, kTile);
    } else if (!factor.indices.empty()) {
      int64_t width = factor.indices.size();
      copy.assign(x, x + K * kTile);
      for (int64_t k = 0; k < K; ++k)
        std::memcpy(x + k * kTile, &copy[(k / width * width + factor.indices[k % width]) * kTile],
                    kTile * sizeof(double));
    } else if (factor.other) {
      // One lane at a time, as the attribute says.
      auto transform = cast<OrthogonalTransform>(factor.other);
      int64_t size = transform.getBlock();
      std::vector<double> lane(size);
      for (int64_t k = 0; k < K; k += size)
        for (int64_t l = 0; l < kTile; ++l) {
          for (int64_t i = 0; i < size; ++i)
            lane[i] = x[(k + i) * kTile + l];
          transform.apply(lane, /*inverse=*/false);
          for (int64_t i = 0; i < size; ++i)
            x[(k + i) * kTile + l] = lane[i];
        }
    } else {
      int64_t size = factor.order * factor.inner;
      if (factor.order > 1)
        copy.resize(size * kTile);
      for (int64_t k = 0; k < K; k += size) {
        for (int64_t outer = 0; outer < factor.order; ++outer)
          butterflies(x + (k + outer * factor.inner) * kTile, factor.inner);
        if (factor.order > 1)
          mix(x + k * kTile, factor.matrix.data(), factor.order, factor.inner, copy.data());
      }
      scaleRow(x, 1 / std::sqrt(static_cast<double>(size)), K * kTile);
    }
  }
  if (scale != 1)
    scaleRow(x, scale, K * kTile);
  narrow(x, K * kTile, tile);
}

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

TileEncoder::TileEncoder(const WeightLayout &layout) : layout(layout) {
  if (layout.format().isDense())
    return;
  codes.resize(layout.K() * kTile);
  scales.resize(layout.groups() * kTile);
  if (layout.format().zero == ZeroPoint::U8)
    zeros.resize(layout.groups() * kTile);
  if (layout.format().zero == ZeroPoint::Float)
    floatZeros.resize(layout.groups() * kTile);
}

namespace {

/// Word of 16 lanes: the codes of `count` inputs, each shifted to its place.
HADRON_CLONES void packWord(const uint8_t *codes, int64_t count, const int *shifts, char *to) {
  uint32_t word[kTile] = {};
  for (int64_t k = 0; k < count; ++k)
    for (int64_t lane = 0; lane < kTile; ++lane)
      word[lane] |= static_cast<uint32_t>(codes[k * kTile + lane]) << shifts[k];
  std::memcpy(to, word, sizeof(word));
}

} // namespace

void TileEncoder::putFloats(char *to, const float *from, int64_t count) const {
  FloatKind kind = layout.format().type;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = kernels::encodeFloat(kind, from[i]);
    std::memcpy(to + i * kernels::byteSize(kind), &bits, kernels::byteSize(kind));
  }
}

void TileEncoder::pack(char *to) {
  std::memset(to, 0, layout.tileBytes());
  int64_t perWord = layout.codesPerWord();
  int shifts[16];
  for (int64_t i = 0; i < perWord; ++i)
    shifts[i] = layout.bitOf(i);
  for (int64_t g = 0; g < layout.groups(); ++g) {
    int64_t begin = g * layout.group(), end = std::min(begin + layout.group(), layout.K());
    char *words = to + layout.codesAt(g);
    for (int64_t k = begin; k < end; k += perWord, words += WeightLayout::kWordBytes)
      packWord(&codes[k * kTile], std::min(perWord, end - k), shifts, words);
    putFloats(to + layout.scalesAt(g), &scales[g * kTile], kTile);
    if (!zeros.empty())
      std::memcpy(to + layout.zerosAt(g), &zeros[g * kTile], kTile);
    if (!floatZeros.empty())
      putFloats(to + layout.zerosAt(g), &floatZeros[g * kTile], kTile);
  }
}

llvm::Error TileEncoder::encode(const float *tile, int64_t firstOutput, int64_t outputs, char *to) {
  int lane = 0;
  IntegerTile target{codes.data(), scales.data(), zeros.empty() ? nullptr : zeros.data(),
                     floatZeros.empty() ? nullptr : floatZeros.data()};
  switch (roundToNearest(tile, layout.K(), layout.format(), target, &lane)) {
  case RoundingFault::None:
    break;
  case RoundingFault::NotFinite:
    return llvm::createStringError("output " + llvm::Twine(firstOutput + lane) +
                                   " has a weight that is not finite (NaN or infinite)");
  case RoundingFault::ScaleTooLarge:
    return llvm::createStringError("output " + llvm::Twine(firstOutput + lane) + " needs a scale that " +
                                   kernels::name(layout.format().type) + " cannot hold; take f32 scales");
  }
  // Lanes without an output hold what packTile leaves in them: zeros.
  for (int64_t l = outputs; l < kTile; ++l) {
    for (int64_t k = 0; k < layout.K(); ++k)
      codes[k * kTile + l] = 0;
    for (int64_t g = 0; g < layout.groups(); ++g) {
      scales[g * kTile + l] = 0;
      if (!zeros.empty())
        zeros[g * kTile + l] = 0;
      if (!floatZeros.empty())
        floatZeros[g * kTile + l] = 0;
    }
  }
  pack(to);
  return llvm::Error::success();
}
