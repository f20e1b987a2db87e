// Rounding of weights to integer codes, 16 outputs at a time.
//
// Each group of a row gets the scale (and zero point) with the least squared error that a search over clips finds:
// every candidate clip rounds the group, and is judged by the error that the best scale for those codes leaves.
// Symmetric groups use the whole range of codes, -2^(b-1) … 2^(b-1) - 1 times a scale of either sign.
//
// The result is the same, bit for bit, on every processor.
#ifndef HADRON_QUANTIZATION_ROUNDTONEAREST_H
#define HADRON_QUANTIZATION_ROUNDTONEAREST_H

#include "hadron/Kernels/WeightLayout.h"

namespace hadron {

/// Codes of 16 outputs. Everything has 16 lanes, one per output.
struct IntegerTile {
  uint8_t *codes;              // [K][16]
  float *scales;               // [groups][16], representable in the format's scale type
  uint8_t *zeros = nullptr;    // [groups][16], of formats with integer zero points
  float *floatZeros = nullptr; // [groups][16], of formats with float zero points
};

enum class RoundingFault {
  None,
  NotFinite,    // a weight is NaN or infinite
  ScaleTooLarge // a scale leaves the range of the scale type
};

/// Rounds `weights`, [K][16]. For a fault, `lane` is the output that has it.
RoundingFault roundToNearest(const float *weights, int64_t K, const kernels::WeightFormat &format,
                             const IntegerTile &tile, int *lane = nullptr);

/// Names of the instruction sets that this processor has a version for; the last one is used. For tests.
llvm::ArrayRef<const char *> roundingVersions();
RoundingFault roundToNearest(const char *version, const float *weights, int64_t K, const kernels::WeightFormat &format,
                             const IntegerTile &tile, int *lane = nullptr);

} // namespace hadron

#endif // HADRON_QUANTIZATION_ROUNDTONEAREST_H
