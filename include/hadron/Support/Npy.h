// NumPy's .npy files: versions 1 to 3, either order, little-endian numbers and booleans.
#ifndef HADRON_SUPPORT_NPY_H
#define HADRON_SUPPORT_NPY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include "hadron/Support/AlignedBytes.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hadron {

/// An array in C order, little-endian.
struct NpyArray {
  char kind = 'f'; // 'f' float, 'i' signed, 'u' unsigned, 'b' boolean: as in NumPy's dtype.kind
  int width = 4;   // bytes of an element
  std::vector<int64_t> shape;
  AlignedBytes data;

  int64_t size() const;
  /// "float32", "int64", "bool".
  std::string typeName() const;
};

/// Reads a file; one in Fortran order is transposed. Errors name the file and what is wrong with it.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);
/// The same from memory; `name` stands for the file in errors.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef bytes, llvm::StringRef name);
/// Writes version 1.0 (2.0 where the header is too long for it).
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

} // namespace hadron

#endif // HADRON_SUPPORT_NPY_H
