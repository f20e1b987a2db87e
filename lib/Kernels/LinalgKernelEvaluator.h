// Emits the value of a tensor at a point, or at a vector of neighbouring points, of its index space.
#ifndef HADRON_LIB_KERNELS_LINALGKERNELEVALUATOR_H
#define HADRON_LIB_KERNELS_LINALGKERNELEVALUATOR_H

#include "hadron/Kernels/MathFunctions.h"
#include "hadron/Kernels/Pieces.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace hadron::kernels {

/// What the lanes of a vector hold. Lane i is `value` + i `step` (step is 0 except for i64), or, if `vector`, lane i of
/// `value`. Scalars stay scalar until a vector operation needs them.
struct Lanes {
  mlir::Value value;
  int64_t step = 0;
  bool vector = false;

  explicit operator bool() const { return static_cast<bool>(value); }
  bool uniform() const { return !vector && step == 0; }
};

using Index = llvm::SmallVector<Lanes>;

/// `lanes` lanes of a lane variable with condition `mask` (null: all are active). Inactive lanes are never dereferenced
/// and never trap; their values do not matter.
struct Width {
  int64_t lanes = 1;
  Lanes mask;
};

/// How one result of a reduction combines: a known associative operation (null: only in order), and what it starts
/// from.
struct Combiner {
  mlir::Operation *op = nullptr; // in the body of the linalg operation
  mlir::Value input;             // what is combined with the accumulator
  std::optional<mlir::arith::AtomicRMWKind> kind;
};

/// Whether neighbouring lanes read neighbouring elements, with what is known so far: graphs share subgraphs.
class Contiguity {
public:
  /// True if lanes along dimension `dim` of `tensor` read neighbouring elements, or one and the same.
  bool along(mlir::Value tensor, int64_t dim);
  /// The same for the inputs of `op` and lanes along a loop of it.
  bool alongLoop(mlir::linalg::LinalgOp op, unsigned loop);

private:
  bool compute(mlir::Value tensor, int64_t dim);
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, bool> known;
};

/// One linalg operation at one point of its iteration space.
struct Frame {
  mlir::linalg::LinalgOp op;
  Index iteration;
  llvm::SmallVector<mlir::Value> sizes; // of the iteration space
  llvm::DenseMap<mlir::Value, Lanes> values = llvm::DenseMap<mlir::Value, Lanes>();
};

class Evaluator {
public:
  Evaluator(mlir::func::FuncOp kernel, mlir::OpBuilder &builder, mlir::Location loc, const cpu::Target &target,
            llvm::ArrayRef<mlir::Value> slots);

  Pieces p;
  Width width;

  /// The value of `tensor` at `index`: uniform if every index is.
  Lanes evaluate(mlir::Value tensor, llvm::ArrayRef<Lanes> index);
  /// A value outside of any linalg body.
  Lanes scalar(mlir::Value value);
  /// The size of a dimension of a tensor, of a result of the kernel, and one written as in `hadron.shape`.
  mlir::Value size(mlir::Value tensor, int64_t dim);
  mlir::Value resultSize(unsigned result, int64_t dim);
  /// Sizes of the iteration space of an operation.
  llvm::SmallVector<mlir::Value> loopSizes(mlir::linalg::LinalgOp op);

  /// Results of a reduction at several points of its parallel dimensions (an Index per point, over the first result's
  /// dimensions): one loop over the reduction dimensions serves them all. Later evaluations at the same points find
  /// them.
  void reduce(mlir::linalg::LinalgOp op, llvm::ArrayRef<Index> points);

  /// Writes `value`, of the tensor's element type, to `address` at the row-major offset of `index`.
  void store(Lanes value, mlir::Value address, mlir::Type element, llvm::ArrayRef<Lanes> index,
             llvm::ArrayRef<mlir::Value> sizes);

  /// `expr` with dimensions replaced; null if a dimension it uses is null.
  Lanes apply(mlir::AffineExpr expr, llvm::ArrayRef<Lanes> dims);

  /// `body(i)` for i in [begin, end), a vector of lanes at a time and then what is left; `width` is set around each
  /// call. `lanes` are those of the main loop.
  void forLanes(mlir::Value begin, mlir::Value end, int64_t lanes, llvm::function_ref<void(Lanes i)> body);
  /// A loop whose body sees its own memo.
  void forEach(mlir::Value begin, mlir::Value end, int64_t step, llvm::function_ref<void(mlir::Value i)> body);

  /// Values computed in `body` are forgotten after it: they may be inside a region.
  void scoped(llvm::function_ref<void()> body);

  Lanes constant(int64_t value) { return {p.i64(value)}; }
  Lanes add(Lanes a, Lanes b);
  Lanes mul(Lanes a, Lanes b);
  Lanes sub(Lanes a, Lanes b);
  /// The lanes as a vector (a scalar if there is one lane).
  mlir::Value materialize(Lanes v);
  /// Bodies with exp and the like take many registers: narrower vectors.
  bool heavy = false;
  int64_t mainLanes() const { return p.target.lanes() * (heavy ? 2 : 4); }

private:
  friend struct Reduction;

  // Memory.
  Lanes load(mlir::Value address, mlir::Type element, Lanes offset);
  Lanes loadEach(mlir::Value address, mlir::Type element, Lanes offset);
  Lanes offsetOf(llvm::ArrayRef<Lanes> index, llvm::ArrayRef<mlir::Value> sizes);
  mlir::Type memoryType(mlir::Type element) const;
  mlir::Value fromMemory(mlir::Value v, mlir::Type element);
  mlir::Value toMemory(mlir::Value v, mlir::Type element);

  // Tensors.
  Lanes evaluateOp(mlir::Operation *op, unsigned result, llvm::ArrayRef<Lanes> index);
  Lanes evaluateLinalg(mlir::linalg::LinalgOp op, unsigned result, llvm::ArrayRef<Lanes> index);
  Lanes evaluateConcat(mlir::tensor::ConcatOp op, Index index);
  Lanes evaluateExpand(mlir::tensor::ExpandShapeOp op, llvm::ArrayRef<Lanes> index);
  Lanes evaluateCollapse(mlir::tensor::CollapseShapeOp op, llvm::ArrayRef<Lanes> index);
  Lanes sizeOf(mlir::OpFoldResult value);
  /// The value of `tensor` at `index` where lo <= x < hi for every bound, else `otherwise`; nothing outside is read.
  struct Bound {
    Lanes x;
    mlir::Value size; // 0 <= x < size
  };
  Lanes guarded(mlir::Value tensor, llvm::ArrayRef<Lanes> index, llvm::ArrayRef<Bound> bounds, mlir::Type element,
                llvm::function_ref<Lanes()> otherwise);

  // Bodies of linalg operations.
  Index iterationOf(mlir::linalg::LinalgOp op, unsigned result, llvm::ArrayRef<Lanes> index);
  void loadOperands(Frame &frame, bool accumulators);
  void runBlock(mlir::Block &block, Frame &frame);
  Lanes valueIn(Frame &frame, mlir::Value v);
  Lanes emit(mlir::Operation *op, llvm::ArrayRef<Lanes> operands, Frame *frame);
  Lanes emitExtract(mlir::tensor::ExtractOp op, llvm::ArrayRef<Lanes> operands, Frame *frame);
  Lanes emitSelect(Lanes condition, Lanes yes, Lanes no);
  mlir::Value emitScalarOrVector(mlir::Operation *op, mlir::ValueRange operands, bool vector);
  mlir::Value expandIntegerDivision(mlir::Operation *op, mlir::ValueRange operands);
  mlir::Value rounded(mlir::Value v, mlir::Type element);
  void evaluateIf(mlir::Operation *op, Frame &frame);
  Lanes maskAnd(Lanes a, Lanes b);

  /// The type that lanes of an element type have: f16 and bf16 are f32 (rounded after each operation), index is i64.
  mlir::Type laneType(mlir::Type element) const;
  mlir::Type shaped(mlir::Type element, bool vector) const;
  Lanes zero(mlir::Type element);
  mlir::TypedAttr laneAttribute(mlir::Attribute attr) const;
  mlir::Value lanesConstant(mlir::TypedAttr scalar, bool vector);
  /// Both branches give lanes of one form: scalar if `uniform`, else a vector.
  Lanes choose(mlir::Value condition, mlir::Type element, bool uniform, llvm::function_ref<Lanes()> then,
               llvm::function_ref<Lanes()> otherwise);

  // Memo: tensors at points, scalars and affine expressions that are visible here.
  struct Entry {
    mlir::Value tensor;
    Index index;
    int64_t lanes;
    Lanes mask;
    Lanes value;
  };
  const Lanes *find(mlir::Value tensor, llvm::ArrayRef<Lanes> index) const;
  void remember(mlir::Value tensor, llvm::ArrayRef<Lanes> index, Lanes value);

  mlir::func::FuncOp kernel;
  Contiguity contiguity;
  llvm::SmallVector<mlir::Value> slots;
  llvm::SmallVector<mlir::Value> indexSlots;
  llvm::SmallVector<llvm::DenseMap<mlir::Value, llvm::SmallVector<Entry, 2>>> scopes;

  mlir::Value parseSize(mlir::Attribute text);
};

/// The combiner of each result of a reduction.
llvm::SmallVector<Combiner> combiners(mlir::linalg::LinalgOp op);
} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_LINALGKERNELEVALUATOR_H
