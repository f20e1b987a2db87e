// A model's bytes without its weights.
#ifndef HADRON_LIB_IMPORT_ONNX_WIREWALKER_H
#define HADRON_LIB_IMPORT_ONNX_WIREWALKER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace hadron {

/// Copies a serialized ModelProto, leaving out the bytes of tensors (raw_data, packed float_data and double_data): in
/// their place stand the fields hadron_offset, hadron_length and hadron_field, which say where in the file they lie. So
/// parsing a model costs memory for its graph, not for its weights. Every length is checked against what encloses it.
llvm::Expected<std::string> withoutTensorData(llvm::StringRef model);

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_WIREWALKER_H
