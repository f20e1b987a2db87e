// Functions of one element.
#include "Build.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// y = f(x), in f32 at least.
LogicalResult unary(Raiser &r, Body body) {
  Tensor x = r.in(0);
  if (!x.isFloat())
    return r.error("works on floating-point tensors here");
  r.out(0, mapWide(r, x, x.dims, x.element, body));
  return success();
}

template <typename Op>
LogicalResult mathFunction(Raiser &r) {
  return unary(r, [](OpBuilder &b, Location loc, ValueRange x) -> Value { return Op::create(b, loc, x[0]); });
}

/// A chain of scalar operations, written like the formula.
struct Scalar {
  OpBuilder &b;
  Location loc;
  Value value;

  Scalar of(Value v) const { return {b, loc, v}; }
  Scalar number(double x) const { return of(raising::number(b, loc, value.getType(), x)); }
  template <typename Op, typename... Args>
  Scalar apply(Args... args) const {
    return of(Op::create(b, loc, value, args...));
  }
  Scalar operator+(const Scalar &y) const { return apply<arith::AddFOp>(y.value); }
  Scalar operator-(const Scalar &y) const { return apply<arith::SubFOp>(y.value); }
  Scalar operator*(const Scalar &y) const { return apply<arith::MulFOp>(y.value); }
  Scalar operator/(const Scalar &y) const { return apply<arith::DivFOp>(y.value); }
  Scalar operator+(double y) const { return *this + number(y); }
  Scalar operator*(double y) const { return *this * number(y); }
  Scalar operator-() const { return apply<arith::NegFOp>(); }
  Scalar max(double y) const { return apply<arith::MaximumFOp>(number(y).value); }
  Scalar min(double y) const { return apply<arith::MinimumFOp>(number(y).value); }
  /// condition(this, y) ? a : b
  Scalar where(arith::CmpFPredicate predicate, double y, const Scalar &a, const Scalar &otherwise) const {
    Value condition = arith::CmpFOp::create(b, loc, predicate, value, number(y).value);
    return of(arith::SelectOp::create(b, loc, condition, a.value, otherwise.value));
  }
};
Scalar exp(const Scalar &x) { return x.apply<math::ExpOp>(); }
Scalar tanh(const Scalar &x) { return x.apply<math::TanhOp>(); }
Scalar inverse(const Scalar &x) { return x.number(1) / x; }
Scalar sigmoid(const Scalar &x) { return inverse(exp(-x) + 1); }
/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)): no overflow.
Scalar softplus(const Scalar &x) { return x.max(0) + (exp(-x.apply<math::AbsFOp>()) + 1).apply<math::LogOp>(); }
Scalar geluErf(const Scalar &x) { return x * 0.5 * ((x * M_SQRT1_2).apply<math::ErfOp>() + 1); }
Scalar geluTanh(const Scalar &x) { return x * 0.5 * (tanh((x + x * x * x * 0.044715) * std::sqrt(2 / M_PI)) + 1); }

using Formula = Scalar (*)(Raiser &, const Scalar &);
template <Formula formula>
LogicalResult function(Raiser &r) {
  return unary(r, [&](OpBuilder &b, Location loc, ValueRange x) { return formula(r, {b, loc, x[0]}).value; });
}

using P = arith::CmpFPredicate;
double attr(Raiser &r, StringRef name, double otherwise) { return r.node.getFloat(name, otherwise); }

Scalar reciprocal(Raiser &, const Scalar &x) { return inverse(x); }
Scalar sigmoidOf(Raiser &, const Scalar &x) { return sigmoid(x); }
Scalar softplusOf(Raiser &, const Scalar &x) { return softplus(x); }
Scalar softsign(Raiser &, const Scalar &x) { return x / (x.apply<math::AbsFOp>() + 1); }
Scalar leakyRelu(Raiser &r, const Scalar &x) { return x.where(P::OLT, 0, x * attr(r, "alpha", 0.01), x); }
Scalar elu(Raiser &r, const Scalar &x) { return x.where(P::OLT, 0, (exp(x) + -1) * attr(r, "alpha", 1), x); }
Scalar celu(Raiser &r, const Scalar &x) {
  double alpha = attr(r, "alpha", 1);
  return x.max(0) + ((exp(x * (1 / alpha)) + -1) * alpha).min(0);
}
Scalar selu(Raiser &r, const Scalar &x) {
  double alpha = attr(r, "alpha", 1.67326319217681884765625), gamma = attr(r, "gamma", 1.05070102214813232421875);
  return x.where(P::OGT, 0, x * gamma, (exp(x) + -1) * alpha * gamma);
}
Scalar hardSigmoid(Raiser &r, const Scalar &x) {
  return (x * attr(r, "alpha", 0.2) + attr(r, "beta", 0.5)).max(0).min(1);
}
Scalar hardSwish(Raiser &, const Scalar &x) { return x * (x * (1.0 / 6) + 0.5).max(0).min(1); }
Scalar thresholdedRelu(Raiser &r, const Scalar &x) { return x.where(P::OGT, attr(r, "alpha", 1), x, x.number(0)); }
Scalar swish(Raiser &r, const Scalar &x) { return x * sigmoid(x * attr(r, "alpha", 1)); }
Scalar quickGelu(Raiser &r, const Scalar &x) { return x * sigmoid(x * attr(r, "alpha", 1.702)); }
Scalar mish(Raiser &, const Scalar &x) { return x * tanh(softplus(x)); }
Scalar gelu(Raiser &r, const Scalar &x) {
  return r.node.getString("approximate", "none") == "tanh" ? geluTanh(x) : geluErf(x);
}
Scalar shrink(Raiser &r, const Scalar &x) {
  double bias = attr(r, "bias", 0), lambda = attr(r, "lambd", 0.5);
  return x.where(P::OLT, -lambda, x + bias, x.where(P::OGT, lambda, x + -bias, x.number(0)));
}

/// Sign, Abs, Neg, Relu: integers too.
LogicalResult convertAbs(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          if (x.isFloat())
            return math::AbsFOp::create(b, loc, args[0]);
          return x.isUnsigned ? args[0] : math::AbsIOp::create(b, loc, args[0]).getResult();
        }));
  return success();
}
LogicalResult convertNeg(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          if (x.isFloat())
            return arith::NegFOp::create(b, loc, args[0]);
          return arith::SubIOp::create(b, loc, number(b, loc, x.element, 0), args[0]);
        }));
  return success();
}
LogicalResult convertRelu(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) {
          return maximum(b, loc, args[0], number(b, loc, args[0].getType(), 0), x.isUnsigned);
        }));
  return success();
}
LogicalResult convertSign(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Type type = args[0].getType();
          Value zero = number(b, loc, type, 0), one = number(b, loc, type, 1);
          Value positive, negative;
          if (x.isFloat()) {
            positive = arith::CmpFOp::create(b, loc, P::OGT, args[0], zero);
            negative = arith::CmpFOp::create(b, loc, P::OLT, args[0], zero);
          } else if (x.isUnsigned) {
            positive = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, args[0], zero);
            return arith::SelectOp::create(b, loc, positive, one, zero);
          } else {
            positive = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, args[0], zero);
            negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, args[0], zero);
          }
          Value below = arith::SelectOp::create(b, loc, negative, number(b, loc, type, -1), zero);
          return arith::SelectOp::create(b, loc, positive, one, below);
        }));
  return success();
}

LogicalResult convertNot(Raiser &r) { // Not, BitwiseNot: all bits
  Tensor x = r.in(0);
  r.out(0, map(r, x, x.dims, x.element, [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          return arith::XOrIOp::create(b, loc, args[0], number(b, loc, x.element, -1));
        }));
  return success();
}

LogicalResult convertIsNaN(Raiser &r) {
  Tensor x = r.in(0);
  r.out(0, mapWide(r, x, x.dims, r.builder.getI1Type(), [](OpBuilder &b, Location loc, ValueRange x) -> Value {
          return arith::CmpFOp::create(b, loc, P::UNO, x[0], x[0]);
        }));
  return success();
}

LogicalResult convertIsInf(Raiser &r) {
  Tensor x = r.in(0);
  bool positive = r.node.getInt("detect_positive", 1), negative = r.node.getInt("detect_negative", 1);
  r.out(0, mapWide(r, x, x.dims, r.builder.getI1Type(), [&](OpBuilder &b, Location loc, ValueRange x) -> Value {
          auto equals = [&](bool wanted, double infinity) -> Value {
            if (!wanted)
              return number(b, loc, b.getI1Type(), 0);
            return arith::CmpFOp::create(b, loc, P::OEQ, x[0], number(b, loc, x[0].getType(), infinity));
          };
          double infinity = std::numeric_limits<double>::infinity();
          return arith::OrIOp::create(b, loc, equals(positive, infinity), equals(negative, -infinity));
        }));
  return success();
}

LogicalResult convertCast(Raiser &r) { // Cast, CastLike
  Type wanted = cast<onnx::OnnxTensorType>(r.node.getResult(0).getType()).getElementType();
  if (wanted.isInteger() && wanted.getIntOrFloatBitWidth() > 1 && wanted.getIntOrFloatBitWidth() < 8)
    return r.error("casts to integers below 8 bits, which is not supported");
  r.out(0, converted(r, r.in(0), r.outElement(), wanted.isUnsignedInteger()));
  return success();
}

LogicalResult convertIdentity(Raiser &r) {
  r.out(0, r.in(0));
  return success();
}

/// In inference the input, and a mask of ones.
LogicalResult convertDropout(Raiser &r) {
  if (r.node.getInput(2)) {
    auto training = onnx::getConstantValues(r.node.getInput(2));
    if (!training || llvm::any_of(*training, [](int64_t value) { return value != 0; }))
      return r.error("drops at random, which is not supported; export the model for inference");
  }
  r.out(0, r.in(0));
  if (r.node.getOutput(1))
    r.out(1, splat(r, 1, r.outDims(1), r.outElement(1)));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Abs", 6, kLatest, convertAbs, ""},
    {"", "Acos", 7, kLatest, mathFunction<math::AcosOp>, ""},
    {"", "Acosh", 9, kLatest, mathFunction<math::AcoshOp>, ""},
    {"", "Asin", 7, kLatest, mathFunction<math::AsinOp>, ""},
    {"", "Asinh", 9, kLatest, mathFunction<math::AsinhOp>, ""},
    {"", "Atan", 7, kLatest, mathFunction<math::AtanOp>, ""},
    {"", "Atanh", 9, kLatest, mathFunction<math::AtanhOp>, ""},
    {"", "BitwiseNot", 18, kLatest, convertNot, ""},
    {"", "Cast", 6, kLatest, convertCast, "to saturate round_mode"},
    {"", "CastLike", 15, kLatest, convertCast, "saturate round_mode"},
    {"", "Ceil", 6, kLatest, mathFunction<math::CeilOp>, ""},
    {"", "Celu", 12, kLatest, function<celu>, "alpha"},
    {"", "Cos", 7, kLatest, mathFunction<math::CosOp>, ""},
    {"", "Cosh", 9, kLatest, mathFunction<math::CoshOp>, ""},
    {"", "Dropout", 7, kLatest, convertDropout, "ratio seed"},
    {"", "Elu", 6, kLatest, function<elu>, "alpha"},
    {"", "Erf", 9, kLatest, mathFunction<math::ErfOp>, ""},
    {"", "Exp", 6, kLatest, mathFunction<math::ExpOp>, ""},
    {"", "Floor", 6, kLatest, mathFunction<math::FloorOp>, ""},
    {"", "Gelu", 20, kLatest, function<gelu>, "approximate"},
    {"", "HardSigmoid", 6, kLatest, function<hardSigmoid>, "alpha beta"},
    {"", "HardSwish", 14, kLatest, function<hardSwish>, ""},
    {"", "Identity", 1, kLatest, convertIdentity, ""},
    {"", "IsInf", 10, kLatest, convertIsInf, "detect_negative detect_positive"},
    {"", "IsNaN", 9, kLatest, convertIsNaN, ""},
    {"", "LeakyRelu", 6, kLatest, function<leakyRelu>, "alpha"},
    {"", "Log", 6, kLatest, mathFunction<math::LogOp>, ""},
    {"", "Mish", 18, kLatest, function<mish>, ""},
    {"", "Neg", 6, kLatest, convertNeg, ""},
    {"", "Not", 1, kLatest, convertNot, ""},
    {"", "Reciprocal", 6, kLatest, function<reciprocal>, ""},
    {"", "Relu", 6, kLatest, convertRelu, ""},
    {"", "Round", 11, kLatest, mathFunction<math::RoundEvenOp>, ""},
    {"", "Selu", 6, kLatest, function<selu>, "alpha gamma"},
    {"", "Shrink", 9, kLatest, function<shrink>, "bias lambd"},
    {"", "Sigmoid", 6, kLatest, function<sigmoidOf>, ""},
    {"", "Sign", 9, kLatest, convertSign, ""},
    {"", "Sin", 7, kLatest, mathFunction<math::SinOp>, ""},
    {"", "Sinh", 9, kLatest, mathFunction<math::SinhOp>, ""},
    {"", "Softplus", 1, kLatest, function<softplusOf>, ""},
    {"", "Softsign", 1, kLatest, function<softsign>, ""},
    {"", "Sqrt", 6, kLatest, mathFunction<math::SqrtOp>, ""},
    {"", "Swish", 24, kLatest, function<swish>, "alpha"},
    {"", "Tan", 7, kLatest, mathFunction<math::TanOp>, ""},
    {"", "Tanh", 6, kLatest, mathFunction<math::TanhOp>, ""},
    {"", "ThresholdedRelu", 10, kLatest, function<thresholdedRelu>, "alpha"},
    {kMicrosoft, "Gelu", 0, kLatest, function<gelu>, ""},
    {kMicrosoft, "QuickGelu", 0, kLatest, function<quickGelu>, "alpha"},
};

} // namespace

ArrayRef<OpRow> raising::unaryOps() { return rows; }
