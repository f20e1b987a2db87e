// TensorProto → the data of an onnx.initializer, every byte count checked before anything is read or allocated.
#ifndef HADRON_LIB_IMPORT_ONNX_TENSORS_H
#define HADRON_LIB_IMPORT_ONNX_TENSORS_H

#include "ModelFile.h"
#include "ONNX/IR/ONNX.h"

namespace hadron {

struct TensorData {
  onnx::OnnxTensorType type;
  mlir::Attribute data; // #onnx.file_slice or dense elements, as onnx.initializer takes them
};

/// The element type with this number in TensorProto.DataType; null for numbers that do not exist (and UNDEFINED).
mlir::Type getElementType(mlir::MLIRContext *context, int32_t dataType);

class TensorReader {
public:
  TensorReader(mlir::MLIRContext *context, ModelFile &file, bool requireWeights)
      : context(context), file(file), requireWeights(requireWeights) {}

  /// The error says what is wrong with the tensor, not which tensor it is.
  llvm::Expected<TensorData> read(const hadron_onnx::TensorProto &tensor);
  /// The same, with the data in the IR whatever its size: for tensors in attributes.
  llvm::Expected<mlir::DenseElementsAttr> readDense(const hadron_onnx::TensorProto &tensor);

private:
  struct Layout {
    mlir::Type elementType;
    llvm::SmallVector<int64_t> dims;
    uint64_t elements = 0, bytes = 0;
    unsigned bits = 0; // of an element in the file; 0: strings
  };
  struct Location {
    std::string file; // empty: the model's own
    uint64_t offset = 0, length = 0;
  };

  llvm::Expected<Layout> getLayout(const hadron_onnx::TensorProto &tensor);
  llvm::Expected<Location> getExternalLocation(const hadron_onnx::TensorProto &tensor, const Layout &layout);
  llvm::Expected<std::string> encodeTyped(const hadron_onnx::TensorProto &tensor, const Layout &layout);
  llvm::Expected<std::string> readBytes(const Location &location);
  mlir::DenseElementsAttr makeDense(const Layout &layout, llvm::StringRef bytes);
  bool isWantedInline(const Layout &layout) const;

  mlir::MLIRContext *context;
  ModelFile &file;
  bool requireWeights;
};

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_TENSORS_H
