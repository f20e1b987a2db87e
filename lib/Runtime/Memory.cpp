//===- Memory.cpp - pages and the weights file ------------------------------------------------------------------===//
#include "Internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hadron::rt {

void Text::add(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(data + size, sizeof data - size, format, arguments);
  va_end(arguments);
  if (length > 0)
    size = size + length < sizeof data ? size + length : sizeof data - 1;
}

const char *describeErrno(int code) {
  // strerror is not safe with threads, and the two versions of strerror_r cannot be told apart without glibc's macros.
  switch (code) {
  case ENOENT:
    return "no such file";
  case EACCES:
  case EPERM:
    return "permission denied";
  case ENOTDIR:
    return "its folder is not a folder";
  case EMFILE:
  case ENFILE:
    return "too many open files";
  case ENOMEM:
    return "out of memory";
  default:
    return "input/output error";
  }
}

constexpr size_t hugePage = 2 << 20;

static size_t mappedBytes(size_t bytes) {
  size_t unit = bytes >= 2 * hugePage ? hugePage : 4096;
  return (bytes + unit - 1) / unit * unit;
}

void *allocatePages(size_t bytes) {
  if (!bytes || bytes > (size_t)1 << 46)
    return nullptr;
  size_t size = mappedBytes(bytes);
  bool huge = size % hugePage == 0;
  // A huge page needs an aligned place: take one more and give the ends back.
  size_t taken = huge ? size + hugePage : size;
  void *pages = mmap(nullptr, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    return nullptr;
  if (!huge)
    return pages;
  char *first = static_cast<char *>(pages);
  size_t before = -(uintptr_t)first % hugePage;
  if (before)
    munmap(first, before);
  if (before < hugePage)
    munmap(first + before + size, hugePage - before);
  madvise(first + before, size, MADV_HUGEPAGE);
  return first + before;
}

void freePages(void *pages, size_t bytes) {
  if (pages)
    munmap(pages, mappedBytes(bytes));
}

void unmapWeights(Mapping &mapping) {
  if (mapping.data)
    munmap(const_cast<char *>(mapping.data), mapping.bytes);
  mapping = Mapping();
}

/// Says what is wrong with the mapped file, if anything.
static bool checkWeights(const hadron_rt_weights &weights, const Mapping &mapping) {
  uint64_t headerBytes;
  if (mapping.bytes < sizeof headerBytes)
    return false;
  memcpy(&headerBytes, mapping.data, sizeof headerBytes);
  if (headerBytes > mapping.bytes - sizeof headerBytes)
    return false;
  return hadron_rt_hash(mapping.data, sizeof headerBytes + headerBytes) == weights.header_hash;
}

int mapWeights(const hadron_rt_descriptor &descriptor, const char *folder, Mapping &mapping, Text &error) {
  const hadron_rt_weights &weights = *descriptor.weights;
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s", folder, weights.file);
  if (length < 0 || (size_t)length >= sizeof path) {
    error.add("the path of the weights file %s is too long", weights.file);
    return HADRON_IO;
  }
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    error.add("cannot open the weights file %s of library '%s': %s", path, descriptor.name, describeErrno(errno));
    return HADRON_IO;
  }
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    error.add("the weights file %s of library '%s' is not a plain file", path, descriptor.name);
    close(file);
    return HADRON_IO;
  }
  if (status.st_size != weights.bytes) {
    error.add("the weights file %s has %lld bytes, library '%s' needs %lld: it is %s", path, (long long)status.st_size,
              descriptor.name, (long long)weights.bytes,
              status.st_size < weights.bytes ? "cut short or from another build" : "from another build");
    close(file);
    return HADRON_IO;
  }
  void *data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  int code = errno;
  close(file);
  if (data == MAP_FAILED) {
    error.add("cannot map the weights file %s of library '%s': %s", path, descriptor.name, describeErrno(code));
    return HADRON_IO;
  }
  mapping.data = static_cast<const char *>(data);
  mapping.bytes = status.st_size;
  if (!checkWeights(weights, mapping)) {
    unmapWeights(mapping);
    error.add("the weights file %s is not the one of library '%s': it is from another build", path, descriptor.name);
    return HADRON_IO;
  }
  // Advice only: huge pages exist for files on some file systems, and reading ahead saves the first call some faults.
  madvise(data, mapping.bytes, MADV_HUGEPAGE);
  madvise(data, mapping.bytes, MADV_WILLNEED);
  return HADRON_OK;
}

} // namespace hadron::rt
