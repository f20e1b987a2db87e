// Subgraphs recognised by what they compute: rewrites of onnx.node into onnx.node, before anything is converted.
//
// A recognizer replaces a subgraph by one node of the domain `hadron.raised`, which the tables know like any other:
//   RMSNorm(x, gain?) {epsilon}                       LayerNorm(x, gain?, bias?) {epsilon}
//   SiLU(x)                                           Linear(x, weight, bias)
//   Rotary(x, cos, sin, positions?) {heads_first, interleaved}
//   Attention(q, k, v, past_k?, past_v?, mask?, lengths?) {scale, softcap, causal, heads_first} -> y, present_k?,
//   present_v? FWHT(x) {rotation, scale, inverse}
#ifndef HADRON_LIB_RAISE_PATTERNS_H
#define HADRON_LIB_RAISE_PATTERNS_H

#include "Raiser.h"
#include "mlir/IR/PatternMatch.h"

namespace hadron::raising {

/// Runs all recognizers.
mlir::LogicalResult recognize(onnx::GraphOp graph);

void populateNormPatterns(mlir::RewritePatternSet &patterns);
void populateRotaryPatterns(mlir::RewritePatternSet &patterns);
void populateAttentionPatterns(mlir::RewritePatternSet &patterns);
void populateTransposePatterns(mlir::RewritePatternSet &patterns);
void populateHadamardPatterns(mlir::RewritePatternSet &patterns);

//===--- What patterns are written with ---------------------------------------------------------------------------===//

/// The node of ONNX's own domain that makes this value, when it is `op`; else null.
onnx::NodeOp definedBy(mlir::Value value, llvm::StringRef op);
/// The same for our domain.
onnx::NodeOp raisedBy(mlir::Value value, llvm::StringRef op);
/// The number that a constant is everywhere, from the graph's own text.
std::optional<double> scalarOf(mlir::Value value);
bool hasRank(mlir::Value value, int64_t rank);
mlir::Type elementTypeOf(mlir::Value value);
bool isConstantVector(mlir::Value value, const SymbolicSize &size);
/// The one axis that a reduction folds and keeps with size 1.
bool reducesLastAxis(onnx::NodeOp reduction);
/// The permutation of a Transpose.
llvm::SmallVector<int64_t> permutationOf(onnx::NodeOp transpose);

onnx::NodeOp createNode(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef domain, llvm::StringRef op,
                        mlir::ValueRange inputs, llvm::ArrayRef<mlir::NamedAttribute> attributes,
                        mlir::TypeRange results, int64_t since = 0);
onnx::NodeOp createTranspose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value input,
                             llvm::ArrayRef<int64_t> permutation);
mlir::Value noneAt(mlir::OpBuilder &builder, mlir::Location loc);
mlir::Type tensorLike(mlir::Value value, llvm::ArrayRef<SymbolicSize> dims);

/// A pattern on nodes of one operator.
struct NodePattern : mlir::OpRewritePattern<onnx::NodeOp> {
  NodePattern(mlir::MLIRContext *context, llvm::StringLiteral domain, llvm::StringLiteral op)
      : OpRewritePattern(context), domain(domain), op(op) {}
  mlir::LogicalResult matchAndRewrite(onnx::NodeOp node, mlir::PatternRewriter &rewriter) const final {
    return node.is(domain, op) ? rewrite(node, rewriter) : mlir::failure();
  }
  virtual mlir::LogicalResult rewrite(onnx::NodeOp node, mlir::PatternRewriter &rewriter) const = 0;
  llvm::StringLiteral domain, op;
};
using Rewrite = mlir::LogicalResult (*)(onnx::NodeOp, mlir::PatternRewriter &);
template <Rewrite function>
struct FunctionPattern : NodePattern {
  using NodePattern::NodePattern;
  mlir::LogicalResult rewrite(onnx::NodeOp node, mlir::PatternRewriter &rewriter) const final {
    return function(node, rewriter);
  }
};
template <Rewrite function>
void addPattern(mlir::RewritePatternSet &patterns, llvm::StringLiteral domain, llvm::StringLiteral op) {
  patterns.add<FunctionPattern<function>>(patterns.getContext(), domain, op);
}

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_PATTERNS_H
