// The library phase: files.
#ifndef HADRON_LIB_PIPELINES_LIBRARY_H
#define HADRON_LIB_PIPELINES_LIBRARY_H

#include "hadron/Target/Host.h"
#include "llvm/Support/Error.h"

namespace hadron {

/// X.json: what the library is, for people and programs; embedded too.
std::string writeManifest(llvm::StringRef library, llvm::ArrayRef<host::Entry> entries, const host::Weights &weights,
                          llvm::ArrayRef<const cpu::Target *> targets, llvm::StringRef source);
/// X.h: plain C99 and C++ over hadron-c/hadron.h.
std::string writeHeader(llvm::StringRef library, llvm::ArrayRef<host::Entry> entries);

/// Files of a library while they are made: in a folder of their own beside their place, moved there together at the
/// end, removed if that does not come.
class StagedFolder {
public:
  static llvm::Expected<StagedFolder> create(llvm::StringRef folder);
  StagedFolder(StagedFolder &&other);
  StagedFolder(const StagedFolder &) = delete;
  ~StagedFolder();

  std::string path(llvm::StringRef file) const;
  /// Writes a whole file.
  llvm::Error write(llvm::StringRef file, llvm::StringRef contents) const;
  /// Moves every file into place, over those of the same names; `stale` files of the folder go.
  llvm::Error commit(llvm::ArrayRef<std::string> files);

private:
  StagedFolder() = default;
  std::string folder, staging;
  bool created = false; // the folder did not exist before
};

} // namespace hadron

#endif // HADRON_LIB_PIPELINES_LIBRARY_H
