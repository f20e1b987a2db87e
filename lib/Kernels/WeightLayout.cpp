// Offsets of the execution layout, and packing on the host.
#include "hadron/Kernels/WeightLayout.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cstring>

using namespace llvm;

namespace hadron::kernels {
namespace {

void putFloat(FloatKind kind, float value, uint8_t *to) {
  uint32_t bits = encodeFloat(kind, value);
  std::memcpy(to, &bits, byteSize(kind)); // x86 is little-endian
}

float getFloat(FloatKind kind, const uint8_t *from) {
  uint32_t bits = 0;
  std::memcpy(&bits, from, byteSize(kind));
  return decodeFloat(kind, bits);
}

} // namespace

uint32_t encodeFloat(FloatKind kind, float value) {
  uint32_t bits = bit_cast<uint32_t>(value);
  if (kind == FloatKind::F32)
    return bits;
  bool nan = (bits & 0x7fffffff) > 0x7f800000;
  if (kind == FloatKind::BF16)
    return nan ? (bits >> 16 | 0x40) : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  if (nan)
    return (bits >> 16 & 0x8000) | 0x7e00;
  APFloat number(value);
  bool inexact;
  number.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &inexact);
  return number.bitcastToAPInt().getZExtValue();
}

float decodeFloat(FloatKind kind, uint32_t bits) {
  if (kind == FloatKind::F32)
    return bit_cast<float>(bits);
  if (kind == FloatKind::BF16)
    return bit_cast<float>(bits << 16);
  uint32_t magnitude = bits & 0x7fff;
  float value =
      magnitude < 0x7c00 ? bit_cast<float>(magnitude << 13) * 0x1p112f : bit_cast<float>(magnitude << 13 | 0x7f800000);
  return bits & 0x8000 ? -value : value;
}

std::string WeightFormat::str() const {
  if (isDense())
    return name(type).str();
  const char *zeros[] = {"sym", "u8", "fz"};
  return ("int" + Twine(bits) + "_" + (group ? "g" + Twine(group) : Twine("row")) + "_" +
          zeros[static_cast<int>(zero)] + "_" + name(type))
      .str();
}

WeightLayout::WeightLayout(const WeightFormat &format, int64_t K, int64_t N) : fmt(format), k(K), n(N) {
  if (fmt.isDense()) {
    bytes = alignTo(k * rowBytes(), kAlign);
    return;
  }
  assert((fmt.bits == 2 || fmt.bits == 4 || fmt.bits == 8) && fmt.group % 16 == 0);
  // As many groups as fill whole lines of scales and of zero points.
  perBlock = kAlign / std::min(scaleRowBytes(), fmt.zero == ZeroPoint::Symmetric ? kAlign : zeroRowBytes());
  perBlock = std::min(perBlock, groups());
  zeros = alignTo(perBlock * scaleRowBytes(), kAlign);
  codes = fmt.zero == ZeroPoint::Symmetric ? zeros : alignTo(zeros + perBlock * zeroRowBytes(), kAlign);
  int64_t last = groups() - 1;
  bytes = codesAt(last) + divideCeil(k - last * group(), codesPerWord()) * kWordBytes;
}

void WeightLayout::packTile(ArrayRef<WeightRow> rows, MutableArrayRef<uint8_t> tile) const {
  assert(static_cast<int64_t>(tile.size()) == bytes && rows.size() <= kTile);
  std::fill(tile.begin(), tile.end(), 0);
  for (auto [lane, row] : enumerate(rows)) {
    if (fmt.isDense()) {
      for (int64_t i = 0; i < k; ++i)
        putFloat(fmt.type, row.values[i], &tile[i * rowBytes() + lane * byteSize(fmt.type)]);
      continue;
    }
    for (int64_t i = 0; i < k; ++i) {
      int64_t inGroup = i % group(), bit = bitOf(inGroup % codesPerWord());
      int64_t word = codesAt(i / group()) + inGroup / codesPerWord() * kWordBytes;
      tile[word + lane * 4 + bit / 8] |= row.codes[i] << (bit % 8);
    }
    for (int64_t g = 0; g < groups(); ++g) {
      int64_t inRow = lane * byteSize(fmt.type);
      putFloat(fmt.type, row.scales[g], &tile[scalesAt(g) + inRow]);
      if (fmt.zero == ZeroPoint::U8)
        tile[zerosAt(g) + lane] = row.zeros[g];
      else if (fmt.zero == ZeroPoint::Float)
        putFloat(fmt.type, row.floatZeros[g], &tile[zerosAt(g) + inRow]);
    }
  }
}

void WeightLayout::unpackRow(ArrayRef<uint8_t> weights, int64_t output, MutableArrayRef<float> values) const {
  const uint8_t *tile = weights.data() + output / kTile * bytes;
  int64_t lane = output % kTile;
  for (int64_t i = 0; i < k; ++i) {
    int64_t inRow = lane * byteSize(fmt.type);
    if (fmt.isDense()) {
      values[i] = getFloat(fmt.type, tile + i * rowBytes() + inRow);
      continue;
    }
    int64_t g = i / group(), inGroup = i % group(), bit = bitOf(inGroup % codesPerWord());
    int64_t word = codesAt(g) + inGroup / codesPerWord() * kWordBytes;
    int code = tile[word + lane * 4 + bit / 8] >> (bit % 8) & ((1 << fmt.bits) - 1);
    float scale = getFloat(fmt.type, tile + scalesAt(g) + inRow);
    if (fmt.zero == ZeroPoint::Float)
      values[i] = (code - getFloat(fmt.type, tile + zerosAt(g) + inRow)) * scale;
    else
      values[i] = (code - (fmt.zero == ZeroPoint::U8 ? tile[zerosAt(g) + lane] : symmetricZero())) * scale;
  }
}

} // namespace hadron::kernels
