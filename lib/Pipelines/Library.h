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
  /// Moves every file into place, over those of the same names: all of them, or none.
  llvm::Error commit(llvm::ArrayRef<std::string> files);
  /// The folders that go at the end, the staging folder first, then those that did not exist before, deepest first.
  std::vector<std::string> temporaries() const;

private:
  StagedFolder() = default;
  /// Puts back what was under the names of `files`, which have been replaced.
  void restore(llvm::ArrayRef<std::string> files);

  std::string folder, staging;
  std::vector<std::string> created; // folders that did not exist before, deepest first
};

} // namespace hadron

#endif // HADRON_LIB_PIPELINES_LIBRARY_H
