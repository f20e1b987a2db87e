// Normalization, gates, the prologue of a product, rotary embedding.
#include "Evaluator.h"

#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;
using RefValue = reference::Value;
using Result = llvm::Expected<RefValue>;

double reference::silu(double x) { return x / (1 + std::exp(-x)); }

double reference::activate(Activation activation, double x) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::SiLU:
    return silu(x);
  case Activation::GELU:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::GELUTanh:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::ReLU:
    return x > 0 || std::isnan(x) ? x : 0;
  }
  llvm_unreachable("an activation without a meaning");
}

namespace {

/// y = (x - mean, or x) / sqrt(mean of its square + epsilon).
void normalize(NormKind kind, double epsilon, MutableArrayRef<double> row) {
  if (kind == NormKind::None)
    return;
  double mean = 0, square = 0;
  if (kind == NormKind::Layer)
    for (double x : row)
      mean += x / row.size();
  for (double &x : row) {
    x -= mean;
    square += x * x / row.size();
  }
  double factor = 1 / std::sqrt(square + epsilon);
  for (double &x : row)
    x *= factor;
}

/// row * gain + bias, each where it is given.
void affine(Evaluator &e, mlir::Value gain, mlir::Value bias, MutableArrayRef<double> row) {
  RefValue factors = gain ? e[gain] : RefValue(), summands = bias ? e[bias] : RefValue();
  for (size_t i = 0; i < row.size(); ++i) {
    if (gain)
      row[i] *= factors.getFloat(i);
    if (bias)
      row[i] += summands.getFloat(i);
  }
}

Result rmsNorm(Evaluator &e, RMSNormOp op) {
  return mapRows(e[op.getInput()], 1, [&](MutableArrayRef<double> row) {
    normalize(NormKind::RMS, op.getEpsilon().convertToDouble(), row);
    affine(e, op.getGain(), {}, row);
  });
}

Result layerNorm(Evaluator &e, LayerNormOp op) {
  return mapRows(e[op.getInput()], 1, [&](MutableArrayRef<double> row) {
    normalize(NormKind::Layer, op.getEpsilon().convertToDouble(), row);
    affine(e, op.getGain(), op.getBias(), row);
  });
}

Result siluOp(Evaluator &e, SiLUOp op) {
  RefValue value = e[op.getInput()];
  for (Scalar &x : value.edit())
    x.f = silu(x.f);
  return value;
}

llvm::Error prologue(Evaluator &e, PrologueOp op) {
  RefValue input = e[op.getInput()];
  if (op.getResidual()) {
    RefValue residual = e[op.getResidual()];
    if (residual.getShape() != input.getShape())
      return fail(op, "the shapes of input and residual differ");
    std::vector<Scalar> &to = input.edit();
    for (size_t i = 0; i < to.size(); ++i)
      to[i].f += residual.getFloat(i);
  }
  if (op.getSum())
    e.set(op.getSum(), input);
  if (op.getUp()) {
    RefValue up = e[op.getUp()];
    if (up.getShape() != input.getShape())
      return fail(op, "the shapes of input and 'up' differ");
    std::vector<Scalar> &to = input.edit();
    for (size_t i = 0; i < to.size(); ++i)
      to[i].f = silu(to[i].f) * up.getFloat(i);
  }
  RefValue output = mapRows(input, 1, [&](MutableArrayRef<double> row) {
    normalize(op.getNorm(), op.getEpsilon().convertToDouble(), row);
    affine(e, op.getGain(), op.getBias(), row);
    if (op.getRotation())
      op.getRotation()->apply(row, op.getInverse());
  });
  if (op.getOutput())
    e.set(op.getOutput(), output.withElementType(getElementTypeOrSelf(op.getOutput().getType())));
  if (!op.getCodes())
    return llvm::Error::success();

  // q = round(x / s), s = max |x| / 127: of a row, or of each weight group of it.
  int64_t width = input.getShape().back(), rows = width ? input.size() / width : 0;
  int64_t group = op.getGroup() ? op.getGroup() : width, groups = (width + group - 1) / group;
  bool perGroup = op.getArithmetic() == Arithmetic::Int8Group;
  auto make = [&](mlir::Value result, int64_t last) {
    SmallVector<int64_t> shape(input.getShape());
    shape.back() = last;
    return RefValue(getElementTypeOrSelf(result.getType()), shape);
  };
  int64_t padded = (width + 63) / 64 * 64;
  RefValue codes = make(op.getCodes(), padded), scales = make(op.getScales(), perGroup ? groups : 1),
           sums = make(op.getSums(), groups);
  std::vector<Scalar> &q = codes.edit(), &s = scales.edit(), &total = sums.edit();
  for (int64_t r = 0; r < rows; ++r) {
    int64_t step = perGroup ? group : std::max<int64_t>(width, 1);
    for (int64_t begin = 0, part = 0; begin < width; begin += step, ++part) {
      int64_t end = std::min(begin + step, width);
      double top = 0;
      for (int64_t k = begin; k < end; ++k)
        top = std::fmax(top, std::fabs(output.getFloat(r * width + k)));
      double scale = top / 127;
      s[r * (perGroup ? groups : 1) + part].f = scale;
      for (int64_t k = begin; k < end; ++k) {
        q[r * padded + k].i = scale == 0 ? 0 : std::llrint(output.getFloat(r * width + k) / scale);
        total[r * groups + k / group].i += q[r * padded + k].i;
      }
    }
  }
  e.set(op.getCodes(), codes);
  e.set(op.getScales(), scales);
  e.set(op.getSums(), sums);
  return llvm::Error::success();
}

Result rotary(Evaluator &e, RotaryOp op) {
  RefValue value = e[op.getInput()], cos = e[op.getCos()], sin = e[op.getSin()];
  RefValue positions = op.getPositions() ? e[op.getPositions()] : RefValue();
  std::vector<Scalar> &x = value.edit();
  int64_t batch = value.getDim(0), tokens = value.getDim(op.getHeadsFirst() ? 2 : 1),
          heads = value.getDim(op.getHeadsFirst() ? 1 : 2), d = value.getDim(3), half = cos.getShape().back();
  // A table or positions of one sequence serve every sequence.
  auto sequence = [](const RefValue &v, int64_t b) { return v.getDim(0) == 1 ? 0 : b; };
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < tokens; ++t) {
      int64_t row = op.getPositions() ? positions.getInt(sequence(positions, b) * tokens + t)
                                      : sequence(cos, b) * cos.getDim(1) + t;
      if (row < 0 || (row + 1) * half > cos.size())
        return fail(op, "position " + Twine(row) + " is not in tables of " + Twine(half ? cos.size() / half : 0));
      for (int64_t h = 0; h < heads; ++h) {
        int64_t base = op.getHeadsFirst() ? ((b * heads + h) * tokens + t) * d : ((b * tokens + t) * heads + h) * d;
        for (int64_t i = 0; i < half; ++i) {
          double &first = x[base + (op.getInterleaved() ? 2 * i : i)].f;
          double &second = x[base + (op.getInterleaved() ? 2 * i + 1 : i + half)].f;
          double c = cos.getFloat(row * half + i), s = sin.getFloat(row * half + i), a = first;
          first = a * c - second * s;
          second = a * s + second * c;
        }
      }
    }
  return value;
}

} // namespace

void reference::addNormHandlers(HandlerTable &table) {
  table.add(rmsNorm);
  table.add(layerNorm);
  table.add(siluOp);
  table.add(prologue);
  table.add(rotary);
}
