#include "ModelFile.h"

#include "WireWalker.h"
#include "hadron/Support/OpenBeneath.h"

#include "google/protobuf/io/coded_stream.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <unistd.h>

using namespace hadron;
using llvm::StringRef;

static llvm::Error makeError(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(text, llvm::inconvertibleErrorCode());
}

// protobuf counts bytes in an int.
static constexpr uint64_t maxModelBytes = (uint64_t(1) << 31) - 1;

llvm::Expected<std::unique_ptr<ModelFile>> ModelFile::open(StringRef path, bool refuseHardLinks) {
  auto file = std::make_unique<ModelFile>();
  file->path = path.str();
  file->refuseHardLinks = refuseHardLinks;
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return makeError(error.message());
  if (!llvm::sys::fs::is_regular_file(status))
    return makeError("it is not a regular file");
  if (status.getSize() > maxModelBytes)
    return makeError(
        "it has " + llvm::Twine(status.getSize()) +
        " bytes, and an ONNX file can have 2 GiB at most; save the model with its weights as external data");
  if (status.getSize() == 0)
    return makeError("the file is empty");
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError(buffer.getError().message());
  file->buffer = std::move(*buffer);
  llvm::Expected<std::string> skeleton = withoutTensorData(file->buffer->getBuffer());
  if (!skeleton)
    return skeleton.takeError();
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(skeleton->data()), skeleton->size());
  stream.SetRecursionLimit(128); // the walker's limit is the lower one, and has a message
  if (!file->model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    return makeError("it is no ONNX model, or is damaged: protobuf cannot parse it");
  return file;
}

ModelFile::~ModelFile() {
  for (auto &entry : externals)
    if (entry.second.descriptor >= 0)
      close(entry.second.descriptor);
}

StringRef ModelFile::getName() const { return llvm::sys::path::filename(path); }

ModelFile::External &ModelFile::getExternal(StringRef name) {
  auto [entry, isNew] = externals.try_emplace(name);
  External &external = entry->second;
  if (!isNew)
    return external;
  llvm::Expected<OpenedFile> opened = openBeneath(llvm::sys::path::parent_path(path), name, refuseHardLinks);
  if (!opened) {
    external.error = llvm::toString(opened.takeError());
    return external;
  }
  external.descriptor = opened->descriptor;
  external.size = opened->size;
  return external;
}

llvm::Expected<uint64_t> ModelFile::getExternalSize(StringRef name) {
  External &external = getExternal(name);
  if (external.descriptor < 0)
    return makeError(external.error);
  return external.size;
}

llvm::Expected<std::string> ModelFile::readExternal(StringRef name, uint64_t offset, uint64_t length) {
  External &external = getExternal(name);
  if (external.descriptor < 0)
    return makeError(external.error);
  std::string bytes(length, '\0');
  for (uint64_t done = 0; done < length;) {
    ssize_t n = pread(external.descriptor, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return makeError(n < 0 ? llvm::sys::StrError(errno) : "the file ended");
    done += n;
  }
  return bytes;
}
