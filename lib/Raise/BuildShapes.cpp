// Movement of data: reshapes, transposes, slices, concatenation.
#include "Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

using Groups = SmallVector<ReassociationIndices>;

/// Cuts both lists of sizes into runs of equal products, as short as possible. Fails where no cut is seen: sizes that
/// are equal for other reasons than algebra.
bool cutIntoGroups(ArrayRef<SymbolicSize> from, ArrayRef<SymbolicSize> to, Groups &fromGroups, Groups &toGroups) {
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    ReassociationIndices a = {static_cast<int64_t>(i)}, b = {static_cast<int64_t>(j)};
    SymbolicSize pa = from[i++], pb = to[j++];
    while (pa != pb) {
      // The side that divides the other one is behind.
      if (i < from.size() && (pb.dividedBy(pa) || j == to.size())) {
        a.push_back(i);
        pa *= from[i++];
      } else if (j < to.size()) {
        b.push_back(j);
        pb *= to[j++];
      } else {
        return false;
      }
    }
    fromGroups.push_back(a);
    toGroups.push_back(b);
  }
  // Ones at the end join the last group.
  for (; i < from.size(); ++i) {
    if (!from[i].isConstant(1) || fromGroups.empty())
      return false;
    fromGroups.back().push_back(i);
  }
  for (; j < to.size(); ++j) {
    if (!to[j].isConstant(1) || toGroups.empty())
      return false;
    toGroups.back().push_back(j);
  }
  return true;
}

bool isTrivial(const Groups &groups) {
  return llvm::all_of(groups, [](const ReassociationIndices &group) { return group.size() == 1; });
}

/// What is known of sizes, more or less.
Value castTo(Raiser &r, Value value, RankedTensorType type) {
  return value.getType() == type ? value : tensor::CastOp::create(r.builder, r.loc, type, value).getResult();
}

SmallVector<OpFoldResult> foldedSizes(Raiser &r, ArrayRef<SymbolicSize> dims) {
  SmallVector<OpFoldResult> sizes;
  for (const SymbolicSize &size : dims)
    sizes.push_back(r.foldedSize(size));
  return sizes;
}

} // namespace

Tensor raising::reshape(Raiser &r, const Tensor &input, ArrayRef<SymbolicSize> dims) {
  Tensor result = input;
  result.dims = Sizes(dims);
  if (input.splat || llvm::equal(input.dims, dims))
    return result;
  RankedTensorType type = r.tensorType(dims, input.element);
  if (llvm::any_of(dims, [](const SymbolicSize &size) { return size.isConstant(0); })) {
    result.value = tensor::EmptyOp::create(r.builder, r.loc, type, r.dynamicSizes(dims));
    return result;
  }
  Groups fromGroups, toGroups;
  if (!cutIntoGroups(input.dims, dims, fromGroups, toGroups)) {
    fromGroups.clear();
    toGroups.clear();
    if (input.rank() && !dims.empty()) {
      fromGroups.push_back(llvm::to_vector(llvm::seq<int64_t>(0, input.rank())));
      toGroups.push_back(llvm::to_vector(llvm::seq<int64_t>(0, dims.size())));
    }
  }
  // Collapse each run into one axis, whose size is that of the runs, and expand it.
  Value value = input.value;
  Sizes middle;
  SmallVector<int64_t> shape;
  for (auto [from, to] : llvm::zip(fromGroups, toGroups)) {
    SymbolicSize size = 1;
    bool isDynamic = false;
    for (int64_t axis : from) {
      size *= input.dims[axis];
      isDynamic |= !input.dims[axis].getConstant();
    }
    middle.push_back(size);
    shape.push_back(isDynamic ? ShapedType::kDynamic : *size.getConstant());
  }
  if (fromGroups.empty() && input.rank()) // to a scalar: every axis is one
    value = castTo(r, value, RankedTensorType::get(SmallVector<int64_t>(input.rank(), 1), input.element));
  if (!isTrivial(fromGroups) || (fromGroups.empty() && input.rank()))
    value = tensor::CollapseShapeOp::create(r.builder, r.loc, RankedTensorType::get(shape, input.element), value,
                                            fromGroups);
  // What the two sides know of a size may differ.
  for (auto [i, to] : llvm::enumerate(toGroups)) {
    bool isDynamic = llvm::any_of(to, [&](int64_t axis) { return !dims[axis].getConstant(); });
    if (isDynamic != ShapedType::isDynamic(shape[i])) {
      SymbolicSize size = 1;
      for (int64_t axis : to)
        size *= dims[axis];
      shape[i] = isDynamic ? ShapedType::kDynamic : size.getConstant().value_or(ShapedType::kDynamic);
    }
  }
  auto cast = RankedTensorType::get(shape, input.element);
  if (!toGroups.empty())
    value = castTo(r, value, cast);
  if (!isTrivial(toGroups) || (toGroups.empty() && !dims.empty()))
    value = tensor::ExpandShapeOp::create(r.builder, r.loc, type, value, toGroups, foldedSizes(r, dims));
  result.value = castTo(r, value, type);
  return result;
}

Tensor raising::keepAxes(Raiser &r, const Tensor &input, ArrayRef<int64_t> axes) {
  Sizes dims;
  unsigned next = 0;
  for (int64_t i = 0, rank = input.rank() + axes.size(); i < rank; ++i)
    dims.push_back(llvm::is_contained(axes, i) ? SymbolicSize(1) : input.dims[next++]);
  return reshape(r, input, dims);
}

Tensor raising::transpose(Raiser &r, const Tensor &input, ArrayRef<int64_t> permutation) {
  Tensor result = input;
  for (auto [i, axis] : llvm::enumerate(permutation))
    result.dims[i] = input.dims[axis];
  if (input.splat || llvm::equal(permutation, llvm::seq<int64_t>(0, input.rank())))
    return result;
  Value empty =
      tensor::EmptyOp::create(r.builder, r.loc, r.tensorType(result.dims, input.element), r.dynamicSizes(result.dims));
  result.value = linalg::TransposeOp::create(r.builder, r.loc, input.value, empty, permutation)->getResult(0);
  return result;
}

Tensor raising::broadcast(Raiser &r, const Tensor &input, ArrayRef<SymbolicSize> dims) {
  Tensor result = input;
  result.dims = Sizes(dims);
  if (input.splat || llvm::equal(input.dims, dims))
    return result;
  result.value =
      map(r, input, dims, input.element, [](OpBuilder &, Location, ValueRange args) { return args[0]; }).value;
  return result;
}

Tensor raising::slice(Raiser &r, const Tensor &input, int64_t axis, int64_t start, const SymbolicSize &size) {
  Tensor result = input;
  result.dims[axis] = size;
  if (input.splat || (start == 0 && size == input.dims[axis]))
    return result;
  SmallVector<OpFoldResult> offsets(input.rank(), r.builder.getIndexAttr(0)),
      strides(input.rank(), r.builder.getIndexAttr(1));
  offsets[axis] = r.builder.getIndexAttr(start);
  result.value = tensor::ExtractSliceOp::create(r.builder, r.loc, r.tensorType(result.dims, input.element), input.value,
                                                offsets, foldedSizes(r, result.dims), strides);
  return result;
}

Tensor raising::concat(Raiser &r, ArrayRef<Tensor> inputs, int64_t axis, ArrayRef<SymbolicSize> dims) {
  Tensor result = inputs.front();
  result.splat = {};
  result.dims = Sizes(dims);
  SmallVector<Value> values;
  for (const Tensor &input : inputs)
    values.push_back(r.value(input));
  RankedTensorType type = r.tensorType(dims, result.element);
  if (values.size() == 1) {
    result.value = values.front();
    return result;
  }
  result.value = castTo(r, tensor::ConcatOp::create(r.builder, r.loc, axis, values), type);
  return result;
}
