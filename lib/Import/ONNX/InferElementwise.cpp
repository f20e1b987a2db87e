// Elementwise operators: broadcast shapes, and the elements of small integer tensors.
#include "Infer.h"
#include "Tensors.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

using MaybeSize = std::optional<SymbolicSize>;

// Element `index` (row-major in `outer`) of an operand that is broadcast to `outer`.
size_t broadcastIndex(ArrayRef<int64_t> outer, ArrayRef<int64_t> inner, size_t index) {
  size_t result = 0, stride = 1;
  for (size_t i = 0; i < outer.size(); ++i) {
    size_t axis = outer.size() - 1 - i;
    size_t coordinate = index % outer[axis];
    index /= outer[axis];
    if (i >= inner.size())
      continue;
    int64_t size = inner[inner.size() - 1 - i];
    result += (size == 1 ? 0 : coordinate) * stride;
    stride *= size;
  }
  return result;
}

// Calls compute(elements of the inputs) for each element of output 0, if the elements of all inputs are known.
template <typename Compute>
void foldElements(NodeInference &n, Compute compute) {
  Value result = n.node.getOutput(0);
  const Facts *facts = result ? &n.engine.getFacts(result) : nullptr;
  std::optional<SmallVector<int64_t>> shape = facts && facts->dims ? toNumbers(*facts->dims) : std::nullopt;
  std::optional<int64_t> count = shape ? product(*facts->dims).getConstant() : std::nullopt;
  if (!count || *count > static_cast<int64_t>(maxKnownValues))
    return;
  SmallVector<const Dims *> inputs;
  SmallVector<SmallVector<int64_t>> shapes;
  for (unsigned i = 0; i < n.getNumInputs(); ++i) {
    const Dims *values = n.values(i);
    if (!values)
      return;
    inputs.push_back(values);
    shapes.push_back(*toNumbers(*n.dims(i)));
  }
  Dims output;
  for (size_t element = 0; element < static_cast<size_t>(*count); ++element) {
    SmallVector<SymbolicSize> operands;
    for (auto [values, inner] : llvm::zip(inputs, shapes))
      operands.push_back((*values)[broadcastIndex(*shape, inner, element)]);
    MaybeSize value = compute(ArrayRef<SymbolicSize>(operands));
    if (!value)
      return;
    output.push_back(*value);
  }
  n.setValues(0, std::move(output));
}

bool hasWholeNumbers(Type type) { return type && isa<IntegerType>(type); }

// All inputs broadcast together; the result has the type of the first.
void sameType(NodeInference &n) { n.set(0, n.elementType(0), n.broadcastInputs(0, n.getNumInputs())); }

void likeFirst(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

void toBool(NodeInference &n) {
  n.set(0, IntegerType::get(n.node.getContext(), 1), n.broadcastInputs(0, n.getNumInputs()));
}

template <MaybeSize (*compute)(ArrayRef<SymbolicSize>)>
void arithmetic(NodeInference &n) {
  sameType(n);
  if (hasWholeNumbers(n.elementType(0)))
    foldElements(n, compute);
}

template <MaybeSize (*compute)(ArrayRef<SymbolicSize>)>
void predicate(NodeInference &n) {
  toBool(n);
  if (hasWholeNumbers(n.elementType(0)))
    foldElements(n, compute);
}

MaybeSize add(ArrayRef<SymbolicSize> x) { return x[0] + x[1]; }
MaybeSize subtract(ArrayRef<SymbolicSize> x) { return x[0] - x[1]; }
MaybeSize multiply(ArrayRef<SymbolicSize> x) { return x[0] * x[1]; }
MaybeSize negate(ArrayRef<SymbolicSize> x) { return -x[0]; }

// ONNX divides integers towards zero; so do we where both are numbers, and where the division leaves no remainder.
MaybeSize divide(ArrayRef<SymbolicSize> x) {
  std::optional<int64_t> a = x[0].getConstant(), b = x[1].getConstant();
  if (a && b)
    return *b == 0 || (*a == INT64_MIN && *b == -1) ? MaybeSize() : SymbolicSize(*a / *b);
  return x[0].dividedBy(x[1]);
}

MaybeSize modulo(ArrayRef<SymbolicSize> x) {
  std::optional<int64_t> a = x[0].getConstant(), b = x[1].getConstant();
  if (a && b && *a >= 0 && *b > 0)
    return SymbolicSize(*a % *b);
  return x[0].dividedBy(x[1]) ? MaybeSize(0) : std::nullopt;
}

MaybeSize absolute(ArrayRef<SymbolicSize> x) {
  if (SymbolicSize(0).isCoefficientwiseAtMost(x[0]))
    return x[0];
  return x[0].isCoefficientwiseAtMost(0) ? MaybeSize(-x[0]) : std::nullopt;
}

template <bool isMax>
MaybeSize extremum(ArrayRef<SymbolicSize> x) {
  SymbolicSize best = x[0];
  for (const SymbolicSize &other : x.drop_front()) {
    if (best.isCoefficientwiseAtMost(other))
      best = isMax ? other : best;
    else if (other.isCoefficientwiseAtMost(best))
      best = isMax ? best : other;
    else
      return std::nullopt;
  }
  return best;
}

MaybeSize asSize(std::optional<bool> truth) { return truth ? MaybeSize(*truth ? 1 : 0) : std::nullopt; }
std::optional<bool> negated(std::optional<bool> truth) { return truth ? std::optional<bool>(!*truth) : truth; }
// Booleans are 0 and 1.
std::optional<bool> truth(const SymbolicSize &x) { return negated(isEqual(x, 0)); }

MaybeSize equal(ArrayRef<SymbolicSize> x) { return asSize(isEqual(x[0], x[1])); }
MaybeSize less(ArrayRef<SymbolicSize> x) { return asSize(isLess(x[0], x[1])); }
MaybeSize greater(ArrayRef<SymbolicSize> x) { return asSize(isLess(x[1], x[0])); }
MaybeSize atMost(ArrayRef<SymbolicSize> x) { return asSize(negated(isLess(x[1], x[0]))); }
MaybeSize atLeast(ArrayRef<SymbolicSize> x) { return asSize(negated(isLess(x[0], x[1]))); }
MaybeSize logicalNot(ArrayRef<SymbolicSize> x) { return asSize(negated(truth(x[0]))); }
MaybeSize logicalAnd(ArrayRef<SymbolicSize> x) {
  std::optional<bool> a = truth(x[0]), b = truth(x[1]);
  if (a == false || b == false)
    return SymbolicSize(0);
  return a && b ? MaybeSize(1) : std::nullopt;
}
MaybeSize logicalOr(ArrayRef<SymbolicSize> x) {
  std::optional<bool> a = truth(x[0]), b = truth(x[1]);
  if (a == true || b == true)
    return SymbolicSize(1);
  return a && b ? MaybeSize(0) : std::nullopt;
}
MaybeSize logicalXor(ArrayRef<SymbolicSize> x) {
  std::optional<bool> a = truth(x[0]), b = truth(x[1]);
  return a && b ? MaybeSize(*a != *b) : std::nullopt;
}

void where(NodeInference &n) {
  n.set(0, n.elementType(1) ? n.elementType(1) : n.elementType(2), n.broadcastInputs(0, 3));
  if (hasWholeNumbers(n.elementType(1)))
    foldElements(n, [](ArrayRef<SymbolicSize> x) -> MaybeSize {
      if (std::optional<bool> condition = truth(x[0]))
        return *condition ? x[1] : x[2];
      return x[1] == x[2] ? MaybeSize(x[1]) : std::nullopt;
    });
}

void castTo(NodeInference &n, Type type) {
  n.set(0, type, n.dims(0));
  if (!hasWholeNumbers(type) || !hasWholeNumbers(n.elementType(0)))
    return;
  bool toBoolean = type.isInteger(1);
  unsigned bits = type.getIntOrFloatBitWidth();
  const Dims *values = n.values(0);
  if (!values)
    return;
  Dims result;
  for (const SymbolicSize &value : *values) {
    MaybeSize cast = toBoolean ? asSize(truth(value)) : MaybeSize(value);
    // A number that the narrower type cannot hold changes; sizes that are symbols are taken to fit.
    if (std::optional<int64_t> number = value.getConstant();
        !cast || (!toBoolean && number && bits < 64 && !llvm::isIntN(bits - 1, *number)))
      return;
    result.push_back(*cast);
  }
  n.setValues(0, std::move(result));
}

void cast(NodeInference &n) {
  int64_t to = n.node.getInt("to", 0);
  Type type = to >= 0 && to < INT32_MAX ? getElementType(n.node.getContext(), static_cast<int32_t>(to)) : Type();
  if (!type)
    return n.fail("casts to the element type number " + llvm::Twine(to) + ", which does not exist");
  castTo(n, type);
}

void castLike(NodeInference &n) { castTo(n, n.elementType(1)); }

void bitCast(NodeInference &n) {
  n.set(0, getElementType(n.node.getContext(), static_cast<int32_t>(n.node.getInt("to", 0))), n.dims(0));
}

void identityRule(NodeInference &n) {
  likeFirst(n);
  if (const Dims *values = n.values(0))
    n.setValues(0, *values);
}

void dropout(NodeInference &n) {
  identityRule(n);
  n.set(1, IntegerType::get(n.node.getContext(), 1), n.dims(0));
}

// x, then min and max as scalars.
void clip(NodeInference &n) {
  likeFirst(n);
  const Dims *values = n.values(0);
  std::optional<SmallVector<int64_t>> low = n.constants(1), high = n.constants(2);
  if (!values || !hasWholeNumbers(n.elementType(0)) || (n.has(1) && !low) || (n.has(2) && !high))
    return;
  Dims result;
  for (SymbolicSize value : *values) {
    MaybeSize clipped = value;
    if (low && !low->empty())
      clipped = extremum<true>({*clipped, SymbolicSize(low->front())});
    if (clipped && high && !high->empty())
      clipped = extremum<false>({*clipped, SymbolicSize(high->front())});
    if (!clipped)
      return;
    result.push_back(*clipped);
  }
  n.setValues(0, std::move(result));
}

void biasedActivation(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

} // namespace

ArrayRef<RuleRow> hadron::onnx::getElementwiseRules() {
  static const RuleRow rows[] = {
      // Arithmetic on whole numbers computes shapes.
      {"", "Add", arithmetic<add>},
      {"", "Sub", arithmetic<subtract>},
      {"", "Mul", arithmetic<multiply>},
      {"", "Div", arithmetic<divide>},
      {"", "Mod", arithmetic<modulo>},
      {"", "Neg", arithmetic<negate>},
      {"", "Abs", arithmetic<absolute>},
      {"", "Max", arithmetic<extremum<true>>},
      {"", "Min", arithmetic<extremum<false>>},
      {"", "Equal", predicate<equal>},
      {"", "Less", predicate<less>},
      {"", "Greater", predicate<greater>},
      {"", "LessOrEqual", predicate<atMost>},
      {"", "GreaterOrEqual", predicate<atLeast>},
      {"", "Not", predicate<logicalNot>},
      {"", "And", predicate<logicalAnd>},
      {"", "Or", predicate<logicalOr>},
      {"", "Xor", predicate<logicalXor>},
      {"", "Where", where},
      {"", "Cast", cast},
      {"", "CastLike", castLike},
      {"", "BitCast", bitCast},
      {"", "Identity", identityRule},
      {"", "Dropout", dropout},
      {"", "Clip", clip},
      // Several inputs, broadcast.
      {"", "Sum", sameType},
      {"", "Mean", sameType},
      {"", "Pow", sameType},
      {"", "PRelu", sameType},
      {"", "BitwiseAnd", sameType},
      {"", "BitwiseOr", sameType},
      {"", "BitwiseXor", sameType},
      {"", "BitShift", sameType},
      {"", "SwiGLU", sameType},
      {"", "IsNaN", toBool},
      {"", "IsInf", toBool},
      // One input.
      {"", "Acos", likeFirst},
      {"", "Acosh", likeFirst},
      {"", "Asin", likeFirst},
      {"", "Asinh", likeFirst},
      {"", "Atan", likeFirst},
      {"", "Atanh", likeFirst},
      {"", "Cos", likeFirst},
      {"", "Cosh", likeFirst},
      {"", "Sin", likeFirst},
      {"", "Sinh", likeFirst},
      {"", "Tan", likeFirst},
      {"", "Tanh", likeFirst},
      {"", "BitwiseNot", likeFirst},
      {"", "Ceil", likeFirst},
      {"", "Floor", likeFirst},
      {"", "Round", likeFirst},
      {"", "Celu", likeFirst},
      {"", "Elu", likeFirst},
      {"", "Selu", likeFirst},
      {"", "Relu", likeFirst},
      {"", "LeakyRelu", likeFirst},
      {"", "ThresholdedRelu", likeFirst},
      {"", "Gelu", likeFirst},
      {"", "Erf", likeFirst},
      {"", "Exp", likeFirst},
      {"", "Log", likeFirst},
      {"", "Sqrt", likeFirst},
      {"", "Reciprocal", likeFirst},
      {"", "Sigmoid", likeFirst},
      {"", "HardSigmoid", likeFirst},
      {"", "HardSwish", likeFirst},
      {"", "Swish", likeFirst},
      {"", "Mish", likeFirst},
      {"", "Softplus", likeFirst},
      {"", "Softsign", likeFirst},
      {"", "Shrink", likeFirst},
      {"", "Sign", likeFirst},
      {"com.microsoft", "Gelu", likeFirst},
      {"com.microsoft", "FastGelu", biasedActivation},
      {"com.microsoft", "QuickGelu", likeFirst},
      {"com.microsoft", "BiasGelu", biasedActivation},
      {"com.microsoft", "FusedHadamardTransform", likeFirst},
      {"qti_aisw", "HadamardTransform", likeFirst},
  };
  return rows;
}
