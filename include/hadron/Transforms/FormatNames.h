// Weight formats by name, as on the command line.
#ifndef HADRON_TRANSFORMS_FORMATNAMES_H
#define HADRON_TRANSFORMS_FORMATNAMES_H

#include "Hadron/IR/Hadron.h"
#include "llvm/Support/Error.h"

namespace hadron {

/// A format for K inputs: `int4`, `int4:g32:sym`, `int8:row`, `f16`, … A name alone picks the group by the width: the
/// largest of 128, 64, 32 that divides it, else 32. The error lists what there is.
llvm::Expected<PackedFormat> parseFormat(mlir::MLIRContext *context, llvm::StringRef name, int64_t inputs);

} // namespace hadron

#endif // HADRON_TRANSFORMS_FORMATNAMES_H
