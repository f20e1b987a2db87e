#include "Elementwise.h"

#include "Expressions.h"
#include "Parallel.h"
#include "hadron/Reference/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace hadron;
using reference::Scalar;

#define HADRON_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))

namespace {

constexpr int64_t kStrip = 1024;

/// One operation of the body. Lanes are as the interpreter's scalars: floats in f64, integers sign-extended, i1 0 or 1.
struct Step {
  void (*run)(const Step &, int64_t, Scalar *const *values) = nullptr;
  int inputs[3] = {0, 0, 0};
  int output = 0;
  unsigned width = 64;    // of the operands, if integers
  int64_t predicate = 0;  // of comparisons
  int64_t uniform = 0;    // the second operand where it is one constant, else 0
  SmallVector<int> index; // of a lookup
  int lookup = -1;
};

int64_t wrapped(int64_t x, unsigned width) {
  if (width >= 64)
    return x;
  uint64_t bits = static_cast<uint64_t>(x) << (64 - width);
  return width == 1 ? static_cast<int64_t>(bits >> 63) : static_cast<int64_t>(bits) >> (64 - width);
}
uint64_t asUnsigned(int64_t x, unsigned width) {
  return width >= 64 ? static_cast<uint64_t>(x) : static_cast<uint64_t>(x) & ((uint64_t(1) << width) - 1);
}

#define HADRON_KERNEL(NAME, EXPRESSION)                                                                                \
  HADRON_CLONES void NAME(const Step &step, int64_t n, Scalar *const *values) {                                        \
    const Scalar *a = values[step.inputs[0]], *b = values[step.inputs[1]];                                             \
    Scalar *to = values[step.output];                                                                                  \
    const unsigned width = step.width;                                                                                 \
    for (int64_t l = 0; l < n; ++l)                                                                                    \
      EXPRESSION;                                                                                                      \
    (void)a, (void)b, (void)width;                                                                                     \
  }

HADRON_KERNEL(addI, to[l].i = wrapped(static_cast<uint64_t>(a[l].i) + b[l].i, width))
HADRON_KERNEL(subI, to[l].i = wrapped(static_cast<uint64_t>(a[l].i) - b[l].i, width))
HADRON_KERNEL(mulI, to[l].i = wrapped(static_cast<uint64_t>(a[l].i) * b[l].i, width))
HADRON_KERNEL(andI, to[l].i = a[l].i & b[l].i)
HADRON_KERNEL(orI, to[l].i = a[l].i | b[l].i)
HADRON_KERNEL(xorI, to[l].i = a[l].i ^ b[l].i)
HADRON_KERNEL(minS, to[l].i = std::min(a[l].i, b[l].i))
HADRON_KERNEL(maxS, to[l].i = std::max(a[l].i, b[l].i))
HADRON_KERNEL(shiftLeft, to[l].i = static_cast<uint64_t>(b[l].i) < 64
                                       ? wrapped(static_cast<uint64_t>(a[l].i) << b[l].i, width)
                                       : 0)
HADRON_KERNEL(shiftRightS, to[l].i = a[l].i >> std::min<uint64_t>(b[l].i, 63))
HADRON_KERNEL(shiftRightU,
              to[l].i = static_cast<uint64_t>(b[l].i) < 64 ? wrapped(asUnsigned(a[l].i, width) >> b[l].i, width) : 0)
HADRON_KERNEL(resizeS, to[l].i = wrapped(width == 1 ? -a[l].i : a[l].i, step.predicate))
HADRON_KERNEL(resizeU, to[l].i = wrapped(asUnsigned(a[l].i, width), step.predicate))
HADRON_KERNEL(floatOfS, to[l].f = static_cast<double>(width == 1 ? -a[l].i : a[l].i))
HADRON_KERNEL(floatOfU, to[l].f = static_cast<double>(asUnsigned(a[l].i, width)))
HADRON_KERNEL(copyLanes, to[l] = a[l])
HADRON_KERNEL(addF, to[l].f = a[l].f + b[l].f)
HADRON_KERNEL(subF, to[l].f = a[l].f - b[l].f)
HADRON_KERNEL(mulF, to[l].f = a[l].f * b[l].f)
HADRON_KERNEL(divF, to[l].f = a[l].f / b[l].f)

/// Unsigned division; by a constant power of two, as it nearly always is, without dividing.
template <bool kRemainder>
void divideU(const Step &step, int64_t n, Scalar *const *values) {
  const Scalar *a = values[step.inputs[0]], *b = values[step.inputs[1]];
  Scalar *to = values[step.output];
  uint64_t divisor = step.uniform;
  if (divisor && (divisor & (divisor - 1)) == 0) {
    int shift = __builtin_ctzll(divisor);
    for (int64_t l = 0; l < n; ++l) {
      uint64_t x = asUnsigned(a[l].i, step.width);
      to[l].i = wrapped(kRemainder ? x & (divisor - 1) : x >> shift, step.width);
    }
    return;
  }
  for (int64_t l = 0; l < n; ++l) {
    uint64_t x = asUnsigned(a[l].i, step.width), y = asUnsigned(b[l].i, step.width);
    to[l].i = wrapped(y == 0 ? 0 : kRemainder ? x % y : x / y, step.width);
  }
}

template <bool kRemainder>
void divideS(const Step &step, int64_t n, Scalar *const *values) {
  const Scalar *a = values[step.inputs[0]], *b = values[step.inputs[1]];
  Scalar *to = values[step.output];
  for (int64_t l = 0; l < n; ++l) {
    int64_t x = a[l].i, y = b[l].i;
    int64_t q = y == 0 ? 0 : y == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x / y;
    to[l].i = wrapped(kRemainder ? (y == 0 || y == -1 ? 0 : x % y) : q, step.width);
  }
}

template <typename F>
void compareWith(const Step &step, int64_t n, Scalar *const *values, F holds) {
  const Scalar *a = values[step.inputs[0]], *b = values[step.inputs[1]];
  Scalar *to = values[step.output];
  for (int64_t l = 0; l < n; ++l)
    to[l].i = holds(a[l].i, b[l].i);
}

void compareI(const Step &step, int64_t n, Scalar *const *values) {
  unsigned width = step.width;
  switch (static_cast<arith::CmpIPredicate>(step.predicate)) {
  case arith::CmpIPredicate::eq:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a == b; });
  case arith::CmpIPredicate::ne:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a != b; });
  case arith::CmpIPredicate::slt:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a < b; });
  case arith::CmpIPredicate::sle:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a <= b; });
  case arith::CmpIPredicate::sgt:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a > b; });
  case arith::CmpIPredicate::sge:
    return compareWith(step, n, values, [](int64_t a, int64_t b) { return a >= b; });
  case arith::CmpIPredicate::ult:
    return compareWith(step, n, values,
                       [=](int64_t a, int64_t b) { return asUnsigned(a, width) < asUnsigned(b, width); });
  case arith::CmpIPredicate::ule:
    return compareWith(step, n, values,
                       [=](int64_t a, int64_t b) { return asUnsigned(a, width) <= asUnsigned(b, width); });
  case arith::CmpIPredicate::ugt:
    return compareWith(step, n, values,
                       [=](int64_t a, int64_t b) { return asUnsigned(a, width) > asUnsigned(b, width); });
  case arith::CmpIPredicate::uge:
    return compareWith(step, n, values,
                       [=](int64_t a, int64_t b) { return asUnsigned(a, width) >= asUnsigned(b, width); });
  }
}

HADRON_CLONES void selectLanes(const Step &step, int64_t n, Scalar *const *values) {
  const Scalar *c = values[step.inputs[0]], *a = values[step.inputs[1]], *b = values[step.inputs[2]];
  Scalar *to = values[step.output];
  for (int64_t l = 0; l < n; ++l)
    to[l].i = c[l].i ? a[l].i : b[l].i;
}

using Kernel = void (*)(const Step &, int64_t, Scalar *const *);

Kernel kernelOf(Operation *op) {
  static const llvm::StringMap<Kernel> table = {{"arith.addi", addI},
                                                {"arith.subi", subI},
                                                {"arith.muli", mulI},
                                                {"arith.andi", andI},
                                                {"arith.ori", orI},
                                                {"arith.xori", xorI},
                                                {"arith.minsi", minS},
                                                {"arith.maxsi", maxS},
                                                {"arith.shli", shiftLeft},
                                                {"arith.shrsi", shiftRightS},
                                                {"arith.shrui", shiftRightU},
                                                {"arith.divui", divideU<false>},
                                                {"arith.remui", divideU<true>},
                                                {"arith.divsi", divideS<false>},
                                                {"arith.remsi", divideS<true>},
                                                {"arith.cmpi", compareI},
                                                {"arith.select", selectLanes},
                                                {"arith.extsi", resizeS},
                                                {"arith.trunci", resizeS},
                                                {"arith.index_cast", resizeS},
                                                {"arith.extui", resizeU},
                                                {"arith.index_castui", resizeU},
                                                {"arith.sitofp", floatOfS},
                                                {"arith.uitofp", floatOfU},
                                                {"arith.extf", copyLanes},
                                                {"arith.addf", addF},
                                                {"arith.subf", subF},
                                                {"arith.mulf", mulF},
                                                {"arith.divf", divF}};
  auto it = table.find(op->getName().getStringRef());
  return it == table.end() ? nullptr : it->second;
}

unsigned widthOf(Type type) { return type.isIndex() ? 64 : type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0; }
bool isLane(Type type) { return isKnownFloat(type) || type.isSignlessInteger() || type.isIndex(); }

/// Lanes from memory: element `offsets[l]` of a view.
template <typename T, typename Convert>
void gather(const char *data, const int64_t *offsets, int64_t n, Scalar *to, Convert convert) {
  for (int64_t l = 0; l < n; ++l) {
    T x;
    std::memcpy(&x, data + offsets[l] * static_cast<int64_t>(sizeof(T)), sizeof(T));
    convert(x, to[l]);
  }
}

void load(const View &view, const int64_t *offsets, int64_t n, Scalar *to) {
  auto integer = [](auto x, Scalar &lane) { lane.i = static_cast<int64_t>(x); };
  if (view.storage.isF32())
    return gather<float>(view.data, offsets, n, to, [](float x, Scalar &lane) { lane.f = x; });
  if (view.storage.isF64())
    return gather<double>(view.data, offsets, n, to, [](double x, Scalar &lane) { lane.f = x; });
  if (isKnownFloat(view.storage)) {
    Type storage = view.storage;
    return gather<uint16_t>(view.data, offsets, n, to, [=](uint16_t bits, Scalar &lane) {
      float x;
      readFloats(storage, reinterpret_cast<const char *>(&bits), 1, 1, &x);
      lane.f = x;
    });
  }
  switch (widthOf(view.storage)) {
  case 1:
    return gather<uint8_t>(view.data, offsets, n, to, [](uint8_t x, Scalar &lane) { lane.i = x != 0; });
  case 8:
    return gather<int8_t>(view.data, offsets, n, to, integer);
  case 16:
    return gather<int16_t>(view.data, offsets, n, to, integer);
  case 32:
    return gather<int32_t>(view.data, offsets, n, to, integer);
  default:
    return gather<int64_t>(view.data, offsets, n, to, integer);
  }
}

template <typename T>
void storeIntegers(const Scalar *from, int64_t n, char *to) {
  for (int64_t l = 0; l < n; ++l) {
    T x = static_cast<T>(from[l].i);
    std::memcpy(to + l * sizeof(T), &x, sizeof(T));
  }
}

void storeLanes(Type element, const Scalar *from, int64_t n, char *to) {
  if (!isa<FloatType>(element) || element.isF64())
    switch (elementBytes(element)) {
    case 1:
      return storeIntegers<uint8_t>(from, n, to);
    case 2:
      return storeIntegers<uint16_t>(from, n, to);
    case 4:
      return storeIntegers<uint32_t>(from, n, to);
    default:
      return storeIntegers<uint64_t>(from, n, to); // the bits of an f64 too
    }
  std::vector<float> narrow(n);
  for (int64_t l = 0; l < n; ++l)
    narrow[l] = static_cast<float>(from[l].f);
  writeFloats(element, narrow.data(), n, to);
}

/// The body, and what it reads.
struct Program {
  SmallVector<int64_t> shape;
  std::vector<Step> steps;
  std::vector<std::pair<int, int64_t>> indices; // slot, axis
  std::vector<std::pair<int, View>> inputs;     // slot, operand over the result's axes
  std::vector<std::pair<int, Scalar>> constants;
  std::vector<View> lookups;
  int slots = 0, yielded = 0;

  /// Elements [first, first + n) of the result.
  llvm::Error run(Operation *op, int64_t first, int64_t n, MutableArrayRef<Scalar *> values, View &result) const {
    // Coordinates of each element, counted up.
    std::vector<std::vector<int64_t>> at(shape.size(), std::vector<int64_t>(n));
    SmallVector<int64_t> point(shape.size());
    for (int64_t d = shape.size(), rest = first; d-- > 0; rest /= shape[d])
      point[d] = rest % shape[d];
    for (int64_t l = 0; l < n;) {
      // A run along the last axis, in which the other coordinates stay.
      int64_t axes = shape.size(), run = axes ? std::min(n - l, shape.back() - point.back()) : n;
      for (int64_t d = 0; d < axes; ++d)
        for (int64_t i = 0; i < run; ++i)
          at[d][l + i] = point[d] + (d == axes - 1 ? i : 0);
      l += run;
      for (int64_t d = axes, step = run; d-- > 0; step = 1) {
        if ((point[d] += step) < shape[d])
          break;
        point[d] = 0;
      }
    }
    for (auto [slot, axis] : indices)
      for (int64_t l = 0; l < n; ++l)
        values[slot][l].i = at[axis][l];
    std::vector<int64_t> offsets(n);
    for (const auto &[slot, view] : inputs) {
      std::fill(offsets.begin(), offsets.end(), 0);
      for (size_t d = 0; d < shape.size(); ++d)
        for (int64_t l = 0; l < n; ++l)
          offsets[l] += at[d][l] * view.strides[d];
      load(view, offsets.data(), n, values[slot]);
    }
    for (const Step &step : steps) {
      if (step.lookup < 0) {
        step.run(step, n, values.data());
        continue;
      }
      const View &view = lookups[step.lookup];
      std::fill(offsets.begin(), offsets.end(), 0);
      bool inside = true;
      for (auto [d, slot] : llvm::enumerate(step.index))
        for (int64_t l = 0; l < n; ++l) {
          int64_t i = values[slot][l].i;
          inside &= static_cast<uint64_t>(i) < static_cast<uint64_t>(view.shape[d]);
          offsets[l] += i * view.strides[d];
        }
      if (!inside)
        return failAt(op, "looks up an element past the end of a tensor");
      load(view, offsets.data(), n, values[step.output]);
    }
    storeLanes(result.element, values[yielded], n, result.mutableData() + first * result.width());
    return llvm::Error::success();
  }
};

} // namespace

llvm::Expected<std::optional<View>>
hadron::evaluateElementwise(linalg::LinalgOp op, unsigned threads,
                            llvm::function_ref<llvm::Expected<View>(mlir::Value)> tensor) {
  using None = std::optional<View>;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (op.getNumDpsInits() != 1 || op.getNumLoops() != op.getNumParallelLoops() || !type || !type.hasStaticShape() ||
      !maps.back().isIdentity() || !isLane(type.getElementType()))
    return None();
  Block &body = *op.getBlock();
  Program program;
  program.shape.assign(type.getShape().begin(), type.getShape().end());
  llvm::DenseMap<mlir::Value, int> slots;
  auto slotOf = [&](mlir::Value value) {
    auto [it, isNew] = slots.try_emplace(value, program.slots);
    program.slots += isNew;
    return it->second;
  };
  // An operand of an operation: known, or a constant from around the body.
  auto inputOf = [&](mlir::Value value) -> std::optional<int> {
    if (auto it = slots.find(value); it != slots.end())
      return it->second;
    Attribute constant;
    if (!matchPattern(value, m_Constant(&constant)))
      return std::nullopt;
    Scalar x;
    if (auto integer = dyn_cast<IntegerAttr>(constant))
      x.i = integer.getType().isIndex() ? integer.getInt()
                                        : wrapped(integer.getValue().getSExtValue(), widthOf(integer.getType()));
    else if (auto number = dyn_cast<FloatAttr>(constant))
      x.f = number.getValueAsDouble();
    else
      return std::nullopt;
    program.constants.push_back({slotOf(value), x});
    return slotOf(value);
  };

  for (auto [i, map] : llvm::enumerate(ArrayRef<AffineMap>(maps).drop_back())) {
    if (body.getArgument(i).use_empty())
      continue;
    if (!map.isProjectedPermutation() || !isLane(body.getArgument(i).getType()))
      return None();
    auto view = tensor(op->getOperand(i));
    if (!view)
      return view.takeError();
    SmallVector<int64_t> axes(program.shape.size(), -1);
    for (auto [axis, expr] : llvm::enumerate(map.getResults()))
      axes[cast<AffineDimExpr>(expr).getPosition()] = axis;
    program.inputs.push_back({slotOf(body.getArgument(i)), view->rearranged(axes, program.shape)});
  }
  if (!body.getArguments().back().use_empty())
    return None(); // reads what the result is written over
  for (Operation &inner : body.without_terminator()) {
    if (isa<arith::ConstantOp>(inner))
      continue;
    if (inner.getNumResults() != 1 || !isLane(inner.getResult(0).getType()))
      return None();
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      program.indices.push_back({slotOf(index), static_cast<int64_t>(index.getDim())});
      continue;
    }
    Step step;
    if (auto extract = dyn_cast<tensor::ExtractOp>(inner)) {
      for (mlir::Value index : extract.getIndices()) {
        auto slot = inputOf(index);
        if (!slot)
          return None();
        step.index.push_back(*slot);
      }
      auto view = tensor(extract.getTensor());
      if (!view)
        return view.takeError();
      step.lookup = program.lookups.size();
      program.lookups.push_back(*view);
    } else {
      step.run = kernelOf(&inner);
      if (!step.run || inner.getNumOperands() > 3)
        return None();
      for (auto [i, operand] : llvm::enumerate(inner.getOperands())) {
        auto slot = inputOf(operand);
        if (!slot || !isLane(operand.getType()))
          return None();
        step.inputs[i] = *slot;
      }
      step.width = widthOf(inner.getOperand(0).getType());
      step.predicate = widthOf(inner.getResult(0).getType());
      IntegerAttr uniform;
      if (inner.getNumOperands() == 2 && matchPattern(inner.getOperand(1), m_Constant(&uniform)))
        step.uniform = std::max<int64_t>(uniform.getInt(), 0);
      if (auto compare = dyn_cast<arith::CmpIOp>(inner)) {
        step.predicate = static_cast<int64_t>(compare.getPredicate());
        if (step.width == 1)
          return None(); // signed comparisons of i1
      }
    }
    step.output = slotOf(inner.getResult(0));
    program.steps.push_back(std::move(step));
  }
  auto yielded = inputOf(body.getTerminator()->getOperand(0));
  if (!yielded)
    return None();
  program.yielded = *yielded;

  View result = View::allocate(type.getElementType(), type.getShape());
  int64_t total = result.size(), strips = (total + kStrip - 1) / kStrip, perPiece = 64;
  llvm::Error error = parallelFor(threads, (strips + perPiece - 1) / perPiece, [&](int64_t piece) -> llvm::Error {
    std::vector<Scalar> storage(program.slots * kStrip);
    SmallVector<Scalar *> values;
    for (int slot = 0; slot < program.slots; ++slot)
      values.push_back(&storage[slot * kStrip]);
    for (auto [slot, x] : program.constants)
      std::fill(values[slot], values[slot] + kStrip, x);
    for (int64_t s = piece * perPiece; s < std::min(strips, (piece + 1) * perPiece); ++s)
      if (llvm::Error error = program.run(op, s * kStrip, std::min(kStrip, total - s * kStrip), values, result))
        return error;
    return llvm::Error::success();
  });
  if (error)
    return std::move(error);
  for (const auto &[slot, view] : program.inputs)
    view.drop();
  for (const View &view : program.lookups)
    view.drop();
  return result;
}
