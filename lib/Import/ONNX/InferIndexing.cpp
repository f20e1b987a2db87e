// Operators that choose among their input's elements, or write some of them.
#include "Infer.h"
#include "Tensors.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

Type i64(NodeInference &n) { return IntegerType::get(n.node.getContext(), 64); }

void likeFirst(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

//===------------------------------------------------------------------------------------------------------------===//
// Slice
//===------------------------------------------------------------------------------------------------------------===//

bool isAtLeastZero(const SymbolicSize &size) { return SymbolicSize(0).isCoefficientwiseAtMost(size); }

// Exporters write INT64_MAX or INT32_MAX for "to the end", and their negatives for "from the start".
constexpr int64_t infinity = INT32_MAX;

// A bound of a slice with step 1, as a position from 0 to dim. Where that depends on the symbols, it is taken to lie in
// the tensor, and this is checked at entry.
SymbolicSize clampBound(NodeInference &n, const SymbolicSize &bound, const SymbolicSize &dim) {
  std::optional<int64_t> number = bound.getConstant(), size = dim.getConstant();
  if (number && size)
    return std::clamp<int64_t>(*number < 0 ? *number + *size : *number, 0, *size);
  if (number && *number >= infinity)
    return dim;
  if (number && *number <= -infinity)
    return 0;
  SymbolicSize position = (number ? *number < 0 : !isAtLeastZero(bound) && isAtLeastZero(-bound)) ? dim + bound : bound;
  if (isLess(dim, position) == true)
    return dim;
  if (isLess(position, 0) == true)
    return 0;
  n.atMost(position, dim);
  n.atMost(0, position);
  return position;
}

SymbolicSize sliceLength(NodeInference &n, const SymbolicSize &start, const SymbolicSize &end, int64_t step,
                         const SymbolicSize &dim, unsigned axis) {
  if (step == 1) {
    SymbolicSize from = clampBound(n, start, dim), to = clampBound(n, end, dim);
    SymbolicSize length = n.normalise(to - from);
    if (std::optional<int64_t> number = length.getConstant())
      return std::max<int64_t>(*number, 0);
    if (length.isCoefficientwiseAtMost(0))
      return 0;
    n.atMost(from, to);
    return length;
  }
  std::optional<int64_t> s = start.getConstant(), e = end.getConstant(), size = dim.getConstant();
  if (s && e && size) {
    // Positions from 0 to size for a step forward, from -1 to size - 1 for one backward.
    auto clamp = [&](int64_t at) {
      at = at < 0 ? (at < -*size ? -1 - (step > 0 ? -1 : 0) : at + *size) : at;
      return std::clamp<int64_t>(at, step > 0 ? 0 : -1, step > 0 ? *size : *size - 1);
    };
    __int128 distance = __int128(clamp(*e)) - clamp(*s),
             count = step > 0 ? (distance + step - 1) / step : (distance + step + 1) / step;
    return count < 0 ? 0 : static_cast<int64_t>(count);
  }
  bool isWholeBackward = step == -1 && s && (*s == -1 || *s >= infinity) && e && *e <= -infinity;
  if (isWholeBackward)
    return dim;
  if (step > 1 && s == 0 && e && *e >= infinity)
    if (std::optional<SymbolicSize> part = n.normalise(dim).dividedBy(step))
      return *part;
  return n.fresh(0, axis);
}

void slice(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  Dims fromAttributes[2];
  const Dims *starts = n.values(1), *ends = n.values(2);
  std::optional<SmallVector<int64_t>> axes = n.constants(3), steps = n.constants(4);
  bool areAxesUnknown = n.has(3) && !axes;
  if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("starts")) { // versions below 10
    fromAttributes[0].assign(given->begin(), given->end());
    starts = &fromAttributes[0];
    if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("ends"))
      fromAttributes[1].assign(given->begin(), given->end());
    ends = &fromAttributes[1];
    if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("axes"))
      axes = SmallVector<int64_t>(given->begin(), given->end());
  }
  if (areAxesUnknown)
    return n.set(0, n.elementType(0), n.freshDims(0, input->size()));
  std::optional<int64_t> count;
  if (starts)
    count = starts->size();
  else if (const Dims *dims = n.dims(1); dims && dims->size() == 1)
    count = dims->front().getConstant();
  if (!axes && count) {
    axes.emplace();
    for (int64_t i = 0; i < *count; ++i)
      axes->push_back(i);
  }
  if (!axes)
    return n.set(0, n.elementType(0), n.freshDims(0, input->size()));
  if ((starts && starts->size() != axes->size()) || (ends && ends->size() != axes->size()) ||
      (steps && steps->size() != axes->size()))
    return n.fail("has starts, ends, axes and steps of different lengths");
  Dims result = *input;
  for (auto [i, given] : llvm::enumerate(*axes)) {
    std::optional<int64_t> axis = n.axis(given, input->size());
    if (!axis)
      return;
    if (!starts || !ends || (n.has(4) && !steps)) {
      result[*axis] = n.fresh(0, *axis);
      continue;
    }
    int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0)
      return n.fail("slices with step 0");
    result[*axis] = sliceLength(n, (*starts)[i], (*ends)[i], step, (*input)[*axis], *axis);
  }
  n.set(0, n.elementType(0), std::move(result));

  // A piece of a list of sizes.
  const Dims *values = input->size() == 1 && axes->size() == 1 ? n.values(0) : nullptr;
  std::optional<SmallVector<int64_t>> from = n.constants(1), to = n.constants(2);
  if (starts == &fromAttributes[0])
    from = toNumbers(*starts), to = toNumbers(*ends);
  int64_t step = steps && !steps->empty() ? steps->front() : 1;
  if (!values || !from || !to || step == INT64_MIN)
    return;
  int64_t size = values->size();
  auto clamp = [&](int64_t at) {
    at = at >= 0 ? at : at < -size ? -1 : at + size;
    return step > 0 ? std::clamp<int64_t>(at, 0, size) : std::clamp<int64_t>(at, -1, size - 1);
  };
  Dims piece;
  for (int64_t i = clamp(from->front()), end = clamp(to->front()); step > 0 ? i < end : i > end; i += step) {
    piece.push_back((*values)[i]);
    if (step > size || step < -size)
      break;
  }
  n.setValues(0, std::move(piece));
}

//===------------------------------------------------------------------------------------------------------------===//
// Gather and scatter
//===------------------------------------------------------------------------------------------------------------===//

void gather(NodeInference &n) {
  const Dims *data = n.dims(0), *indices = n.dims(1);
  if (!data || !indices)
    return n.set(0, n.elementType(0), std::nullopt);
  std::optional<int64_t> axis = n.axis(n.node.getInt("axis", 0), data->size());
  if (!axis)
    return;
  Dims result(data->begin(), data->begin() + *axis);
  result.append(indices->begin(), indices->end());
  result.append(data->begin() + *axis + 1, data->end());
  n.set(0, n.elementType(0), std::move(result));
  const Dims *values = data->size() == 1 ? n.values(0) : nullptr;
  std::optional<SmallVector<int64_t>> at = n.constants(1);
  if (!values || !at)
    return;
  Dims chosen;
  for (int64_t index : *at) {
    int64_t position = index < 0 ? index + static_cast<int64_t>(values->size()) : index;
    if (position < 0 || position >= static_cast<int64_t>(values->size()))
      return n.fail("takes element " + llvm::Twine(index) + " of a list of " + llvm::Twine(uint64_t(values->size())));
    chosen.push_back((*values)[position]);
  }
  n.setValues(0, std::move(chosen));
}

void gatherElements(NodeInference &n) { n.set(0, n.elementType(0), n.dims(1)); }

// indices [b…, i…, k] into data [b…, d1 … dk, r…]: [b…, i…, r…]
void gatherND(NodeInference &n) {
  const Dims *data = n.dims(0), *indices = n.dims(1);
  int64_t batch = n.node.getInt("batch_dims", 0);
  std::optional<int64_t> depth = indices && !indices->empty() ? indices->back().getConstant() : std::nullopt;
  if (!data || !indices || !depth)
    return n.set(0, n.elementType(0), std::nullopt);
  if (batch < 0 || *depth < 0 || batch + *depth > static_cast<int64_t>(data->size()) ||
      batch >= static_cast<int64_t>(indices->size()))
    return n.fail("takes indices of " + llvm::Twine(*depth) + " axes after " + llvm::Twine(batch) +
                  " batch axes from a tensor of rank " + llvm::Twine(uint64_t(data->size())));
  Dims result(indices->begin(), indices->end() - 1);
  for (int64_t i = 0; i < batch; ++i)
    result[i] = n.equal((*data)[i], result[i]);
  result.append(data->begin() + batch + *depth, data->end());
  n.set(0, n.elementType(0), std::move(result));
}

//===------------------------------------------------------------------------------------------------------------===//
// Results whose size depends on data
//===------------------------------------------------------------------------------------------------------------===//

void nonZero(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!input)
    return n.set(0, i64(n), std::nullopt);
  SymbolicSize rank(static_cast<int64_t>(std::max<size_t>(input->size(), 1)));
  n.set(0, i64(n), Dims{rank, n.fresh(0, 1)});
}

void compress(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!n.node.getAttribute("axis"))
    return n.set(0, n.elementType(0), Dims{n.fresh(0, 0)});
  std::optional<int64_t> axis = input ? n.axis(n.node.getInt("axis", 0), input->size()) : std::nullopt;
  if (!input || !axis)
    return n.set(0, n.elementType(0), std::nullopt);
  Dims result = *input;
  result[*axis] = n.fresh(0, *axis);
  n.set(0, n.elementType(0), std::move(result));
}

void unique(NodeInference &n) {
  const Dims *input = n.dims(0);
  SymbolicSize count = n.fresh(0, 0);
  if (!n.node.getAttribute("axis")) {
    n.set(0, n.elementType(0), Dims{count});
  } else if (input) {
    std::optional<int64_t> axis = n.axis(n.node.getInt("axis", 0), input->size());
    if (!axis)
      return;
    Dims result = *input;
    result[*axis] = count;
    n.set(0, n.elementType(0), std::move(result));
  }
  n.set(1, i64(n), Dims{count});
  n.set(3, i64(n), Dims{count});
  n.set(2, i64(n), Dims{input && !n.node.getAttribute("axis") ? product(*input) : n.fresh(2, 0)});
}

//===------------------------------------------------------------------------------------------------------------===//
// The rest
//===------------------------------------------------------------------------------------------------------------===//

void topK(NodeInference &n) {
  const Dims *input = n.dims(0);
  std::optional<int64_t> axis = input ? n.axis(n.node.getInt("axis", -1), input->size()) : std::nullopt;
  if (!input || !axis) {
    n.set(0, n.elementType(0), std::nullopt);
    return n.set(1, i64(n), std::nullopt);
  }
  Dims result = *input;
  if (const Dims *k = n.values(1); k && k->size() == 1)
    result[*axis] = k->front();
  else if (n.node.getAttribute("k"))
    result[*axis] = n.node.getInt("k", 1);
  else
    result[*axis] = n.fresh(0, *axis);
  n.set(0, n.elementType(0), result);
  n.set(1, i64(n), std::move(result));
}

void oneHot(NodeInference &n) {
  const Dims *indices = n.dims(0), *depth = n.values(1);
  if (!indices)
    return n.set(0, n.elementType(2), std::nullopt);
  std::optional<int64_t> axis = n.axis(n.node.getInt("axis", -1), indices->size() + 1);
  if (!axis)
    return;
  Dims result = *indices;
  result.insert(result.begin() + *axis, depth && depth->size() == 1 ? depth->front() : n.fresh(0, *axis));
  n.set(0, n.elementType(2), std::move(result));
}

void eyeLike(NodeInference &n) {
  Type type = n.node.getAttribute("dtype")
                  ? getElementType(n.node.getContext(), static_cast<int32_t>(n.node.getInt("dtype", 0)))
                  : n.elementType(0);
  n.set(0, type, n.dims(0));
}

// RandomNormal, RandomUniform: the shape is an attribute. …Like and Bernoulli: an input's.
void random(NodeInference &n) {
  Type type = n.node.getAttribute("dtype")
                  ? getElementType(n.node.getContext(), static_cast<int32_t>(n.node.getInt("dtype", 1)))
              : n.has(0) ? n.elementType(0)
                         : Float32Type::get(n.node.getContext());
  if (std::optional<ArrayRef<int64_t>> shape = n.node.getInts("shape"))
    return n.set(0, type, Dims(shape->begin(), shape->end()));
  n.set(0, type, n.dims(0));
}

} // namespace

ArrayRef<RuleRow> hadron::onnx::getIndexingRules() {
  static const RuleRow rows[] = {
      {"", "Slice", slice},
      {"", "Gather", gather},
      {"", "GatherElements", gatherElements},
      {"", "GatherND", gatherND},
      {"", "Scatter", likeFirst},
      {"", "ScatterElements", likeFirst},
      {"", "ScatterND", likeFirst},
      {"", "TensorScatter", likeFirst},
      {"", "Trilu", likeFirst},
      {"", "ReverseSequence", likeFirst},
      {"", "NonZero", nonZero},
      {"", "Compress", compress},
      {"", "Unique", unique},
      {"", "TopK", topK},
      {"", "OneHot", oneHot},
      {"", "EyeLike", eyeLike},
      {"", "RandomNormal", random},
      {"", "RandomUniform", random},
      {"", "RandomNormalLike", random},
      {"", "RandomUniformLike", random},
      {"", "Bernoulli", random},
  };
  return rows;
}
