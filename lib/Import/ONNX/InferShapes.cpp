// Operators that compute shapes from shapes and move data without choosing among it.
#include "Infer.h"
#include "Tensors.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

Type i64(NodeInference &n) { return IntegerType::get(n.node.getContext(), 64); }

// Axes: an attribute, or (from the version on in which it moved) an input. Nothing: not known; empty: none given.
std::optional<SmallVector<int64_t>> getAxes(NodeInference &n, unsigned input, int64_t rank) {
  SmallVector<int64_t> axes;
  if (n.has(input)) {
    std::optional<SmallVector<int64_t>> constants = n.constants(input);
    if (!constants)
      return std::nullopt;
    axes = *constants;
  } else if (std::optional<ArrayRef<int64_t>> attribute = n.node.getInts("axes")) {
    axes.assign(attribute->begin(), attribute->end());
  }
  for (int64_t &axis : axes) {
    std::optional<int64_t> normal = n.axis(axis, rank);
    if (!normal)
      return std::nullopt;
    axis = *normal;
  }
  return axes;
}

void shape(NodeInference &n) {
  const Dims *dims = n.dims(0);
  if (!dims)
    return n.set(0, i64(n), std::nullopt);
  int64_t rank = dims->size();
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = clamp(n.node.getInt("start", 0)), end = clamp(n.node.getInt("end", rank));
  Dims values;
  for (int64_t i = start; i < end; ++i)
    values.push_back((*dims)[i]);
  n.set(0, i64(n), Dims{SymbolicSize(static_cast<int64_t>(values.size()))});
  n.setValues(0, std::move(values));
}

void size(NodeInference &n) {
  n.set(0, i64(n), Dims());
  if (const Dims *dims = n.dims(0))
    n.setValues(0, {product(*dims)});
}

void forwardValues(NodeInference &n) {
  if (const Dims *values = n.values(0))
    n.setValues(0, *values);
}

void reshape(NodeInference &n) {
  const Dims *input = n.dims(0), *target = n.values(1), *targetDims = n.dims(1);
  Dims attribute;
  if (std::optional<ArrayRef<int64_t>> shape = n.node.getInts("shape")) { // versions below 5
    attribute.assign(shape->begin(), shape->end());
    target = &attribute;
  }
  if (!target) {
    std::optional<int64_t> rank =
        targetDims && targetDims->size() == 1 ? targetDims->front().getConstant() : std::nullopt;
    if (rank && *rank >= 0 && *rank <= 64)
      return n.set(0, n.elementType(0), n.freshDims(0, *rank));
    return n.set(0, n.elementType(0), std::nullopt);
  }
  bool allowZero = n.node.getInt("allowzero", 0);
  Dims result(target->begin(), target->end());
  std::optional<size_t> rest;
  for (auto [i, dim] : llvm::enumerate(result)) {
    if (dim.isConstant(-1)) {
      if (rest)
        return n.fail("has -1 twice in its target shape");
      rest = i;
    } else if (dim.isConstant(0) && !allowZero) {
      if (!input)
        return n.set(0, n.elementType(0), std::nullopt);
      if (i >= input->size())
        return n.fail("copies dimension " + llvm::Twine(i) + " (a 0 in its target shape) of an input of rank " +
                      llvm::Twine(uint64_t(input->size())));
      dim = (*input)[i];
    }
  }
  if (rest) {
    result[*rest] = SymbolicSize(1);
    std::optional<SymbolicSize> quotient;
    if (input) {
      SymbolicSize all = n.normalise(product(*input)), others = n.normalise(product(result));
      // 0/0 has no answer; ONNX Runtime says 0.
      quotient = others.isConstant(0) ? SymbolicSize(0) : all.dividedBy(others);
      if (!quotient && all.getConstant() && others.getConstant())
        return n.fail("reshapes " + llvm::Twine(*all.getConstant()) + " elements to a multiple of " +
                      llvm::Twine(*others.getConstant()));
    }
    result[*rest] = quotient ? *quotient : n.fresh(0, *rest);
  } else if (input) {
    n.equal(product(*input), product(result));
  }
  n.set(0, n.elementType(0), std::move(result));
  forwardValues(n);
}

void squeeze(NodeInference &n) {
  const Dims *input = n.dims(0);
  std::optional<SmallVector<int64_t>> axes = input ? getAxes(n, 1, input->size()) : std::nullopt;
  bool all = !n.has(1) && !n.node.getInts("axes");
  // Without axes every dimension of 1 goes, and a symbol can be 1.
  if (!input || !axes || (all && !toNumbers(*input)))
    return n.set(0, n.elementType(0), std::nullopt);
  Dims result;
  for (auto [i, dim] : llvm::enumerate(*input)) {
    bool drop = all ? dim.isConstant(1) : llvm::is_contained(*axes, static_cast<int64_t>(i));
    if (!drop)
      result.push_back(dim);
    else
      n.equal(dim, 1);
  }
  n.set(0, n.elementType(0), std::move(result));
  forwardValues(n);
}

void unsqueeze(NodeInference &n) {
  const Dims *input = n.dims(0);
  size_t added = 0;
  if (std::optional<SmallVector<int64_t>> constants = n.constants(1))
    added = constants->size();
  else if (std::optional<ArrayRef<int64_t>> attribute = n.node.getInts("axes"))
    added = attribute->size();
  std::optional<SmallVector<int64_t>> axes = input ? getAxes(n, 1, input->size() + added) : std::nullopt;
  if (!input || !axes)
    return n.set(0, n.elementType(0), std::nullopt);
  Dims result;
  size_t next = 0;
  for (size_t i = 0; i < input->size() + added; ++i)
    if (llvm::is_contained(*axes, static_cast<int64_t>(i)))
      result.push_back(1);
    else if (next < input->size())
      result.push_back((*input)[next++]);
  if (result.size() != input->size() + added)
    return n.fail("inserts the same axis twice");
  n.set(0, n.elementType(0), std::move(result));
  forwardValues(n);
}

void flatten(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  int64_t axis = n.node.getInt("axis", 1), rank = input->size();
  axis = axis < 0 ? axis + rank : axis;
  if (axis < 0 || axis > rank)
    return n.fail("flattens at axis " + llvm::Twine(axis) + " of a tensor of rank " + llvm::Twine(rank));
  ArrayRef<SymbolicSize> dims(*input);
  n.set(0, n.elementType(0), Dims{product(dims.take_front(axis)), product(dims.drop_front(axis))});
  forwardValues(n);
}

void transpose(NodeInference &n) {
  const Dims *input = n.dims(0);
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  SmallVector<int64_t> permutation;
  if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("perm"))
    permutation.assign(given->begin(), given->end());
  else
    for (size_t i = input->size(); i > 0; --i)
      permutation.push_back(i - 1);
  SmallVector<bool> seen(input->size());
  bool isPermutation = permutation.size() == input->size();
  for (int64_t from : permutation)
    if (isPermutation = isPermutation && from >= 0 && from < static_cast<int64_t>(seen.size()) && !seen[from];
        isPermutation)
      seen[from] = true;
  if (!isPermutation)
    return n.fail("has a perm of " + llvm::Twine(uint64_t(permutation.size())) +
                  " entries that is no permutation of its input's " + llvm::Twine(uint64_t(input->size())) + " axes");
  Dims result;
  for (int64_t from : permutation)
    result.push_back((*input)[from]);
  n.set(0, n.elementType(0), std::move(result));
  if (input->size() == 1)
    forwardValues(n);
}

void concat(NodeInference &n) {
  Type elementType = n.elementType(0);
  Dims result;
  std::optional<int64_t> axis;
  for (unsigned i = 0; i < n.getNumInputs(); ++i) {
    const Dims *input = n.dims(i);
    if (!input)
      return n.set(0, elementType, std::nullopt);
    if (i == 0) {
      result = *input;
      axis = n.axis(n.node.getInt("axis", 1), result.size());
      if (!axis)
        return;
      continue;
    }
    if (input->size() != result.size())
      return n.fail("concatenates tensors of rank " + llvm::Twine(uint64_t(result.size())) + " and " +
                    llvm::Twine(uint64_t(input->size())));
    for (size_t d = 0; d < result.size(); ++d)
      result[d] = d == static_cast<size_t>(*axis) ? result[d] + (*input)[d] : n.equal(result[d], (*input)[d]);
  }
  n.set(0, elementType, std::move(result));
  if (axis != 0)
    return;
  Dims values;
  for (unsigned i = 0; i < n.getNumInputs(); ++i) {
    const Dims *part = n.values(i);
    if (!part)
      return;
    values.append(part->begin(), part->end());
  }
  n.setValues(0, std::move(values));
}

void split(NodeInference &n) {
  const Dims *input = n.dims(0);
  unsigned outputs = n.node.getNumResults();
  if (!input) {
    for (unsigned i = 0; i < outputs; ++i)
      n.set(i, n.elementType(0), std::nullopt);
    return;
  }
  std::optional<int64_t> axis = n.axis(n.node.getInt("axis", 0), input->size());
  if (!axis)
    return;
  SymbolicSize whole = (*input)[*axis];
  Dims sizes;
  if (const Dims *given = n.values(1)) {
    sizes = *given;
  } else if (std::optional<ArrayRef<int64_t>> attribute = n.node.getInts("split")) {
    sizes.assign(attribute->begin(), attribute->end());
  } else if (n.has(1)) {
    for (unsigned i = 0; i < outputs; ++i)
      sizes.push_back(n.fresh(i, *axis));
  } else if (std::optional<int64_t> number = whole.getConstant()) {
    // The last part may be shorter (Split-18).
    int64_t chunk = (*number + outputs - 1) / outputs;
    for (unsigned i = 0; i < outputs; ++i)
      sizes.push_back(std::clamp<int64_t>(*number - chunk * i, 0, chunk));
  } else {
    std::optional<SymbolicSize> part = n.normalise(whole).dividedBy(static_cast<int64_t>(outputs));
    for (unsigned i = 0; i < outputs; ++i)
      sizes.push_back(part ? *part : n.fresh(i, *axis));
  }
  if (sizes.size() != outputs)
    return n.fail("splits into " + llvm::Twine(uint64_t(sizes.size())) + " parts but has " + llvm::Twine(outputs) +
                  " outputs");
  SymbolicSize sum;
  for (const SymbolicSize &part : sizes)
    sum += part;
  n.equal(whole, sum);
  const Dims *values = input->size() == 1 ? n.values(0) : nullptr;
  size_t at = 0;
  for (unsigned i = 0; i < outputs; ++i) {
    Dims dims = *input;
    dims[*axis] = sizes[i];
    n.set(i, n.elementType(0), std::move(dims));
    std::optional<int64_t> count = sizes[i].getConstant();
    if (!values || !count || *count < 0 || at + *count > values->size()) {
      values = nullptr;
      continue;
    }
    n.setValues(i, Dims(values->begin() + at, values->begin() + at + *count));
    at += *count;
  }
}

void expand(NodeInference &n) {
  const Dims *input = n.dims(0), *target = n.values(1), *targetDims = n.dims(1);
  if (!input || !target) {
    std::optional<int64_t> rank =
        targetDims && targetDims->size() == 1 ? targetDims->front().getConstant() : std::nullopt;
    if (input && rank && *rank >= 0 && *rank <= 64)
      return n.set(0, n.elementType(0), n.freshDims(0, std::max<size_t>(*rank, input->size())));
    return n.set(0, n.elementType(0), std::nullopt);
  }
  n.set(0, n.elementType(0), n.broadcast(*input, *target));
  // One value everywhere is the only case that computes shapes.
  const Dims *values = n.values(0);
  if (!values || values->size() != 1)
    return;
  std::optional<int64_t> count = product(*n.engine.getFacts(n.node.getResult(0)).dims).getConstant();
  if (count && *count >= 0 && *count <= static_cast<int64_t>(maxKnownValues))
    n.setValues(0, Dims(*count, values->front()));
}

void tile(NodeInference &n) {
  const Dims *input = n.dims(0), *repeats = n.values(1);
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  if (!repeats)
    return n.set(0, n.elementType(0), n.freshDims(0, input->size()));
  if (repeats->size() != input->size())
    return n.fail("repeats " + llvm::Twine(uint64_t(repeats->size())) + " axes of a tensor of rank " +
                  llvm::Twine(uint64_t(input->size())));
  Dims result;
  for (auto [dim, times] : llvm::zip(*input, *repeats))
    result.push_back(dim * times);
  n.set(0, n.elementType(0), std::move(result));
}

void pad(NodeInference &n) {
  const Dims *input = n.dims(0), *pads = n.values(1);
  Dims attribute;
  if (std::optional<ArrayRef<int64_t>> given = n.node.getInts("pads")) {
    attribute.assign(given->begin(), given->end());
    pads = &attribute;
  }
  if (!input)
    return n.set(0, n.elementType(0), std::nullopt);
  SmallVector<int64_t> axes;
  if (n.has(3)) {
    std::optional<SmallVector<int64_t>> given = n.constants(3);
    for (int64_t axis : given.value_or(SmallVector<int64_t>())) {
      std::optional<int64_t> normal = n.axis(axis, input->size());
      if (!normal)
        return;
      axes.push_back(*normal);
    }
    if (!given)
      pads = nullptr;
  } else {
    for (size_t i = 0; i < input->size(); ++i)
      axes.push_back(i);
  }
  if (!pads)
    return n.set(0, n.elementType(0), n.freshDims(0, input->size()));
  if (pads->size() != 2 * axes.size())
    return n.fail("has " + llvm::Twine(uint64_t(pads->size())) + " pads for " + llvm::Twine(uint64_t(axes.size())) +
                  " axes");
  Dims result = *input;
  for (auto [i, axis] : llvm::enumerate(axes))
    result[axis] = result[axis] + (*pads)[i] + (*pads)[i + axes.size()];
  n.set(0, n.elementType(0), std::move(result));
}

void constantOfShape(NodeInference &n) {
  Type elementType = Float32Type::get(n.node.getContext());
  std::optional<int64_t> fill;
  if (auto value = dyn_cast_or_null<DenseElementsAttr>(n.node.getAttribute("value"))) {
    elementType = value.getElementType();
    if (isa<IntegerType>(elementType) && value.getNumElements() == 1 && elementType.getIntOrFloatBitWidth() >= 8) {
      APInt first = *value.getValues<APInt>().begin();
      fill = elementType.isUnsignedInteger() ? static_cast<int64_t>(first.getLimitedValue(INT64_MAX))
                                             : first.getSExtValue();
    } else if (elementType.isInteger(1) && value.getNumElements() == 1) {
      fill = *value.getValues<bool>().begin();
    }
  }
  const Dims *target = n.values(0), *targetDims = n.dims(0);
  if (!target) {
    std::optional<int64_t> rank =
        targetDims && targetDims->size() == 1 ? targetDims->front().getConstant() : std::nullopt;
    if (rank && *rank >= 0 && *rank <= 64)
      return n.set(0, elementType, n.freshDims(0, *rank));
    return n.set(0, elementType, std::nullopt);
  }
  n.set(0, elementType, *target);
  std::optional<int64_t> count = product(*target).getConstant();
  if (fill && count && *count >= 0 && *count <= static_cast<int64_t>(maxKnownValues))
    n.setValues(0, Dims(*count, SymbolicSize(*fill)));
}

// start, limit, delta: ceil((limit - start) / delta) elements, none when that is negative.
void range(NodeInference &n) {
  Type elementType = n.elementType(0);
  const Dims *start = n.values(0), *limit = n.values(1), *delta = n.values(2);
  if (!start || !limit || !delta || start->size() != 1 || limit->size() != 1 || delta->size() != 1)
    return n.set(0, elementType, Dims{n.fresh(0, 0)});
  SymbolicSize length = limit->front() - start->front();
  std::optional<int64_t> step = delta->front().getConstant(), count = length.getConstant();
  std::optional<SymbolicSize> result;
  if (step == 0)
    return n.fail("has a range of step 0");
  if (step && count) {
    __int128 number = *step > 0 ? (__int128(*count) + *step - 1) / *step : (__int128(*count) + *step + 1) / *step;
    result = SymbolicSize(number < 0 ? 0 : static_cast<int64_t>(number));
  } else if (step) {
    result = n.normalise(length).dividedBy(*step);
  }
  if (!result)
    return n.set(0, elementType, Dims{n.fresh(0, 0)});
  if (!result->getConstant())
    n.atMost(*step > 0 ? start->front() : limit->front(), *step > 0 ? limit->front() : start->front());
  n.set(0, elementType, Dims{*result});
  std::optional<int64_t> elements = result->getConstant();
  if (!elements || *elements > static_cast<int64_t>(maxKnownValues))
    return;
  Dims values;
  for (int64_t i = 0; i < *elements; ++i)
    values.push_back(start->front() + delta->front() * i);
  n.setValues(0, std::move(values));
}

void depthToSpace(NodeInference &n) {
  const Dims *input = n.dims(0);
  int64_t block = n.node.getInt("blocksize", 1);
  if (!input || input->size() != 4 || block <= 0)
    return n.set(0, n.elementType(0), std::nullopt);
  bool toSpace = n.node.getOpType() == "DepthToSpace";
  Dims result = *input;
  std::optional<SymbolicSize> parts[3];
  for (int i = 0; i < 3; ++i) {
    SymbolicSize factor = i == 0 ? SymbolicSize(block) * block : SymbolicSize(block);
    parts[i] = (i == 0) == toSpace ? n.normalise(result[i + 1]).dividedBy(factor) : result[i + 1] * factor;
    result[i + 1] = parts[i] ? *parts[i] : n.fresh(0, i + 1);
  }
  n.set(0, n.elementType(0), std::move(result));
}

} // namespace

ArrayRef<RuleRow> hadron::onnx::getShapeRules() {
  static const RuleRow rows[] = {
      {"", "Shape", shape},
      {"", "Size", size},
      {"", "Reshape", reshape},
      {"", "Squeeze", squeeze},
      {"", "Unsqueeze", unsqueeze},
      {"", "Flatten", flatten},
      {"", "Transpose", transpose},
      {"", "Concat", concat},
      {"", "Split", split},
      {"", "Expand", expand},
      {"", "Tile", tile},
      {"", "Pad", pad},
      {"", "ConstantOfShape", constantOfShape},
      {"", "Range", range},
      {"", "DepthToSpace", depthToSpace},
      {"", "SpaceToDepth", depthToSpace},
  };
  return rows;
}
