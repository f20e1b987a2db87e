// A model's file and the files beside it: mapped, parsed without the weights, never read outside the model's folder.
#ifndef HADRON_LIB_IMPORT_ONNX_MODELFILE_H
#define HADRON_LIB_IMPORT_ONNX_MODELFILE_H

#include "hadron_onnx.pb.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <optional>
#include <string>

namespace hadron {

class ModelFile {
public:
  static llvm::Expected<std::unique_ptr<ModelFile>> open(llvm::StringRef path, bool refuseHardLinks);
  ~ModelFile();

  hadron_onnx::ModelProto &getModel() { return model; }
  llvm::StringRef getPath() const { return path; }
  /// The file's name without its folder.
  llvm::StringRef getName() const;
  /// Bytes of the model's own file; the walker has checked that they lie in it.
  llvm::StringRef getBytes(uint64_t offset, uint64_t length) const {
    return buffer->getBuffer().substr(offset, length);
  }

  /// Size of a file beside the model. Opened once; the error is the same each time.
  llvm::Expected<uint64_t> getExternalSize(llvm::StringRef name);
  llvm::Expected<std::string> readExternal(llvm::StringRef name, uint64_t offset, uint64_t length);

private:
  struct External {
    int descriptor = -1;
    uint64_t size = 0;
    std::string error;
  };
  External &getExternal(llvm::StringRef name);

  std::string path;
  bool refuseHardLinks = false;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  hadron_onnx::ModelProto model;
  llvm::StringMap<External> externals;
};

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_MODELFILE_H
