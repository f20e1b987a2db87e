// What the versions of the rounding share. Included by files for newer processors: nothing inline here.
#ifndef HADRON_LIB_QUANTIZATION_ROUNDING_H
#define HADRON_LIB_QUANTIZATION_ROUNDING_H

namespace hadron::rounding {

struct Parameters {
  long group;     // inputs of a group
  int top;        // largest code
  int middle;     // zero point of symmetric formats
  bool symmetric; // the scale has either sign, the zero point is fixed; else a positive scale, and a zero point
  int options;    // signs, or zero points to try
  int clips;      // candidates for each
  float clip[24]; // extent of a group / scale
  int refinements;
  int kind; // of float
  /// Rounds 16 scales to the kind.
  void (*roundScales)(int kind, float *scales);
};

/// Codes [K][16], scales and zero points [groups][16] of a tile [K][16]. Returns a bit for every lane that has a weight
/// which is not finite, and writes nothing then.
using RoundTile = int(const float *weights, long K, const Parameters &parameters, unsigned char *codes, float *scales,
                      float *zeros);

namespace baseline {
RoundTile roundTile;
}
namespace avx2 {
RoundTile roundTile;
}
namespace avx512 {
RoundTile roundTile;
}

} // namespace hadron::rounding

#endif // HADRON_LIB_QUANTIZATION_ROUNDING_H
