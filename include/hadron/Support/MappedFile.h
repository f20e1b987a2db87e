// Files mapped for reading. The pages of a mapping count as memory of the process until they are dropped.
#ifndef HADRON_SUPPORT_MAPPEDFILE_H
#define HADRON_SUPPORT_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace hadron {

class MappedFile {
public:
  MappedFile() = default;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  llvm::ArrayRef<char> getBytes() const { return {data, static_cast<size_t>(size)}; }
  /// Drops the whole pages within [offset, offset + bytes) from memory; reading them again reads the file again.
  void drop(uint64_t offset, uint64_t bytes) const;

private:
  friend class MappedFiles;
  const char *data = nullptr;
  uint64_t size = 0;
};

/// The files that a model names, each mapped once.
class MappedFiles {
public:
  /// Names are relative to `folder`, and stay beneath it; absolute names are taken as they are.
  explicit MappedFiles(llvm::StringRef folder) : folder(folder.str()) {}
  /// The folder of a model, and under its own name the model itself, wherever its path leads.
  static MappedFiles ofModel(llvm::StringRef path);
  llvm::Expected<const MappedFile *> get(llvm::StringRef name);
  /// Bytes [offset, offset + length) of a file; an error when it is shorter.
  llvm::Expected<llvm::ArrayRef<char>> slice(llvm::StringRef name, uint64_t offset, uint64_t length);

private:
  std::string folder;
  std::string modelName, modelPath;
  std::map<std::string, std::unique_ptr<MappedFile>> files;
};

} // namespace hadron

#endif // HADRON_SUPPORT_MAPPEDFILE_H
