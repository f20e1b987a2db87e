#include "hadron/Support/OpenBeneath.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Errno.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace hadron;
using llvm::StringRef;

static llvm::Error refuse(const llvm::Twine &reason) {
  return llvm::make_error<llvm::StringError>(reason, std::make_error_code(std::errc::invalid_argument));
}

// Without openat2 (kernels before 5.6, some sandboxes): one component at a time, none of them a link. A directory's
// descriptor is held while its entry is opened, so no one can exchange a component after it was checked.
static int openStepwise(int folder, llvm::ArrayRef<StringRef> components) {
  int current = dup(folder);
  for (size_t i = 0; i < components.size() && current >= 0; ++i) {
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (i + 1 < components.size() ? O_DIRECTORY : 0);
    int next = openat(current, components[i].str().c_str(), flags);
    int error = errno;
    close(current);
    errno = error;
    current = next;
  }
  return current;
}

llvm::Expected<OpenedFile> hadron::openBeneath(StringRef folder, StringRef relative, bool refuseHardLinks) {
  if (relative.empty())
    return refuse("the path is empty");
  if (relative.contains('\0') || relative.contains('\\'))
    return refuse("the path holds a character that no relative POSIX path may hold here (NUL or backslash)");
  if (relative.starts_with("/"))
    return refuse("the path is absolute; it must be relative to the model's folder");
  llvm::SmallVector<StringRef> parts, components;
  relative.split(parts, '/');
  for (StringRef part : parts) {
    if (part == "..")
      return refuse("the path has a '..' component; it must stay in the model's folder");
    if (!part.empty() && part != ".")
      components.push_back(part);
  }
  if (components.empty())
    return refuse("the path names no file");

  int directory = open(folder.empty() ? "." : folder.str().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return refuse("the model's folder '" + folder + "' cannot be opened: " + llvm::sys::StrError(errno));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK; // a FIFO must not block the open; it is refused below
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int file = syscall(SYS_openat2, directory, relative.str().c_str(), &how, sizeof(how));
  if (file < 0 && (errno == ENOSYS || errno == EPERM))
    file = openStepwise(directory, components);
  int error = errno;
  close(directory);
  if (file < 0) {
    if (error == ELOOP || error == EXDEV)
      return refuse("the path leads through a symbolic link; put the file itself into the model's folder");
    return refuse(llvm::sys::StrError(error));
  }
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    return refuse("it is not a regular file");
  }
  if (refuseHardLinks && status.st_nlink != 1) {
    close(file);
    return refuse("the file has " + llvm::Twine(uint64_t(status.st_nlink)) +
                  " hard links; copy it, or allow hard links");
  }
  return OpenedFile{file, static_cast<uint64_t>(status.st_size)};
}
