// Reductions, softmax, running sums, positions of extremes.
#include "Build.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// The axes that the graph's sizes of input and result leave; nothing where they leave several.
std::optional<SmallVector<int64_t>> axesBySizes(Raiser &r, int64_t rank) {
  Sizes from = dimsOf(r.node.getInput(0)), to = r.outDims();
  bool keep = r.node.getInt("keepdims", 1);
  std::optional<SmallVector<int64_t>> found;
  for (unsigned set = 0; rank < 8 && set < (1u << rank); ++set) {
    SmallVector<int64_t> axes;
    Sizes result;
    for (int64_t i = 0; i < rank; ++i) {
      bool reduced = set >> i & 1;
      if (reduced && !(keep && from[i].isConstant(1))) // an axis of one stays what it is
        axes.push_back(i);
      if (!reduced || keep)
        result.push_back(reduced ? SymbolicSize(1) : from[i]);
    }
    if (!llvm::equal(result, to) || (found && *found == axes))
      continue;
    if (found)
      return std::nullopt;
    found = axes;
  }
  return found;
}

/// The axes of a reduction: attribute, or input 1 in later versions; none given: all, or none with
/// noop_with_empty_axes.
std::optional<SmallVector<int64_t>> axesOf(Raiser &r, int64_t rank) {
  std::optional<SmallVector<int64_t>> given;
  if (auto attribute = r.node.getInts("axes"))
    given = llvm::to_vector(*attribute);
  else if (r.has(1)) {
    given = onnx::getConstantValues(r.node.getInput(1));
    if (!given) {
      given = axesBySizes(r, rank);
      if (!given)
        return (void)r.error("'axes' must be constant"), std::nullopt;
      if (given->empty())
        return given;
    }
  }
  if (!given || given->empty()) {
    if (r.node.getInt("noop_with_empty_axes", 0))
      return SmallVector<int64_t>();
    return llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  SmallVector<int64_t> axes;
  for (int64_t axis : *given) {
    auto normalized = normalizedAxis(axis, rank);
    if (!normalized)
      return (void)r.error("an axis is out of range"), std::nullopt;
    if (!llvm::is_contained(axes, *normalized))
      axes.push_back(*normalized);
  }
  llvm::sort(axes);
  return axes;
}

enum class Kind { Sum, Mean, Prod, Max, Min, L1, L2, SumSquare, LogSum, LogSumExp };

TypedAttr initOf(Kind kind, Type type, bool isUnsigned) {
  if (kind == Kind::Prod)
    return numberAttr(type, 1);
  if (kind != Kind::Max && kind != Kind::Min)
    return numberAttr(type, 0);
  if (isa<FloatType>(type))
    return numberAttr(type, kind == Kind::Max ? -std::numeric_limits<double>::infinity()
                                              : std::numeric_limits<double>::infinity());
  unsigned bits = type.getIntOrFloatBitWidth();
  isUnsigned |= bits == 1;
  APInt value = kind == Kind::Max ? (isUnsigned ? APInt::getMinValue(bits) : APInt::getSignedMinValue(bits))
                                  : (isUnsigned ? APInt::getMaxValue(bits) : APInt::getSignedMaxValue(bits));
  return IntegerAttr::get(type, value);
}

Tensor reduceWide(Raiser &r, const Tensor &x, ArrayRef<int64_t> axes, Kind kind) {
  Type type = wide(x.element);
  return reduce(r, x, axes, initOf(kind, type, x.isUnsigned), [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    Value element = castScalar(b, loc, a[0], x.isUnsigned, type, x.isUnsigned), sum = a[1];
    switch (kind) {
    case Kind::Max:
      return maximum(b, loc, sum, element, x.isUnsigned);
    case Kind::Min:
      return minimum(b, loc, sum, element, x.isUnsigned);
    case Kind::Prod:
      return mul(b, loc, sum, element);
    case Kind::L1:
      if (isa<FloatType>(type))
        element = math::AbsFOp::create(b, loc, element);
      else if (!x.isUnsigned)
        element = math::AbsIOp::create(b, loc, element);
      return add(b, loc, sum, element);
    case Kind::L2:
    case Kind::SumSquare:
      return add(b, loc, sum, mul(b, loc, element, element));
    default:
      return add(b, loc, sum, element);
    }
  });
}

/// In f32 where the element is narrower; f64 for square roots and logarithms of integers.
Tensor finish(Raiser &r, const Tensor &x, Type element, Body body) {
  Type type = isa<FloatType>(x.element) ? x.element : Type(r.builder.getF64Type());
  return map(r, x, x.dims, element, [&](OpBuilder &b, Location loc, ValueRange a) {
    Value result = body(b, loc, ValueRange{castScalar(b, loc, a[0], x.isUnsigned, type, false)});
    return castScalar(b, loc, result, false, element, x.isUnsigned);
  });
}

/// log sum exp = max + log sum exp(x - max); a maximum that is not finite is left out.
Tensor logSumExp(Raiser &r, const Tensor &x, ArrayRef<int64_t> axes) {
  Tensor largest = keepAxes(r, reduceWide(r, x, axes, Kind::Max), axes);
  double infinity = std::numeric_limits<double>::infinity();
  largest = map(r, largest, largest.dims, largest.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    Value zero = number(b, loc, a[0].getType(), 0);
    Value size = math::AbsFOp::create(b, loc, a[0]);
    Value finite =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, size, number(b, loc, a[0].getType(), infinity));
    return arith::SelectOp::create(b, loc, finite, a[0], zero);
  });
  Type type = wide(x.element);
  Tensor powers = map(r, {x, largest}, x.dims, type, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    Value element = castScalar(b, loc, a[0], false, type, false);
    return math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, element, a[1]));
  });
  Tensor sum = keepAxes(r, reduceWide(r, powers, axes, Kind::Sum), axes);
  return map(r, {sum, largest}, sum.dims, type, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    return add(b, loc, math::LogOp::create(b, loc, a[0]), a[1]);
  });
}

template <Kind kind>
LogicalResult convertReduce(Raiser &r) {
  Tensor x = r.in(0);
  auto axes = axesOf(r, x.rank());
  if (!axes)
    return failure();
  Type element = r.outElement();
  Sizes dims = r.outDims();
  if (kind == Kind::LogSumExp && !x.isFloat()) {
    x = converted(r, x, r.builder.getF64Type(), false);
  }
  if (axes->empty() && r.node.getInt("noop_with_empty_axes", 0)) {
    r.out(0, x);
    return success();
  }
  Tensor result = kind == Kind::LogSumExp ? logSumExp(r, x, *axes) : reduceWide(r, x, *axes, kind);
  SymbolicSize count = 1;
  for (int64_t axis : *axes)
    count *= x.dims[axis];
  if (kind == Kind::Mean) {
    Value size = count.getConstant() ? Value() : r.size(count);
    bool isFloat = isa<FloatType>(result.element);
    result = map(r, result, result.dims, result.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
      Value divisor = size ? castScalar(b, loc, arith::IndexCastOp::create(b, loc, b.getI64Type(), size), false,
                                        result.element, false)
                           : number(b, loc, result.element, *count.getConstant());
      if (isFloat)
        return arith::DivFOp::create(b, loc, a[0], divisor);
      return arith::DivSIOp::create(b, loc, a[0], divisor);
    });
  } else if (kind == Kind::L2) {
    result = finish(r, result, result.element, [](OpBuilder &b, Location loc, ValueRange a) -> Value {
      return math::SqrtOp::create(b, loc, a[0]);
    });
  } else if (kind == Kind::LogSum) {
    result = finish(r, result, result.element, [](OpBuilder &b, Location loc, ValueRange a) -> Value {
      return math::LogOp::create(b, loc, a[0]);
    });
  }
  result.isUnsigned = x.isUnsigned;
  r.out(0, converted(r, reshape(r, result, dims), element, x.isUnsigned));
  return success();
}

/// exp(x - max) / sum along `axes`; with `logarithm`, its logarithm.
Tensor softmax(Raiser &r, const Tensor &x, ArrayRef<int64_t> axes, bool logarithm) {
  Type type = wide(x.element);
  Tensor largest = keepAxes(r, reduceWide(r, x, axes, Kind::Max), axes);
  auto shifted = [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    return arith::SubFOp::create(b, loc, castScalar(b, loc, a[0], false, type, false), a[1]);
  };
  Tensor powers = map(r, {x, largest}, x.dims, type, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    return math::ExpOp::create(b, loc, shifted(b, loc, a));
  });
  Tensor sum = keepAxes(r, reduceWide(r, powers, axes, Kind::Sum), axes);
  if (!logarithm)
    return map(r, {powers, sum}, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange a) {
      return castScalar(b, loc, arith::DivFOp::create(b, loc, a[0], a[1]), false, x.element, false);
    });
  return map(r, {x, largest, sum}, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange a) {
    Value result = arith::SubFOp::create(b, loc, shifted(b, loc, a), math::LogOp::create(b, loc, a[2]));
    return castScalar(b, loc, result, false, x.element, false);
  });
}

template <bool logarithm>
LogicalResult convertSoftmax(Raiser &r) {
  Tensor x = r.in(0);
  bool flat = r.node.getSinceVersion() && r.node.getSinceVersion() < 13;
  auto axis = normalizedAxis(r.node.getInt("axis", flat ? 1 : -1), x.rank());
  if (x.rank() == 0 || (flat && x.rank() == 1 && r.node.getInt("axis", 1) == 1))
    axis = 0;
  if (!axis)
    return r.error("'axis' is out of range");
  // Before version 13 the input is a matrix, cut at the axis.
  SmallVector<int64_t> axes = {*axis};
  if (flat)
    axes = llvm::to_vector(llvm::seq<int64_t>(*axis, x.rank()));
  if (x.rank() == 0)
    axes.clear();
  r.out(0, softmax(r, x, axes, logarithm));
  return success();
}

LogicalResult convertHardmax(Raiser &r) {
  Tensor x = r.in(0);
  bool flat = r.node.getSinceVersion() < 13;
  auto axis = normalizedAxis(r.node.getInt("axis", flat ? 1 : -1), x.rank());
  if (!axis || (flat && *axis != x.rank() - 1))
    return r.error("'axis' is not supported");
  Tensor largest = keepAxes(r, reduceWide(r, x, *axis, Kind::Max), *axis);
  Tensor where =
      map(r, {x, largest}, x.dims, r.builder.getI64Type(), [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
        Value same = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                           castScalar(b, loc, a[0], false, a[1].getType(), false), a[1]);
        Value at = arith::IndexCastOp::create(b, loc, b.getI64Type(), linalg::IndexOp::create(b, loc, *axis));
        return arith::SelectOp::create(b, loc, same, at, number(b, loc, b.getI64Type(), 1e15));
      });
  Tensor first = keepAxes(r, reduceWide(r, where, *axis, Kind::Min), *axis);
  r.out(0, map(r, first, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          Value at = arith::IndexCastOp::create(b, loc, b.getI64Type(), linalg::IndexOp::create(b, loc, *axis));
          Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, at, a[0]);
          return castScalar(b, loc, same, true, x.element, false);
        }));
  return success();
}

/// The first (or last) position that holds the extreme.
template <Kind kind>
LogicalResult convertArg(Raiser &r) {
  Tensor x = r.in(0);
  auto axis = normalizedAxis(r.node.getInt("axis", 0), x.rank());
  if (!axis)
    return r.error("'axis' is out of range");
  bool last = r.node.getInt("select_last_index", 0);
  Tensor extreme = keepAxes(r, reduceWide(r, x, *axis, kind), *axis);
  Type i64 = r.builder.getI64Type();
  Tensor positions = map(r, {x, extreme}, x.dims, i64, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
    Value element = castScalar(b, loc, a[0], x.isUnsigned, a[1].getType(), x.isUnsigned), same;
    if (x.isFloat())
      same = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UEQ, element, a[1]);
    else
      same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, element, a[1]);
    Value at = arith::IndexCastOp::create(b, loc, i64, linalg::IndexOp::create(b, loc, *axis));
    Value otherwise = arith::ConstantOp::create(b, loc, initOf(last ? Kind::Max : Kind::Min, i64, false));
    return arith::SelectOp::create(b, loc, same, at, otherwise);
  });
  Tensor result = reduceWide(r, positions, *axis, last ? Kind::Max : Kind::Min);
  r.out(0, reshape(r, result, r.outDims()));
  return success();
}

/// y_i = sum (or product) of x_j over j <= i.
template <Kind kind>
Tensor cumulative(Raiser &r, const Tensor &x, int64_t axis) {
  bool exclusive = r.node.getInt("exclusive", 0), reverse = r.node.getInt("reverse", 0);
  Sizes loops = x.dims;
  loops.push_back(x.dims[axis]);
  SmallVector<int64_t> loopOf = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  loopOf[axis] = x.rank();
  Type type = wide(x.element);
  TypedAttr init = initOf(kind, type, x.isUnsigned);
  Tensor sum =
      fold(r, Operand{x, loopOf}, loops, x.rank(), init, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
        Value i = linalg::IndexOp::create(b, loc, axis), j = linalg::IndexOp::create(b, loc, x.rank());
        using P = arith::CmpIPredicate;
        P predicate = reverse ? (exclusive ? P::sgt : P::sge) : (exclusive ? P::slt : P::sle);
        Value element = castScalar(b, loc, a[0], x.isUnsigned, type, x.isUnsigned);
        Value next = kind == Kind::Sum ? add(b, loc, a[1], element) : mul(b, loc, a[1], element);
        return arith::SelectOp::create(b, loc, arith::CmpIOp::create(b, loc, predicate, j, i), next, a[1]);
      });
  return converted(r, sum, x.element, x.isUnsigned);
}

template <Kind kind>
LogicalResult convertCumulative(Raiser &r) {
  Tensor x = r.in(0);
  if (x.rank() < 1)
    return r.error("expected an axis");
  if (auto given = onnx::getConstantValues(r.node.getInput(1))) {
    auto axis = given->size() == 1 ? normalizedAxis((*given)[0], x.rank()) : std::nullopt;
    if (!axis)
      return r.error("'axis' is out of range");
    r.out(0, cumulative<kind>(r, x, *axis));
    return success();
  }
  // An axis that comes at run time chooses among all.
  Tensor result = cumulative<kind>(r, x, 0), which = reshape(r, r.in(1), {});
  for (int64_t axis = 1; axis < x.rank(); ++axis)
    result = map(r, {which, cumulative<kind>(r, x, axis), result}, x.dims, x.element,
                 [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
                   using P = arith::CmpIPredicate;
                   Type type = a[0].getType();
                   Value same = arith::CmpIOp::create(b, loc, P::eq, a[0], number(b, loc, type, axis));
                   Value fromEnd = arith::CmpIOp::create(b, loc, P::eq, a[0], number(b, loc, type, axis - x.rank()));
                   return arith::SelectOp::create(b, loc, arith::OrIOp::create(b, loc, same, fromEnd), a[1], a[2]);
                 });
  r.out(0, result);
  return success();
}

/// How many elements of the row come before this one is its place in the sorted row: O(n^2) steps and no branches.
LogicalResult convertTopK(Raiser &r) {
  Tensor x = r.in(0);
  auto axis = normalizedAxis(r.node.getInt("axis", -1), x.rank());
  if (!axis)
    return r.error("'axis' is out of range");
  bool largest = r.node.getInt("largest", 1);
  Type i64 = r.builder.getI64Type();
  Sizes loops = x.dims;
  loops.push_back(x.dims[*axis]);
  SmallVector<int64_t> own = llvm::to_vector(llvm::seq<int64_t>(0, x.rank())), other = own;
  other[*axis] = x.rank();
  Tensor place = fold(r, {Operand{x, own}, Operand{x, other}}, loops, x.rank(), r.builder.getI64IntegerAttr(0),
                      [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
                        Value i = linalg::IndexOp::create(b, loc, *axis), j = linalg::IndexOp::create(b, loc, x.rank());
                        Value before, same;
                        if (x.isFloat()) {
                          using P = arith::CmpFPredicate;
                          before = arith::CmpFOp::create(b, loc, largest ? P::OGT : P::OLT, a[1], a[0]);
                          same = arith::CmpFOp::create(b, loc, P::UEQ, a[1], a[0]);
                        } else {
                          using P = arith::CmpIPredicate;
                          P predicate = x.isUnsigned ? (largest ? P::ugt : P::ult) : (largest ? P::sgt : P::slt);
                          before = arith::CmpIOp::create(b, loc, predicate, a[1], a[0]);
                          same = arith::CmpIOp::create(b, loc, P::eq, a[1], a[0]);
                        }
                        Value earlier = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, j, i);
                        same = arith::AndIOp::create(b, loc, same, earlier);
                        before = arith::OrIOp::create(b, loc, before, same);
                        return add(b, loc, a[2], castScalar(b, loc, before, true, i64, false));
                      });
  // Result i: the element whose place is i.
  Sizes results = r.outDims();
  Sizes picking = results;
  picking.push_back(x.dims[*axis]);
  Tensor positions = fold(r, Operand{place, other}, picking, x.rank(), r.builder.getI64IntegerAttr(0),
                          [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
                            Value i = castScalar(b, loc, linalg::IndexOp::create(b, loc, *axis), false, i64, false);
                            Value j = castScalar(b, loc, linalg::IndexOp::create(b, loc, x.rank()), false, i64, false);
                            Value here = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a[0], i);
                            return arith::SelectOp::create(b, loc, here, j, a[1]);
                          });
  Value source = r.value(x), size = r.size(x.dims[*axis]);
  r.out(0, map(r, positions, results, x.element, [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
          SmallVector<Value> indices;
          for (int64_t i = 0; i < x.rank(); ++i)
            indices.push_back(i == *axis ? clampedIndex(b, loc, a[0], false, size)
                                         : linalg::IndexOp::create(b, loc, i).getResult());
          return elementAt(b, loc, source, indices);
        }));
  r.out(1, positions);
  return success();
}

constexpr OpRow rows[] = {
    {"", "ArgMax", 1, kLatest, convertArg<Kind::Max>, "axis keepdims select_last_index"},
    {"", "ArgMin", 1, kLatest, convertArg<Kind::Min>, "axis keepdims select_last_index"},
    {"", "CumProd", 26, kLatest, convertCumulative<Kind::Prod>, "exclusive reverse", 2},
    {"", "CumSum", 11, kLatest, convertCumulative<Kind::Sum>, "exclusive reverse", 2},
    {"", "Hardmax", 1, kLatest, convertHardmax, "axis"},
    {"", "LogSoftmax", 1, kLatest, convertSoftmax<true>, "axis"},
    {"", "ReduceL1", 1, kLatest, convertReduce<Kind::L1>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceL2", 1, kLatest, convertReduce<Kind::L2>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceLogSum", 1, kLatest, convertReduce<Kind::LogSum>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceLogSumExp", 1, kLatest, convertReduce<Kind::LogSumExp>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceMax", 1, kLatest, convertReduce<Kind::Max>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceMean", 1, kLatest, convertReduce<Kind::Mean>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceMin", 1, kLatest, convertReduce<Kind::Min>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceProd", 1, kLatest, convertReduce<Kind::Prod>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceSum", 1, kLatest, convertReduce<Kind::Sum>, "axes keepdims noop_with_empty_axes"},
    {"", "ReduceSumSquare", 1, kLatest, convertReduce<Kind::SumSquare>, "axes keepdims noop_with_empty_axes"},
    {"", "Softmax", 1, kLatest, convertSoftmax<false>, "axis"},
    {"", "TopK", 10, kLatest, convertTopK, "axis largest sorted", 2},
};

} // namespace

ArrayRef<OpRow> raising::reductionOps() { return rows; }
