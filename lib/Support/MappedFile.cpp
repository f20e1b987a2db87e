#include "hadron/Support/MappedFile.h"

#include "hadron/Support/OpenBeneath.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace hadron;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error bad(StringRef name, const Twine &reason) {
  return llvm::make_error<llvm::StringError>("'" + name + "': " + reason,
                                             std::make_error_code(std::errc::invalid_argument));
}

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<char *>(data), size);
}

void MappedFile::drop(uint64_t offset, uint64_t bytes) const {
  // A page at either end may belong to a neighbour that is still read: dropping it costs a fault, never the bytes.
  static const uint64_t page = sysconf(_SC_PAGESIZE);
  uint64_t begin = offset / page * page, end = std::min((offset + bytes + page - 1) / page * page, size);
  if (data && begin < end)
    madvise(const_cast<char *>(data) + begin, end - begin, MADV_DONTNEED);
}

MappedFiles MappedFiles::ofModel(StringRef path) {
  MappedFiles files(llvm::sys::path::parent_path(path));
  files.modelName = llvm::sys::path::filename(path).str();
  files.modelPath = path.str();
  return files;
}

llvm::Expected<const MappedFile *> MappedFiles::get(StringRef name) {
  std::unique_ptr<MappedFile> &file = files[name.str()];
  if (file)
    return file.get();
  OpenedFile opened;
  bool isModel = !modelName.empty() && name == modelName;
  if (isModel || name.starts_with("/")) {
    opened.descriptor = open(isModel ? modelPath.c_str() : name.str().c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (opened.descriptor < 0 || fstat(opened.descriptor, &status) != 0)
      return bad(name, llvm::sys::StrError(errno));
    opened.size = status.st_size;
  } else {
    auto beneath = openBeneath(folder, name);
    if (!beneath)
      return bad(name, llvm::toString(beneath.takeError()));
    opened = *beneath;
  }
  auto mapped = std::make_unique<MappedFile>();
  if (opened.size) {
    void *data = mmap(nullptr, opened.size, PROT_READ, MAP_PRIVATE, opened.descriptor, 0);
    if (data == MAP_FAILED) {
      int error = errno;
      close(opened.descriptor);
      return bad(name, "cannot be mapped: " + llvm::sys::StrError(error));
    }
    mapped->data = static_cast<const char *>(data);
    mapped->size = opened.size;
  }
  close(opened.descriptor);
  file = std::move(mapped);
  return file.get();
}

llvm::Expected<llvm::ArrayRef<char>> MappedFiles::slice(StringRef name, uint64_t offset, uint64_t length) {
  auto file = get(name);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<char> bytes = (*file)->getBytes();
  if (offset > bytes.size() || length > bytes.size() - offset)
    return bad(name, "bytes " + Twine(offset) + " to " + Twine(offset + length) + " are past its end at " +
                         Twine(bytes.size()));
  return bytes.slice(offset, length);
}
