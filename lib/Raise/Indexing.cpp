// Operators that read or write where a tensor says.
#include "Build.h"
#include "OpTable.h"
#include "Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// y[a, i, b] = data[a, indices[i], b]
LogicalResult convertGather(Raiser &r) {
  auto dataType = cast<onnx::OnnxTensorType>(r.node.getInput(0).getType());
  auto axis = normalizedAxis(r.node.getInt("axis", 0), dataType.getRank());
  if (!axis)
    return r.error("'axis' is out of range");
  if (*axis == 0 && isTable(r, r.node.getInput(0))) {
    r.out(0, embedding(r, r.in(1), tableParam(r, r.node.getInput(0))));
    return success();
  }
  Tensor data = r.in(0), indices = r.in(1);
  Value source = r.value(data), which = r.value(indices), size = r.size(data.dims[*axis]);
  r.out(0, generate(r, r.outDims(), data.element, [&](OpBuilder &b, Location loc, ValueRange at) {
          Value element = elementAt(b, loc, which, at.slice(*axis, indices.rank()));
          SmallVector<Value> positions = llvm::to_vector(at.take_front(*axis));
          positions.push_back(clampedIndex(b, loc, element, indices.isUnsigned, size));
          llvm::append_range(positions, at.drop_front(*axis + indices.rank()));
          return elementAt(b, loc, source, positions);
        }));
  return success();
}

/// y[i] = data[i with indices[i] on the axis]
LogicalResult convertGatherElements(Raiser &r) {
  Tensor data = r.in(0), indices = r.in(1);
  auto axis = normalizedAxis(r.node.getInt("axis", 0), data.rank());
  if (!axis)
    return r.error("'axis' is out of range");
  Value source = r.value(data), size = r.size(data.dims[*axis]);
  r.out(0, map(r, indices, r.outDims(), data.element, [&](OpBuilder &b, Location loc, ValueRange a) {
          SmallVector<Value> positions;
          for (int64_t i = 0; i < data.rank(); ++i)
            positions.push_back(i == *axis ? clampedIndex(b, loc, a[0], false, size)
                                           : linalg::IndexOp::create(b, loc, i).getResult());
          return elementAt(b, loc, source, positions);
        }));
  return success();
}

/// y[a, i, b] = data[a, indices[a, i, :], b], a: the batch axes
LogicalResult convertGatherND(Raiser &r) {
  Tensor data = r.in(0), indices = r.in(1);
  int64_t batch = r.node.getInt("batch_dims", 0);
  auto width = indices.rank() ? indices.dims.back().getConstant() : std::nullopt;
  if (!width || *width < 1 || batch < 0 || batch + *width > data.rank() || batch >= indices.rank())
    return r.error("the last axis of 'indices' must have a known size that fits the data");
  Value source = r.value(data), which = r.value(indices);
  SmallVector<Value> sizes;
  for (const SymbolicSize &size : data.dims)
    sizes.push_back(r.size(size));
  r.out(0, generate(r, r.outDims(), data.element, [&](OpBuilder &b, Location loc, ValueRange at) {
          SmallVector<Value> positions = llvm::to_vector(at.take_front(batch));
          for (int64_t i = 0; i < *width; ++i) {
            SmallVector<Value> tuple = llvm::to_vector(at.take_front(indices.rank() - 1));
            tuple.push_back(index(b, loc, i));
            positions.push_back(clampedIndex(b, loc, elementAt(b, loc, which, tuple), false, sizes[batch + i]));
          }
          llvm::append_range(positions, at.drop_front(indices.rank() - 1));
          return elementAt(b, loc, source, positions);
        }));
  return success();
}

Value reduceUpdate(OpBuilder &b, Location loc, StringRef how, Value old, Value update, bool isUnsigned) {
  if (how == "add")
    return add(b, loc, old, update);
  if (how == "mul")
    return mul(b, loc, old, update);
  if (how == "max")
    return maximum(b, loc, old, update, isUnsigned);
  if (how == "min")
    return minimum(b, loc, old, update, isUnsigned);
  return update;
}

/// Every element of the result looks for the updates that are its own: no two writes meet, and the last one wins.
LogicalResult convertScatterElements(Raiser &r) {
  Tensor data = r.in(0), indices = r.in(1), updates = r.in(2);
  auto axis = normalizedAxis(r.node.getInt("axis", 0), data.rank());
  if (!axis)
    return r.error("'axis' is out of range");
  StringRef how = r.node.getString("reduction", "none");
  Value which = r.value(indices), values = r.value(updates), source = r.value(data);
  SmallVector<Value> extents;
  for (const SymbolicSize &size : indices.dims)
    extents.push_back(r.size(size));
  Value size = r.size(data.dims[*axis]);
  // Loops: the result, and the positions along the axis of `indices`. The first operand is there for its size.
  Sizes loops = data.dims;
  loops.push_back(indices.dims[*axis]);
  Tensor positions = generate(r, {indices.dims[*axis]}, r.builder.getI64Type(),
                              [](OpBuilder &b, Location loc, ValueRange at) -> Value {
                                return arith::IndexCastOp::create(b, loc, b.getI64Type(), at[0]);
                              });
  SmallVector<int64_t> own = llvm::to_vector(llvm::seq<int64_t>(0, data.rank()));
  Tensor result = fold(r, Operand{positions, {data.rank()}}, loops, data.rank(), numberAttr(data.element, 0),
                       [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
                         SmallVector<Value> at, clamped;
                         Value inside = number(b, loc, b.getI1Type(), 1);
                         for (int64_t i = 0; i < data.rank(); ++i)
                           at.push_back(linalg::IndexOp::create(b, loc, i));
                         Value j = linalg::IndexOp::create(b, loc, data.rank());
                         for (int64_t i = 0; i < data.rank(); ++i) {
                           Value position = i == *axis ? j : at[i];
                           Value within =
                               arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, position, extents[i]);
                           inside = arith::AndIOp::create(b, loc, inside, within);
                           Value last = arith::SubIOp::create(b, loc, extents[i], index(b, loc, 1));
                           clamped.push_back(arith::MinSIOp::create(b, loc, position, last));
                         }
                         Value target = clampedIndex(b, loc, elementAt(b, loc, which, clamped), false, size);
                         Value mine = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, target, at[*axis]);
                         mine = arith::AndIOp::create(b, loc, mine, inside);
                         Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, j, index(b, loc, 0));
                         Value old = arith::SelectOp::create(b, loc, first, elementAt(b, loc, source, at), a[1]);
                         Value update = elementAt(b, loc, values, clamped);
                         update = reduceUpdate(b, loc, how, old, update, data.isUnsigned);
                         return arith::SelectOp::create(b, loc, mine, update, old);
                       });
  r.out(0, result);
  return success();
}

LogicalResult convertScatterND(Raiser &r) {
  Tensor data = r.in(0), indices = r.in(1), updates = r.in(2);
  auto width = indices.rank() ? indices.dims.back().getConstant() : std::nullopt;
  if (!width || *width > data.rank())
    return r.error("the last axis of 'indices' must have a known size that fits the data");
  StringRef how = r.node.getString("reduction", "none");
  // One tuple a row.
  SymbolicSize count = product(ArrayRef(indices.dims).drop_back());
  if (count.isConstant(0)) {
    r.out(0, data);
    return success();
  }
  Tensor tuples = reshape(r, indices, {count, *width});
  Sizes tail = {count};
  llvm::append_range(tail, ArrayRef(data.dims).drop_front(*width));
  Tensor rows = reshape(r, updates, tail);
  Value which = r.value(tuples), values = r.value(rows), source = r.value(data);
  SmallVector<Value> sizes;
  for (const SymbolicSize &size : data.dims)
    sizes.push_back(r.size(size));
  Sizes loops = data.dims;
  loops.push_back(count);
  Tensor positions =
      generate(r, {count}, r.builder.getI64Type(), [](OpBuilder &b, Location loc, ValueRange at) -> Value {
        return arith::IndexCastOp::create(b, loc, b.getI64Type(), at[0]);
      });
  r.out(0, fold(r, Operand{positions, {data.rank()}}, loops, data.rank(), numberAttr(data.element, 0),
                [&](OpBuilder &b, Location loc, ValueRange a) -> Value {
                  SmallVector<Value> at, row;
                  for (int64_t i = 0; i < data.rank(); ++i)
                    at.push_back(linalg::IndexOp::create(b, loc, i));
                  Value j = linalg::IndexOp::create(b, loc, data.rank());
                  Value mine = number(b, loc, b.getI1Type(), 1);
                  for (int64_t i = 0; i < *width; ++i) {
                    Value element = elementAt(b, loc, which, ValueRange{j, index(b, loc, i)});
                    Value target = clampedIndex(b, loc, element, false, sizes[i]);
                    Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, target, at[i]);
                    mine = arith::AndIOp::create(b, loc, mine, same);
                  }
                  row.push_back(j);
                  llvm::append_range(row, ArrayRef(at).drop_front(*width));
                  Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, j, index(b, loc, 0));
                  Value old = arith::SelectOp::create(b, loc, first, elementAt(b, loc, source, at), a[1]);
                  Value update = reduceUpdate(b, loc, how, old, elementAt(b, loc, values, row), data.isUnsigned);
                  return arith::SelectOp::create(b, loc, mine, update, old);
                }));
  return success();
}

LogicalResult convertOneHot(Raiser &r) {
  Tensor indices = r.in(0), values = reshape(r, r.in(2), {2});
  Sizes dims = r.outDims();
  auto axis = normalizedAxis(r.node.getInt("axis", -1), dims.size());
  if (!axis)
    return r.error("'axis' is out of range");
  Value which = r.value(indices), pair = r.value(values), depth = r.size(dims[*axis]);
  r.out(0, generate(r, dims, r.outElement(), [&](OpBuilder &b, Location loc, ValueRange at) -> Value {
          SmallVector<Value> position = llvm::to_vector(at.take_front(*axis));
          llvm::append_range(position, at.drop_front(*axis + 1));
          Value element = elementAt(b, loc, which, position);
          Value hot = castScalar(b, loc, element, indices.isUnsigned, b.getI64Type(), false);
          hot = castScalar(b, loc, hot, false, b.getIndexType(), false);
          Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, hot, index(b, loc, 0));
          hot = arith::SelectOp::create(b, loc, negative, add(b, loc, hot, depth), hot);
          Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, hot, at[*axis]);
          Value on = elementAt(b, loc, pair, ValueRange{index(b, loc, 1)});
          Value off = elementAt(b, loc, pair, ValueRange{index(b, loc, 0)});
          return arith::SelectOp::create(b, loc, same, on, off);
        }));
  return success();
}

/// The first sequence_lens[b] elements of each row in reverse.
LogicalResult convertReverseSequence(Raiser &r) {
  Tensor x = r.in(0), lengths = r.in(1);
  int64_t batch = r.node.getInt("batch_axis", 1), time = r.node.getInt("time_axis", 0);
  if (batch < 0 || batch > 1 || time < 0 || time > 1 || batch == time || x.rank() < 2)
    return r.error("axes must be 0 and 1");
  Value source = r.value(x), counts = r.value(lengths), size = r.size(x.dims[time]);
  r.out(0, generate(r, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange at) {
          Value count =
              castScalar(b, loc, elementAt(b, loc, counts, ValueRange{at[batch]}), false, b.getIndexType(), false);
          Value one = index(b, loc, 1);
          Value mirrored = arith::SubIOp::create(b, loc, arith::SubIOp::create(b, loc, count, one), at[time]);
          Value within = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at[time], count);
          SmallVector<Value> position = llvm::to_vector(at);
          Value from = arith::SelectOp::create(b, loc, within, mirrored, at[time]);
          position[time] = clampedIndex(b, loc, from, true, size);
          return elementAt(b, loc, source, position);
        }));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Gather", 1, kLatest, convertGather, "axis", 2},
    {"", "GatherElements", 11, kLatest, convertGatherElements, "axis", 2},
    {"", "GatherND", 11, kLatest, convertGatherND, "batch_dims", 2},
    {"", "OneHot", 9, kLatest, convertOneHot, "axis", 3},
    {"", "ReverseSequence", 10, kLatest, convertReverseSequence, "batch_axis time_axis", 2},
    {"", "Scatter", 9, 10, convertScatterElements, "axis", 3},
    {"", "ScatterElements", 11, kLatest, convertScatterElements, "axis reduction", 3},
    {"", "ScatterND", 11, kLatest, convertScatterND, "reduction", 3},
};

} // namespace

ArrayRef<OpRow> raising::indexingOps() { return rows; }
