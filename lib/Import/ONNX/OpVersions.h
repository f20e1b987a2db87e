// Which versions of which operators exist.
#ifndef HADRON_LIB_IMPORT_ONNX_OPVERSIONS_H
#define HADRON_LIB_IMPORT_ONNX_OPVERSIONS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace hadron {

/// One version of an operator. Counts: -1 is any number.
struct OpVersion {
  llvm::StringRef domain, opType;
  int64_t since;
  int minInputs, maxInputs, minOutputs, maxOutputs;
  llvm::StringRef attributes; // "axis:i epsilon:f …"; upper case: lists; '!': required

  /// The kind letter of an attribute, 0 when the operator has none of this name.
  char getAttributeKind(llvm::StringRef name) const;
};

/// The version in effect: the greatest that is not above the opset of its domain. Null for an operator that is not
/// known.
const OpVersion *findOpVersion(llvm::StringRef domain, llvm::StringRef opType, int64_t opset);

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_OPVERSIONS_H
