// The execution layout of weight matrices on a CPU (docs/architecture.md, "Execution layout of weights on a CPU"): the
// only place that knows where the bits of a weight are. Emitters take offsets from here; the quantizer and the tests
// pack with it.
#ifndef HADRON_KERNELS_WEIGHTLAYOUT_H
#define HADRON_KERNELS_WEIGHTLAYOUT_H

#include "hadron/Kernels/FloatKind.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <string>

namespace hadron::kernels {

enum class ZeroPoint { Symmetric, U8, Float };

/// How the numbers of a weight matrix are stored. bits 0: dense, elements of type `type`. Otherwise unsigned codes of
/// 2, 4 or 8 bits, in groups of `group` inputs (a multiple of 16; 0: all inputs) that share a scale of type `type` and
/// a zero point.
struct WeightFormat {
  int bits = 0;
  int64_t group = 0;
  ZeroPoint zero = ZeroPoint::Symmetric;
  FloatKind type = FloatKind::F32;

  static WeightFormat dense(FloatKind type) { return {0, 0, ZeroPoint::Symmetric, type}; }
  static WeightFormat integer(int bits, int64_t group, ZeroPoint zero, FloatKind scale) {
    return {bits, group, zero, scale};
  }
  bool isDense() const { return bits == 0; }
  std::string str() const;
};

/// Parameters of one output: `values[K]` if dense; else `codes[K]`, `scales[groups]` and, by ZeroPoint, `zeros` or
/// `floatZeros`, [groups].
struct WeightRow {
  const float *values = nullptr;
  const uint8_t *codes = nullptr;
  const float *scales = nullptr;
  const uint8_t *zeros = nullptr;
  const float *floatZeros = nullptr;
};

/// Bytes of a matrix with N outputs and K inputs: tiles of 16 outputs, one after the other. All offsets are in bytes;
/// those of a part are from the start of its tile.
class WeightLayout {
public:
  static constexpr int64_t kTile = 16; // outputs of a tile: the f32 lanes of the widest register
  static constexpr int64_t kAlign = 64;

  WeightLayout(const WeightFormat &format, int64_t K, int64_t N);

  const WeightFormat &format() const { return fmt; }
  int64_t K() const { return k; }
  int64_t N() const { return n; }
  int64_t tiles() const { return (n + kTile - 1) / kTile; }
  int64_t tileBytes() const { return bytes; }
  int64_t totalBytes() const { return tiles() * bytes; }

  // Dense: element (k, lane) at k * rowBytes() + lane * byteSize(type).
  int64_t rowBytes() const { return kTile * byteSize(fmt.type); }

  // Integer codes. A word of a lane holds the codes of codesPerWord() inputs; that of number i starts at bitOf(i).
  // Words never hold codes of two groups.
  int64_t group() const { return fmt.group ? fmt.group : k; }
  int64_t groups() const { return (k + group() - 1) / group(); }
  int64_t codesPerWord() const { return 32 / fmt.bits; }
  int64_t wordsOfGroup() const { return (group() + codesPerWord() - 1) / codesPerWord(); } // of all groups but the last
  int bitOf(int64_t codeInWord) const { return 8 * (codeInWord % 4) + fmt.bits * (codeInWord / 4); }
  static constexpr int64_t kWordBytes = 4 * kTile;

  // Groups come in blocks: the scales, the zero points and then the codes of blockGroups() groups, so that a matrix is
  // read from one end to the other.
  int64_t blockGroups() const { return perBlock; }
  int64_t blockBytes() const { return codes + perBlock * wordsOfGroup() * kWordBytes; }
  int64_t zerosInBlock() const { return zeros; }
  int64_t codesInBlock() const { return codes; }
  int64_t scaleRowBytes() const { return kTile * byteSize(fmt.type); }
  int64_t zeroRowBytes() const { return fmt.zero == ZeroPoint::U8 ? kTile : scaleRowBytes(); }
  int64_t scalesAt(int64_t g) const { return g / perBlock * blockBytes() + g % perBlock * scaleRowBytes(); }
  int64_t zerosAt(int64_t g) const { return g / perBlock * blockBytes() + zeros + g % perBlock * zeroRowBytes(); }
  int64_t codesAt(int64_t g) const {
    return g / perBlock * blockBytes() + codes + g % perBlock * wordsOfGroup() * kWordBytes;
  }
  /// What a symmetric code is offset by.
  int symmetricZero() const { return 1 << (fmt.bits - 1); }

  /// Writes one tile from the parameters of at most 16 outputs; missing ones become zero.
  void packTile(llvm::ArrayRef<WeightRow> rows, llvm::MutableArrayRef<uint8_t> tile) const;
  /// The K weights of one output, dequantized in f32: (code - zero) scale, one rounding (float zero points: two).
  void unpackRow(llvm::ArrayRef<uint8_t> weights, int64_t output, llvm::MutableArrayRef<float> values) const;

private:
  WeightFormat fmt;
  int64_t k, n;
  int64_t perBlock = 1, zeros = 0, codes = 0, bytes = 0;
};

/// f32 ↔ the bits of a float kind in the low part of a word; to nearest even.
uint32_t encodeFloat(FloatKind kind, float value);
float decodeFloat(FloatKind kind, uint32_t bits);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_WEIGHTLAYOUT_H
