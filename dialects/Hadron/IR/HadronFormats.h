// Weight formats as `kernels::WeightLayout`, which knows where their bytes are, names them.
#ifndef HADRON_IR_HADRONFORMATS_H
#define HADRON_IR_HADRONFORMATS_H

#include "hadron/Kernels/WeightLayout.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/Types.h"

namespace hadron {

class PackedType;

/// f32, f16 or bf16.
kernels::FloatKind getFloatKind(mlir::Type type);
/// `#hadron.dense` or `#hadron.int`.
kernels::WeightFormat getWeightFormat(mlir::Attribute format);
/// Where the bytes of a packed weight are.
kernels::WeightLayout getWeightLayout(PackedType type);

} // namespace hadron

#endif // HADRON_IR_HADRONFORMATS_H
