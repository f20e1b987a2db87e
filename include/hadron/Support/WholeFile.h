// Files that appear whole or not at all.
#ifndef HADRON_SUPPORT_WHOLEFILE_H
#define HADRON_SUPPORT_WHOLEFILE_H

#include "llvm/ADT/StringRef.h"
#include <system_error>

namespace hadron {

/// Replaces the file `path`, or leaves it as it was. A device or a pipe is written to; "-" is the standard output.
std::error_code writeWholeFile(llvm::StringRef path, llvm::StringRef contents);

} // namespace hadron

#endif // HADRON_SUPPORT_WHOLEFILE_H
