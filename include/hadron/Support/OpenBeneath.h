// Opening a file that a model names: never outside the model's folder, never through a symbolic link.
#ifndef HADRON_SUPPORT_OPENBENEATH_H
#define HADRON_SUPPORT_OPENBENEATH_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace hadron {

struct OpenedFile {
  int descriptor = -1; // read-only, close-on-exec; the caller closes it
  uint64_t size = 0;
};

/// Opens `folder`/`relative` for reading. Refused: an absolute path, a `..` component, a backslash or a NUL, any
/// symbolic link on the way below `folder`, anything that is not a regular file, and (when asked) a file with several
/// hard links. The error says what is wrong with the path, without the word "error".
llvm::Expected<OpenedFile> openBeneath(llvm::StringRef folder, llvm::StringRef relative, bool refuseHardLinks = false);

} // namespace hadron

#endif // HADRON_SUPPORT_OPENBENEATH_H
