// Values of the reference interpreter: arrays of f64 or exact integers, packed weights, states.
#ifndef HADRON_REFERENCE_VALUE_H
#define HADRON_REFERENCE_VALUE_H

#include "Hadron/IR/Hadron.h"
#include "hadron/Support/Npy.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace hadron::reference {

/// One element: `f` where the element type is a float, else `i`: sign-extended (i1 and unsigned types: zero-extended).
union Scalar {
  double f;
  int64_t i;
};

/// A weight matrix in its stored basis.
struct PackedMatrix {
  PackedType type;
  std::vector<double> rows;          // [N][K], decoded
  std::vector<uint8_t> codes;        // [N][K] of integer formats
  std::vector<double> scales, zeros; // [N][groups] of integer formats
};

/// A cache: [batch][heads][length][dim]. Owned by the caller, changed in place by hadron.append.
struct State {
  StateType type;
  int64_t batch = 0, length = 0;
  int64_t entryLength = 0; // when the function was entered: what hadron.state.length reads
  std::vector<double> data;

  /// Row of `dim` values.
  double *row(int64_t b, int64_t head, int64_t token) {
    return &data[((b * type.getHeads() + head) * length + token) * type.getDim()];
  }
};

/// A tensor, a scalar (a tensor without axes), a packed weight or a state. Copies share what they hold; a tensor's
/// elements are copied when they are changed, a state's never.
class Value {
public:
  Value() = default;
  /// All zeros.
  Value(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  explicit Value(std::shared_ptr<const PackedMatrix> packed) : matrix(std::move(packed)) {}
  explicit Value(std::shared_ptr<State> state) : cache(std::move(state)) {}
  static Value scalar(mlir::Type type, Scalar x);
  static Value index(mlir::MLIRContext *context, int64_t i);

  bool isTensor() const { return data != nullptr; }
  bool isPacked() const { return matrix != nullptr; }
  bool isState() const { return cache != nullptr; }

  mlir::Type getElementType() const { return element; }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element); }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getDim(int64_t axis) const { return shape[axis]; }
  int64_t size() const { return data->size(); }

  const Scalar &operator[](int64_t i) const { return (*data)[i]; }
  double getFloat(int64_t i) const { return (*data)[i].f; }
  int64_t getInt(int64_t i) const { return (*data)[i].i; }
  /// The elements, to be written.
  std::vector<Scalar> &edit();
  /// The same elements in another shape of as many.
  Value reshaped(llvm::ArrayRef<int64_t> newShape) const;
  /// The same elements under another type of the same kind.
  Value withElementType(mlir::Type type) const;

  const PackedMatrix &getPacked() const { return *matrix; }
  State &getState() const { return *cache; }

private:
  mlir::Type element;
  llvm::SmallVector<int64_t, 4> shape;
  std::shared_ptr<std::vector<Scalar>> data;
  std::shared_ptr<const PackedMatrix> matrix;
  std::shared_ptr<State> cache;
};

/// `x` rounded to the nearest value of a float type, ties to even.
double roundTo(mlir::Type type, double x);
/// `x` in the canonical form of an integer type: sign-extended, or zero-extended for i1 and unsigned types.
int64_t wrapTo(mlir::Type type, int64_t x);

/// Dense little-endian elements of `type`, as a file has them.
llvm::Expected<Value> fromBytes(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);
/// An array with the element type of `type`; an error when sizes or kinds do not fit.
llvm::Expected<Value> fromNpy(mlir::RankedTensorType type, const NpyArray &array);
/// Floats become float64, or float32 when `single`; integers their own width.
NpyArray toNpy(const Value &value, bool single = false);
/// An empty state of a batch that the first append decides.
Value emptyState(StateType type);
/// A state filled with `values`, [batch, heads, length, dim].
llvm::Expected<Value> stateFrom(StateType type, const Value &values);

} // namespace hadron::reference

#endif // HADRON_REFERENCE_VALUE_H
