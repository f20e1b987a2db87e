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

/// One axis of a Slice, as values in a body.
struct SliceAxis {
  int64_t axis, step;
  std::optional<SymbolicSize> start;
  Value startElement; // i64 or i32 scalar, when `start` is not known
};

LogicalResult convertSlice(Raiser &r) {
  Tensor x = r.in(0);
  SmallVector<SliceAxis> axes;
  std::optional<Sizes> starts;
  SmallVector<int64_t> axisList, steps;
  Tensor startTensor;
  if (r.node.getSinceVersion() < 10) {
    auto given = r.node.getInts("starts");
    if (!given)
      return r.error("has no 'starts'");
    starts.emplace(given->begin(), given->end());
    if (auto list = r.node.getInts("axes"))
      axisList.assign(list->begin(), list->end());
  } else {
    starts = onnx::getKnownValues(r.node.getInput(1));
    if (!starts)
      startTensor = r.in(1);
    if (r.has(3)) {
      auto list = onnx::getConstantValues(r.node.getInput(3));
      if (!list)
        return r.error("'axes' must be constant");
      axisList = *list;
    }
    if (r.has(4)) {
      auto list = onnx::getConstantValues(r.node.getInput(4));
      if (!list)
        return r.error("'steps' must be constant");
      steps = *list;
    }
  }
  size_t count = starts ? starts->size() : startTensor.dims.empty() ? 0 : startTensor.dims[0].getConstant().value_or(0);
  for (size_t i = 0; i < count; ++i) {
    auto axis = normalizedAxis(i < axisList.size() ? axisList[i] : static_cast<int64_t>(i), x.rank());
    int64_t step = i < steps.size() ? steps[i] : 1;
    if (!axis || step == 0 || (!axisList.empty() && axisList.size() != count))
      return r.error("an axis or step is out of range");
    SliceAxis entry{*axis, step, std::nullopt, Value()};
    if (starts)
      entry.start = (*starts)[i];
    else
      entry.startElement = elementAt(r.builder, r.loc, r.value(startTensor), ValueRange{index(r.builder, r.loc, i)});
    axes.push_back(entry);
  }

  // Numbers alone, forwards: a slice in MLIR's sense.
  Sizes dims = r.outDims();
  Tensor result = x;
  auto isPlain = [&](const SliceAxis &entry) -> std::optional<int64_t> {
    auto start = entry.start ? entry.start->getConstant() : std::nullopt;
    auto size = x.dims[entry.axis].getConstant();
    if (!start || entry.step != 1)
      return std::nullopt;
    if (*start < 0)
      start = size                                            ? std::max<int64_t>(*start + *size, 0)
              : *start == std::numeric_limits<int64_t>::min() ? std::optional<int64_t>(0)
                                                              : std::nullopt;
    // With the size that inference found, the slice lies within the axis.
    return size ? std::optional<int64_t>(std::min(*start, *size)) : start;
  };
  if (llvm::all_of(axes, [&](const SliceAxis &entry) { return isPlain(entry).has_value(); })) {
    for (const SliceAxis &entry : axes)
      result = slice(r, result, entry.axis, *isPlain(entry), dims[entry.axis]);
    r.out(0, result);
    return success();
  }
  Value source = r.value(x);
  SmallVector<Value> sizes(x.rank()), firsts(x.rank());
  SmallVector<int64_t> strides(x.rank(), 1);
  for (const SliceAxis &entry : axes) {
    OpBuilder &b = r.builder;
    Value size = r.size(x.dims[entry.axis]);
    Value start =
        entry.start ? r.size(*entry.start) : castScalar(b, r.loc, entry.startElement, false, b.getIndexType(), false);
    Value zero = index(b, r.loc, 0), last = arith::SubIOp::create(b, r.loc, size, index(b, r.loc, 1));
    Value negative = arith::CmpIOp::create(b, r.loc, arith::CmpIPredicate::slt, start, zero);
    Value fromEnd = arith::AddIOp::create(b, r.loc, start, size);
    start = arith::SelectOp::create(b, r.loc, negative, fromEnd, start);
    start = arith::MaxSIOp::create(b, r.loc, start, zero);
    firsts[entry.axis] = arith::MinSIOp::create(b, r.loc, start, entry.step > 0 ? size : last);
    sizes[entry.axis] = last;
    strides[entry.axis] = entry.step;
  }
  result = generate(r, dims, x.element, [&](OpBuilder &b, Location loc, ValueRange indices) {
    SmallVector<Value> positions = llvm::to_vector(indices);
    for (auto [i, first] : llvm::enumerate(firsts))
      if (first) {
        Value at = add(b, loc, first, mul(b, loc, indices[i], index(b, loc, strides[i])));
        at = arith::MaxSIOp::create(b, loc, at, index(b, loc, 0));
        positions[i] = arith::MinSIOp::create(b, loc, at, sizes[i]);
      }
    return elementAt(b, loc, source, positions);
  });
  r.out(0, result);
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
  std::optional<Sizes> pads;
  Tensor fill = splat(r, 0, {}, x.element);
  SmallVector<int64_t> axes;
  if (r.node.getSinceVersion() < 11) {
    if (auto given = r.node.getInts("pads"))
      pads.emplace(given->begin(), given->end());
    fill = splat(r, r.node.getFloat("value", 0), {}, x.element);
  } else {
    pads = onnx::getKnownValues(r.node.getInput(1));
    if (r.has(2))
      fill = reshape(r, r.in(2), {});
    if (r.has(3)) {
      auto given = onnx::getConstantValues(r.node.getInput(3));
      if (!given)
        return r.error("'axes' must be constant");
      for (int64_t axis : *given) {
        auto normalized = normalizedAxis(axis, x.rank());
        if (!normalized)
          return r.error("an axis is out of range");
        axes.push_back(*normalized);
      }
    }
  }
  if (axes.empty())
    axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (!pads || pads->size() != 2 * axes.size())
    return r.error("'pads' must be known, two for each axis");
  SmallVector<Value> before(x.rank()), sizes(x.rank());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    before[axis] = r.size((*pads)[i]);
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
  std::optional<Sizes> known = r.has(1) ? onnx::getKnownValues(r.node.getInput(1)) : Sizes{0};
  if (!known || known->size() != 1 || x.rank() < 2)
    return r.error("'k' must be known, and the input have two axes");
  Value k = r.size((*known)[0]);
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
    {"", "Expand", 8, kLatest, convertExpand, ""},
    {"", "EyeLike", 9, kLatest, convertEyeLike, "dtype k"},
    {"", "Flatten", 1, kLatest, convertReshape, "axis"},
    {"", "Pad", 2, kLatest, convertPad, "mode pads value"},
    {"", "Range", 11, kLatest, convertRange, "stash_type"},
    {"", "Reshape", 5, kLatest, convertReshape, "allowzero"},
    {"", "Slice", 1, kLatest, convertSlice, "axes ends starts"},
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
