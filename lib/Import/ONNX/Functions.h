// Model-local functions, expanded before the graph is imported.
#ifndef HADRON_LIB_IMPORT_ONNX_FUNCTIONS_H
#define HADRON_LIB_IMPORT_ONNX_FUNCTIONS_H

#include "hadron_onnx.pb.h"

#include "llvm/Support/Error.h"

namespace hadron {

/// Replaces every call of a local function by its body, attribute references by what the call gives or the function's
/// default. Functions that call themselves, directly or not, are refused (GHSA-7w46-vvrh-m8q5), as are calls nested
/// more than 100 deep and models that expand to more than a million nodes.
llvm::Error inlineFunctions(hadron_onnx::ModelProto &model);

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_FUNCTIONS_H
