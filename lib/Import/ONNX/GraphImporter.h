// GraphProto → the body of an onnx.graph.
#ifndef HADRON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
#define HADRON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H

#include "OpVersions.h"
#include "Tensors.h"

#include "hadron/Import/ONNX.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace hadron {

/// Names of dimensions in the file → symbols. Most are symbols or sums of them; what is neither ("s0//2", "batch size")
/// becomes a symbol of a similar name, the same one each time.
class DimensionNames {
public:
  SymbolicSize get(llvm::StringRef dimParam);
  /// A symbol that nothing else has, named after this.
  SymbolicSize makeFresh(llvm::StringRef name);
  bool isKnown(const SymbolicSize &size) const;
  /// Every symbol given so far, in order.
  llvm::ArrayRef<std::string> getSymbols() const { return symbols; }

private:
  SymbolicSize add(const SymbolicSize &size);

  llvm::StringMap<SymbolicSize> byText;
  llvm::StringSet<> used;
  std::vector<std::string> symbols;
};

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext *context, ModelFile &file, const ImportOptions &options);
  /// Null after an error, which has been emitted.
  mlir::OwningOpRef<mlir::ModuleOp> import();

private:
  using Graph = hadron_onnx::GraphProto;
  using Node = hadron_onnx::NodeProto;
  using Attribute = hadron_onnx::AttributeProto;

  // One graph's names; a subgraph sees those of the graphs around it.
  struct Scope {
    Scope *outer = nullptr;
    llvm::StringMap<mlir::Value> values;
    llvm::StringMap<const hadron_onnx::ValueInfoProto *> declared;
    mlir::Value none;

    mlir::Value find(llvm::StringRef name) const;
  };

  mlir::LogicalResult fail(const llvm::Twine &text);
  mlir::LogicalResult failAt(mlir::Location loc, const llvm::Twine &text);
  void warn(const llvm::Twine &text);

  mlir::LogicalResult checkModel();
  mlir::LogicalResult checkNames(const Graph &graph);
  mlir::LogicalResult checkInputsBound(const Graph &graph);
  void findUnbound(const Graph &graph, const llvm::StringSet<> &outer,
                   llvm::MapVector<const Node *, llvm::SmallVector<llvm::StringRef>> &unbound);
  mlir::FailureOr<llvm::SmallVector<int>> sortNodes(const Graph &graph);
  mlir::FailureOr<mlir::DictionaryAttr> importOpsets();

  mlir::FailureOr<onnx::OnnxTensorType> importInputType(const hadron_onnx::ValueInfoProto &input);
  std::optional<onnx::OnnxTensorType> importDeclaredType(const hadron_onnx::ValueInfoProto &value);
  mlir::LogicalResult importInitializers(const Graph &graph, Scope &scope);
  mlir::LogicalResult importNodes(const Graph &graph, Scope &scope);
  mlir::LogicalResult importNode(const Node &node, int index, Scope &scope);
  mlir::LogicalResult importConstant(const Node &node, mlir::Location loc, Scope &scope);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> importOutputs(const Graph &graph, Scope &scope);
  mlir::LogicalResult importSubgraph(const Graph &graph, mlir::Region &region, Scope &outer, mlir::Location loc);
  mlir::FailureOr<mlir::Attribute> importAttribute(const Attribute &attribute, const Node &node, mlir::Location loc);
  mlir::LogicalResult checkAgainstVersion(const Node &node, const OpVersion &version, mlir::Location loc);

  mlir::Location getLocation(const Node &node, int index);
  std::string describe(const Node &node);

  mlir::MLIRContext *context;
  ModelFile &file;
  const ImportOptions &options;
  mlir::OpBuilder builder;
  TensorReader tensors;
  DimensionNames dimensions;
  llvm::StringMap<int64_t> opsets; // by domain, "" for the default one
  mlir::Location fileLoc;
};

/// The kind letter (OpVersions.h) of the field that an attribute's type names; 0 for numbers that are no type.
char getAttributeKind(int type);
/// The kind letter of the one field that is populated; 0 when none or several are.
char getPopulatedKind(const hadron_onnx::AttributeProto &attribute);

} // namespace hadron

#endif // HADRON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
