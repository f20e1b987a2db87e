// What happens when Hadron itself goes wrong.
#ifndef HADRON_LIB_DRIVER_CRASH_H
#define HADRON_LIB_DRIVER_CRASH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace hadron::driver {

/// From here on a crash, an assertion of LLVM's or memory that runs out ends the program with one sentence and the
/// right exit code.
void installCrashHandler(int argc, char **argv);

/// Folders to remove when the program is interrupted or crashes: the first with all in it, the others where they are
/// empty then. Those of the last call count.
void setUnfinished(llvm::ArrayRef<std::string> folders);

/// A folder that is removed with this object, and when the program is interrupted or crashes. One at a time.
class TemporaryFolder {
public:
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder &) = delete;
  ~TemporaryFolder() { remove(); }
  /// Makes it; the error has a text.
  std::error_code create();
  void remove();
  llvm::StringRef getPath() const;
};

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_CRASH_H
