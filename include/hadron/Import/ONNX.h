// Reading ONNX models into the onnx dialect.
#ifndef HADRON_IMPORT_ONNX_H
#define HADRON_IMPORT_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace hadron {

namespace onnx {
class GraphOp;
} // namespace onnx

struct ImportOptions {
  /// Files that hold weights must be there and long enough. Off: a graph can be looked at without its weights.
  bool requireWeights = true;
  /// Refuse weight files with several hard links (CVE-2026-34446). Off by default: stores that share blobs between
  /// models use hard links.
  bool refuseHardLinks = false;
  /// Infer the symbolic sizes of all values.
  bool inferShapes = true;
};

/// Does this file start like an ONNX model? A guess by content, for drivers that take several kinds of file.
bool looksLikeONNX(llvm::StringRef firstBytes);

/// Imports a model: a module with one `onnx.graph @main`. Loads the onnx dialect. Weights stay in their files and are
/// referred to by offset. On failure every error has been emitted, and the result is null.
mlir::OwningOpRef<mlir::ModuleOp> importONNX(mlir::MLIRContext *context, llvm::StringRef path,
                                             const ImportOptions &options = {});

namespace onnx {
/// Gives every value of the graph its element type and its symbolic sizes, and attaches the elements of small integer
/// tensors. Where inference does not succeed the type says so (unknown rank, or element type `none`); it fails, with an
/// error, only where the graph contradicts itself.
llvm::LogicalResult inferShapes(GraphOp graph);
} // namespace onnx

} // namespace hadron

#endif // HADRON_IMPORT_ONNX_H
