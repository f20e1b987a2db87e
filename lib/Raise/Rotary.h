#ifndef HADRON_LIB_RAISE_ROTARY_H
#define HADRON_LIB_RAISE_ROTARY_H

#include "Raiser.h"

namespace hadron::raising {

/// x [B, S, H, d] (or [B, H, S, d]) turned by the tables: [positions, r/2] with `positions` i64 [B, S], [B, S, r/2]
/// without.
Tensor rotary(Raiser &r, const Tensor &x, Tensor cosines, Tensor sines, mlir::Value positions, bool interleaved,
              bool headsFirst);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_ROTARY_H
