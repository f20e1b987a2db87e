// Symbolic shape inference on an onnx.graph: the engine, and what a rule for one operator sees.
//
// A rule is a function; the tables at the end of the Infer*.cpp files say which (domain, operator) it is for. Adding an
// operator is adding a row.
#ifndef HADRON_LIB_IMPORT_ONNX_INFER_H
#define HADRON_LIB_IMPORT_ONNX_INFER_H

#include "ONNX/IR/ONNX.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

#include <map>
#include <set>
#include <unordered_map>

namespace hadron::onnx {

using Dims = llvm::SmallVector<SymbolicSize>;

/// What is known of a value. A null type, or no dims: unknown. `values`: the elements of a small integer or Boolean
/// tensor, row-major; known only together with numbers as dims.
struct Facts {
  mlir::Type elementType;
  std::optional<Dims> dims;
  std::optional<Dims> values;
};

class Inference {
public:
  explicit Inference(GraphOp graph) : graph(graph) {}
  /// Infers, and writes types, known values, substitutions and constraints into the IR.
  mlir::LogicalResult run();

  const Facts &getFacts(mlir::Value value);
  void setFacts(mlir::Value value, Facts facts) { known[value.getAsOpaquePointer()] = std::move(facts); }
  void inferBlock(mlir::Block &block);
  /// The same for a block that may not run: what it requires is required of nobody.
  void inferConditionalBlock(mlir::Block &block);

  SymbolicSize normalise(const SymbolicSize &size) const { return size.substitute(substitutions); }
  /// Records that two sizes are equal. A symbol that is thereby known is replaced everywhere; otherwise the equation is
  /// checked at entry.
  SymbolicSize requireEqual(NodeOp node, const SymbolicSize &a, const SymbolicSize &b);
  void requireAtMost(const SymbolicSize &a, const SymbolicSize &b);
  SymbolicSize makeFresh(llvm::StringRef name);
  void fail(NodeOp node, const llvm::Twine &text);

private:
  void inferOnce();
  void inferNode(NodeOp node);
  bool substitute(const SymbolicSize &difference);
  void writeBack();
  void writeBack(mlir::Block &block);

  GraphOp graph;
  std::unordered_map<void *, Facts> known; // nodes stay where they are: rules hold pointers into them
  std::map<std::string, SymbolicSize> substitutions;
  std::vector<std::string> order; // symbols: the later one of two equal ones is replaced
  llvm::StringSet<> usedSymbols;
  llvm::SetVector<std::string, std::vector<std::string>, std::set<std::string>> constraints, dataDependent;
  llvm::StringSet<> writtenSymbols; // those of dataDependent that a type mentions
  bool hasFailed = false, hasNewSubstitution = false;
  unsigned conditionalDepth = 0;
};

/// One node, as its rule sees it.
class NodeInference {
public:
  NodeInference(NodeOp node, Inference &engine) : node(node), engine(engine) {}

  NodeOp node;
  Inference &engine;

  int64_t version() { return static_cast<int64_t>(node.getSinceVersion()); }
  unsigned getNumInputs() { return node.getInputs().size(); }
  bool has(unsigned i) { return static_cast<bool>(node.getInput(i)); }

  mlir::Type elementType(unsigned i);
  /// Null when not known (or the input is omitted).
  const Dims *dims(unsigned i);
  const Dims *values(unsigned i);
  std::optional<llvm::SmallVector<int64_t>> constants(unsigned i);
  std::optional<int64_t> constant(unsigned i); // one element

  /// Facts of an output; omitted outputs are skipped.
  void set(unsigned out, mlir::Type elementType, std::optional<Dims> dims);
  void set(unsigned out, mlir::Type elementType, const Dims *dims) {
    set(out, elementType, dims ? std::optional<Dims>(*dims) : std::nullopt);
  }
  void setValues(unsigned out, Dims values);
  SymbolicSize fresh(unsigned out, unsigned axis);
  Dims freshDims(unsigned out, unsigned rank);

  SymbolicSize equal(const SymbolicSize &a, const SymbolicSize &b) { return engine.requireEqual(node, a, b); }
  void atMost(const SymbolicSize &a, const SymbolicSize &b) { engine.requireAtMost(a, b); }
  SymbolicSize normalise(const SymbolicSize &size) { return engine.normalise(size); }
  void fail(const llvm::Twine &text) { engine.fail(node, text); }

  /// An axis counted from the end is counted from the start; nothing, and an error, when it is out of range.
  std::optional<int64_t> axis(int64_t axis, int64_t rank);
  SymbolicSize broadcastDim(const SymbolicSize &a, const SymbolicSize &b);
  Dims broadcast(llvm::ArrayRef<SymbolicSize> a, llvm::ArrayRef<SymbolicSize> b);
  /// Of all inputs in [first, last); nothing when one is not known.
  std::optional<Dims> broadcastInputs(unsigned first, unsigned last);

private:
  llvm::SmallVector<std::string> freshSymbols;
};

using Rule = void (*)(NodeInference &);
struct RuleRow {
  llvm::StringRef domain, opType;
  Rule rule;
};
llvm::ArrayRef<RuleRow> getElementwiseRules();
llvm::ArrayRef<RuleRow> getShapeRules();
llvm::ArrayRef<RuleRow> getIndexingRules();
llvm::ArrayRef<RuleRow> getReductionRules();
llvm::ArrayRef<RuleRow> getMatmulRules();
llvm::ArrayRef<RuleRow> getAttentionRules();
llvm::ArrayRef<RuleRow> getControlFlowRules();

//===------------------------------------------------------------------------------------------------------------===//
// Small helpers
//===------------------------------------------------------------------------------------------------------------===//

SymbolicSize product(llvm::ArrayRef<SymbolicSize> dims);
std::optional<llvm::SmallVector<int64_t>> toNumbers(llvm::ArrayRef<SymbolicSize> dims);
/// Whether a < b for all non-negative values of the symbols; nothing when that depends on them.
std::optional<bool> isLess(const SymbolicSize &a, const SymbolicSize &b);
std::optional<bool> isEqual(const SymbolicSize &a, const SymbolicSize &b);
/// More elements than this are a table, not a shape.
constexpr size_t maxKnownValues = 64;

} // namespace hadron::onnx

#endif // HADRON_LIB_IMPORT_ONNX_INFER_H
