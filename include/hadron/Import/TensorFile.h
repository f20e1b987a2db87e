// A file with one tensor: a TensorProto by itself, as in ONNX's test data.
#ifndef HADRON_IMPORT_TENSORFILE_H
#define HADRON_IMPORT_TENSORFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hadron {

struct FileTensor {
  std::string name;     // may be empty
  int32_t dataType = 0; // of TensorProto.DataType: one of whole bytes, no string
  std::vector<int64_t> shape;
  std::vector<char> data; // dense, little-endian
};

/// Reads a file that holds one serialized TensorProto. Errors name the file.
llvm::Expected<FileTensor> readTensorProto(llvm::StringRef path);

} // namespace hadron

#endif // HADRON_IMPORT_TENSORFILE_H
