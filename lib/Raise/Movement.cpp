// Operators that move elements and compute none.
#include "Build.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include <limits>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// Reshape, Flatten, Squeeze, Unsqueeze: the order of elements stays, inference knows the sizes.
LogicalResult convertReshape(Raiser &r) {
  r.out(0, reshape(r, r.in(0), r.outDims()));
  return success();
}

LogicalResult convertTranspose(Raiser &r) {
  Tensor x = r.in(0);
  SmallVector<int64_t> permutation;
  if (auto given = r.node.getInts("perm"))
    permutation.assign(given->begin(), given->end());
  else
    for (int64_t i = x.rank() - 1; i >= 0; --i)
      permutation.push_back(i);
  if (permutation.size() != static_cast<size_t>(x.rank()) || !isPermutationVector(permutation))
    return r.error("'perm' is no permutation of the axes");
  r.out(0, transpose(r, x, permutation));
  return success();
}

LogicalResult convertExpand(Raiser &r) {
  r.out(0, broadcast(r, r.in(0), r.outDims()));
  return success();
}

LogicalResult convertConcat(Raiser &r) {
  SmallVector<Tensor> parts;
  for (unsigned i = 0; i < r.node.getInputs().size(); ++i) {
    Tensor part = r.in(i);
    // Empty parts add nothing.
    if (!llvm::any_of(part.dims, [](const SymbolicSize &size) { return size.isConstant(0); }))
      parts.push_back(part);
  }
  auto axis = normalizedAxis(r.node.getInt("axis", 0), r.outDims().size());
  if (!axis)
    return r.error("'axis' is out of range");
  if (parts.empty())
    parts.push_back(r.in(0));
  r.out(0, concat(r, parts, *axis, r.outDims()));
  return success();
}

/// A list of integers, one for each entry of a list of axes: numbers and symbols where they are known, else a tensor.
struct AxisList {
  std::optional<Sizes> known;
  Tensor tensor;
  int64_t count = 0;

  Value at(Raiser &r, int64_t i) const {
    if (known)
      return r.size((*known)[i]);
    Value element = elementAt(r.builder, r.loc, tensor.value, ValueRange{index(r.builder, r.loc, i)});
    return castScalar(r.builder, r.loc, element, false, r.builder.getIndexType(), false);
  }
};

AxisList listOf(ArrayRef<int64_t> numbers) {
  AxisList list;
  list.known.emplace(numbers.begin(), numbers.end());
  list.count = numbers.size();
  return list;
}

AxisList listOf(Raiser &r, unsigned input) {
  AxisList list;
  list.known = onnx::getKnownValues(r.node.getInput(input));
  if (list.known) {
    list.count = list.known->size();
    return list;
  }
  list.tensor = r.in(input);
  list.count = list.tensor.rank() == 1 ? list.tensor.dims[0].getConstant().value_or(0) : 0;
  list.tensor.value = r.value(list.tensor);
  return list;
}

/// The entry of `list` for one axis; `axes` says which axis each entry is for (null: in order).
Value entryFor(Raiser &r, const AxisList &list, const AxisList *axes, int64_t axis, int64_t rank, int64_t otherwise) {
  OpBuilder &b = r.builder;
  Value result = index(b, r.loc, otherwise);
  if (!axes)
    return axis < list.count ? list.at(r, axis) : result;
  for (int64_t i = 0; i < std::min(axes->count, list.count); ++i) {
    if (axes->known) {
      auto number = (*axes->known)[i].getConstant();
      if (number && normalizedAxis(*number, rank) == axis)
        return list.at(r, i);
      continue;
    }
    Value which = axes->at(r, i);
    Value same = arith::CmpIOp::create(b, r.loc, arith::CmpIPredicate::eq, which, index(b, r.loc, axis));
    Value sameFromEnd = arith::CmpIOp::create(b, r.loc, arith::CmpIPredicate::eq, which, index(b, r.loc, axis - rank));
    same = arith::OrIOp::create(b, r.loc, same, sameFromEnd);
    result = arith::SelectOp::create(b, r.loc, same, list.at(r, i), result);
  }
  return result;
}

/// Steps of one from known places: a slice in MLIR's sense. Inference gave the sizes, so it lies within its axis.
std::optional<Tensor> plainSlice(Raiser &r, const Tensor &x, const AxisList &starts, const AxisList *axes,
                                 const AxisList *steps) {
  if (!starts.known || (axes && !axes->known) || (steps && !steps->known))
    return std::nullopt;
  Tensor result = x;
  SmallVector<std::pair<int64_t, int64_t>> places;
  for (int64_t i = 0; i < starts.count; ++i) {
    auto which = axes && i < axes->count ? (*axes->known)[i].getConstant() : std::optional<int64_t>(i);
    auto axis = which ? normalizedAxis(*which, x.rank()) : std::nullopt;
    auto start = (*starts.known)[i].getConstant();
    if (!axis || !start || (steps && i < steps->count && !(*steps->known)[i].isConstant(1)))
      return std::nullopt;
    auto size = x.dims[*axis].getConstant();
    if (*start < 0 && !size && *start != std::numeric_limits<int64_t>::min())
      return std::nullopt;
    if (*start < 0)
      *start = std::max<int64_t>(size ? *start + *size : 0, 0);
    places.push_back({*axis, size ? std::min(*start, *size) : *start});
  }
  Sizes dims = r.outDims();
  for (auto [axis, start] : places)
    result = slice(r, result, axis, start, dims[axis]);
  return result;
}

LogicalResult convertSlice(Raiser &r) {
  Tensor x = r.in(0);
  AxisList starts, axes, steps;
  bool hasAxes, hasSteps = false;
  if (r.node.getSinceVersion() < 10) {
    auto given = r.node.getInts("starts"), list = r.node.getInts("axes");
    if (!given)
      return r.error("has no 'starts'");
    starts = listOf(*given);
    hasAxes = list.has_value();
    if (list)
      axes = listOf(*list);
  } else {
    starts = listOf(r, 1);
    if ((hasAxes = r.has(3)))
      axes = listOf(r, 3);
    if ((hasSteps = r.has(4)))
      steps = listOf(r, 4);
  }
  const AxisList *axesOrNull = hasAxes ? &axes : nullptr;
  if (auto result = plainSlice(r, x, starts, axesOrNull, hasSteps ? &steps : nullptr)) {
    r.out(0, *result);
    return success();
  }
  Value source = r.value(x);
  SmallVector<Value> firsts, lasts, strides;
  OpBuilder &b = r.builder;
  for (int64_t i = 0; i < x.rank(); ++i) {
    Value size = r.size(x.dims[i]), zero = index(b, r.loc, 0), one = index(b, r.loc, 1);
    Value start = entryFor(r, starts, axesOrNull, i, x.rank(), 0);
    Value step = hasSteps ? entryFor(r, steps, axesOrNull, i, x.rank(), 1) : one;
    Value last = arith::SubIOp::create(b, r.loc, size, one);
    Value negative = arith::CmpIOp::create(b, r.loc, arith::CmpIPredicate::slt, start, zero);
    Value fromEnd = arith::AddIOp::create(b, r.loc, start, size);
    start = arith::MaxSIOp::create(b, r.loc, arith::SelectOp::create(b, r.loc, negative, fromEnd, start), zero);
    Value backwards = arith::CmpIOp::create(b, r.loc, arith::CmpIPredicate::slt, step, zero);
    Value limit = arith::SelectOp::create(b, r.loc, backwards, last, size);
    firsts.push_back(arith::MinSIOp::create(b, r.loc, start, limit));
    lasts.push_back(last);
    strides.push_back(step);
  }
  r.out(0, generate(r, r.outDims(), x.element, [&](OpBuilder &b, Location loc, ValueRange indices) {
          SmallVector<Value> positions;
          for (auto [i, first, last, stride] : llvm::zip(indices, firsts, lasts, strides)) {
            Value at = add(b, loc, first, mul(b, loc, i, stride));
            at = arith::MaxSIOp::create(b, loc, at, index(b, loc, 0));
            positions.push_back(arith::MinSIOp::create(b, loc, at, last));
          }
          return elementAt(b, loc, source, positions);
        }));
  return success();
}

LogicalResult convertSplit(Raiser &r) {
  Tensor x = r.in(0);
  auto axis = normalizedAxis(r.node.getInt("axis", 0), x.rank());
  if (!axis)
    return r.error("'axis' is out of range");
  SymbolicSize start = 0;
  for (unsigned i = 0; i < r.node.getNumResults(); ++i) {
    if (!r.node.getOutput(i))
      return r.error("an output in between is omitted, so its size is not known");
    SymbolicSize size = r.outDims(i)[*axis];
    if (std::optional<int64_t> at = start.getConstant()) {
      r.out(i, slice(r, x, *axis, *at, size));
    } else {
      Value source = r.value(x), first = r.size(start);
      r.out(i, generate(r, r.outDims(i), x.element, [&](OpBuilder &b, Location loc, ValueRange indices) {
              SmallVector<Value> positions = llvm::to_vector(indices);
              positions[*axis] = add(b, loc, positions[*axis], first);
              return elementAt(b, loc, source, positions);
            }));
    }
    start += size;
  }
  return success();
}

LogicalResult convertTile(Raiser &r) {
  Tensor x = r.in(0);
  Value source = r.value(x);
  SmallVector<Value> sizes;
  for (const SymbolicSize &size : x.dims)
    sizes.push_back(r.size(size));
  Sizes dims = r.outDims();
  r.out(0, generate(r, dims, x.element, [&](OpBuilder &b, Location loc, ValueRange indices) {
          SmallVector<Value> positions;
          for (auto [i, position] : llvm::enumerate(indices))
            positions.push_back(x.dims[i] == dims[i] ? position
                                                     : arith::RemUIOp::create(b, loc, position, sizes[i]).getResult());
          return elementAt(b, loc, source, positions);
        }));
  return success();
}

LogicalResult convertPad(Raiser &r) {
  Tensor x = r.in(0);
  StringRef mode = r.node.getString("mode", "constant");
  Tensor fill = splat(r, 0, {}, x.element);
  AxisList pads, axes;
  bool hasAxes = false;
  if (r.node.getSinceVersion() < 11) {
    if (auto given = r.node.getInts("pads"))
      pads = listOf(*given);
    fill = splat(r, r.node.getFloat("value", 0), {}, x.element);
  } else {
    pads = listOf(r, 1);
    if (r.has(2))
      fill = reshape(r, r.in(2), {});
    if ((hasAxes = r.has(3)))
      axes = listOf(r, 3);
  }
  // The second half of the list is for the ends, which the sizes of the result say.
  if (pads.count % 2 || pads.count != 2 * (hasAxes ? axes.count : x.rank()))
    return r.error("expected two 'pads' for each axis");
  pads.count /= 2;
  SmallVector<Value> before(x.rank()), sizes(x.rank());
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    before[axis] = entryFor(r, pads, hasAxes ? &axes : nullptr, axis, x.rank(), 0);
    sizes[axis] = r.size(x.dims[axis]);
  }
  Value source = r.value(x), filling = fill.splat ? Value() : r.value(fill);
  r.out(0, generate(r, r.outDims(), x.element, [&](OpBuilder &b, Location loc, ValueRange indices) -> Value {
          SmallVector<Value> positions = llvm::to_vector(indices);
          Value inside = number(b, loc, b.getI1Type(), 1), zero = index(b, loc, 0), one = index(b, loc, 1);
          for (int64_t i = 0; i < x.rank(); ++i) {
            if (!before[i])
              continue;
            Value at = arith::SubIOp::create(b, loc, positions[i], before[i]);
            Value last = arith::SubIOp::create(b, loc, sizes[i], one);
            if (mode == "reflect") { // |at|, and the same from the other end
              at = arith::MaxSIOp::create(b, loc, at, arith::SubIOp::create(b, loc, zero, at));
              Value mirrored = arith::SubIOp::create(b, loc, add(b, loc, last, last), at);
              at = arith::MinSIOp::create(b, loc, at, mirrored);
            } else if (mode == "wrap") {
              at = arith::RemSIOp::create(b, loc, at, sizes[i]);
              Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at, zero);
              at = arith::SelectOp::create(b, loc, negative, add(b, loc, at, sizes[i]), at);
            }
            Value clamped = arith::MinSIOp::create(b, loc, arith::MaxSIOp::create(b, loc, at, zero), last);
            Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, clamped, at);
            inside = arith::AndIOp::create(b, loc, inside, same);
            positions[i] = clamped;
          }
          Value element = elementAt(b, loc, source, positions);
          if (mode != "constant")
            return element;
          Value other =
              fill.splat ? arith::ConstantOp::create(b, loc, fill.splat).getResult() : elementAt(b, loc, filling, {});
          return arith::SelectOp::create(b, loc, inside, element, other);
        }));
  return success();
}

LogicalResult convertConstantOfShape(Raiser &r) {
  Sizes dims = r.outDims();
  auto value = dyn_cast_or_null<DenseElementsAttr>(r.node.getAttribute("value"));
  if (!value) {
    r.out(0, splat(r, 0, dims, r.outElement()));
    return success();
  }
  if (!value.isSplat())
    return r.error("'value' must be one element");
  Attribute element = value.getSplatValue<Attribute>();
  Tensor result{Value(), dims, r.outElement(), false, cast<TypedAttr>(element)};
  if (auto integer = dyn_cast<IntegerAttr>(element))
    result.splat = IntegerAttr::get(r.outElement(), integer.getValue());
  r.out(0, result);
  return success();
}

/// start + i * step
LogicalResult convertRange(Raiser &r) {
  Tensor start = reshape(r, r.in(0), {}), step = reshape(r, r.in(2), {});
  Value first = start.splat ? Value() : r.value(start), by = step.splat ? Value() : r.value(step);
  Type element = r.outElement();
  r.out(0, generate(r, r.outDims(), element, [&](OpBuilder &b, Location loc, ValueRange indices) {
          auto scalar = [&](const Tensor &tensor, Value value) -> Value {
            return tensor.splat ? arith::ConstantOp::create(b, loc, tensor.splat).getResult()
                                : elementAt(b, loc, value, {});
          };
          Value position =
              castScalar(b, loc, indices[0], false, isa<FloatType>(element) ? b.getI64Type() : element, false);
          position = castScalar(b, loc, position, false, element, false);
          return add(b, loc, scalar(start, first), mul(b, loc, position, scalar(step, by)));
        }));
  return success();
}

LogicalResult convertTrilu(Raiser &r) {
  Tensor x = r.in(0);
  bool upper = r.node.getInt("upper", 1);
  if (x.rank() < 2)
    return r.error("expected two axes");
  Value k = index(r.builder, r.loc, 0);
  if (r.has(1))
    k = castScalar(r.builder, r.loc, elementAt(r.builder, r.loc, r.value(reshape(r, r.in(1), {})), {}), false,
                   r.builder.getIndexType(), false);
  r.out(0, map(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value row = linalg::IndexOp::create(b, loc, x.rank() - 2),
                column = linalg::IndexOp::create(b, loc, x.rank() - 1);
          Value diagonal = add(b, loc, row, k);
          auto predicate = upper ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
          Value kept = arith::CmpIOp::create(b, loc, predicate, column, diagonal);
          return arith::SelectOp::create(b, loc, kept, args[0], number(b, loc, x.element, 0));
        }));
  return success();
}

LogicalResult convertEyeLike(Raiser &r) {
  int64_t k = r.node.getInt("k", 0);
  Type element = r.outElement();
  r.out(0, generate(r, r.outDims(), element, [&](OpBuilder &b, Location loc, ValueRange indices) -> Value {
          Value diagonal = add(b, loc, indices[0], index(b, loc, k));
          Value on = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, indices[1], diagonal);
          return castScalar(b, loc, on, true, element, false);
        }));
  return success();
}

/// Reshape to six axes, permute, reshape.
LogicalResult convertDepthToSpace(Raiser &r) {
  Tensor x = r.in(0);
  int64_t block = r.node.getInt("blocksize", 0);
  auto channels = x.rank() == 4 ? x.dims[1].getConstant() : std::nullopt;
  if (block < 1 || !channels || *channels % (block * block))
    return r.error("expected [N, C, H, W] with C a multiple of the squared block size");
  SymbolicSize c = *channels / (block * block);
  if (r.node.getString("mode", "DCR") == "CRD")
    x = transpose(r, reshape(r, x, {x.dims[0], c, block, block, x.dims[2], x.dims[3]}), {0, 1, 4, 2, 5, 3});
  else
    x = transpose(r, reshape(r, x, {x.dims[0], block, block, c, x.dims[2], x.dims[3]}), {0, 3, 4, 1, 5, 2});
  r.out(0, reshape(r, x, r.outDims()));
  return success();
}

LogicalResult convertSpaceToDepth(Raiser &r) {
  Tensor x = r.in(0);
  int64_t block = r.node.getInt("blocksize", 0);
  Sizes dims = r.outDims();
  if (block < 1 || x.rank() != 4)
    return r.error("expected [N, C, H, W]");
  x = reshape(r, x, {x.dims[0], x.dims[1], dims[2], block, dims[3], block});
  r.out(0, reshape(r, transpose(r, x, {0, 3, 5, 1, 2, 4}), dims));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Concat", 4, kLatest, convertConcat, "axis"},
    {"", "ConstantOfShape", 9, kLatest, convertConstantOfShape, "value"},
    {"", "DepthToSpace", 1, kLatest, convertDepthToSpace, "blocksize mode"},
    {"", "Expand", 8, kLatest, convertExpand, "", 2},
    {"", "EyeLike", 9, kLatest, convertEyeLike, "dtype k"},
    {"", "Flatten", 1, kLatest, convertReshape, "axis"},
    {"", "Pad", 2, 10, convertPad, "mode pads value"},
    {"", "Pad", 11, kLatest, convertPad, "mode", 2},
    {"", "Range", 11, kLatest, convertRange, "stash_type", 3},
    {"", "Reshape", 5, kLatest, convertReshape, "allowzero"},
    {"", "Slice", 1, 9, convertSlice, "axes ends starts"},
    {"", "Slice", 10, kLatest, convertSlice, "", 3},
    {"", "SpaceToDepth", 1, kLatest, convertSpaceToDepth, "blocksize"},
    {"", "Split", 2, kLatest, convertSplit, "axis split num_outputs"},
    {"", "Squeeze", 1, kLatest, convertReshape, "axes"},
    {"", "Tile", 6, kLatest, convertTile, ""},
    {"", "Transpose", 1, kLatest, convertTranspose, "perm"},
    {"", "Trilu", 14, kLatest, convertTrilu, "upper"},
    {"", "Unsqueeze", 1, kLatest, convertReshape, "axes"},
};

} // namespace

ArrayRef<OpRow> raising::movementOps() { return rows; }
