// arith and math on scalars.
#include "Evaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::reference;

namespace {

using Table = llvm::StringMap<std::function<ScalarFunction(Operation *)>>;

Scalar real(double f) {
  Scalar x;
  x.f = f;
  return x;
}
Scalar integer(int64_t i) {
  Scalar x;
  x.i = i;
  return x;
}

Type elementType(mlir::Value value) { return getElementTypeOrSelf(value.getType()); }
unsigned widthOf(Type type) { return type.isIndex() ? 64 : type.getIntOrFloatBitWidth(); }

/// The integer as a signed or unsigned number, whatever its canonical form is.
int64_t asSigned(int64_t x, unsigned width) {
  return width >= 64 ? x : static_cast<int64_t>(static_cast<uint64_t>(x) << (64 - width)) >> (64 - width);
}
uint64_t asUnsigned(int64_t x, unsigned width) {
  return width >= 64 ? static_cast<uint64_t>(x) : static_cast<uint64_t>(x) & ((uint64_t(1) << width) - 1);
}

template <typename OpT>
void unaryF(Table &table, double (*f)(double)) {
  table[OpT::getOperationName()] = [f](Operation *) -> ScalarFunction {
    return [f](ArrayRef<Scalar> x) { return real(f(x[0].f)); };
  };
}
template <typename OpT>
void binaryF(Table &table, double (*f)(double, double)) {
  table[OpT::getOperationName()] = [f](Operation *) -> ScalarFunction {
    return [f](ArrayRef<Scalar> x) { return real(f(x[0].f, x[1].f)); };
  };
}
template <typename OpT>
void testF(Table &table, bool (*f)(double)) {
  table[OpT::getOperationName()] = [f](Operation *) -> ScalarFunction {
    return [f](ArrayRef<Scalar> x) { return integer(f(x[0].f)); };
  };
}
/// The result wraps around to the type's width.
template <typename OpT>
void signedI(Table &table, int64_t (*f)(int64_t, int64_t)) {
  table[OpT::getOperationName()] = [f](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    unsigned width = widthOf(type);
    return
        [=](ArrayRef<Scalar> x) { return integer(wrapTo(type, f(asSigned(x[0].i, width), asSigned(x[1].i, width)))); };
  };
}
template <typename OpT>
void unsignedI(Table &table, uint64_t (*f)(uint64_t, uint64_t)) {
  table[OpT::getOperationName()] = [f](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    unsigned width = widthOf(type);
    return [=](ArrayRef<Scalar> x) {
      return integer(wrapTo(type, static_cast<int64_t>(f(asUnsigned(x[0].i, width), asUnsigned(x[1].i, width)))));
    };
  };
}

// Division by zero and shifts past the width have no meaning; the interpreter must survive them all the same.
int64_t divS(int64_t a, int64_t b) {
  return b == 0 ? 0 : b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : a / b;
}
int64_t remS(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
int64_t floorDivS(int64_t a, int64_t b) { return divS(a, b) - (remS(a, b) != 0 && (a < 0) != (b < 0)); }
int64_t ceilDivS(int64_t a, int64_t b) { return divS(a, b) + (remS(a, b) != 0 && (a < 0) == (b < 0)); }

int64_t power(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1, b = base;
  for (; exponent; exponent >>= 1, b *= b)
    if (exponent & 1)
      result *= b;
  return result;
}

void addIntegers(Table &t) {
  unsignedI<arith::AddIOp>(t, [](uint64_t a, uint64_t b) { return a + b; });
  unsignedI<arith::SubIOp>(t, [](uint64_t a, uint64_t b) { return a - b; });
  unsignedI<arith::MulIOp>(t, [](uint64_t a, uint64_t b) { return a * b; });
  unsignedI<arith::AndIOp>(t, [](uint64_t a, uint64_t b) { return a & b; });
  unsignedI<arith::OrIOp>(t, [](uint64_t a, uint64_t b) { return a | b; });
  unsignedI<arith::XOrIOp>(t, [](uint64_t a, uint64_t b) { return a ^ b; });
  unsignedI<arith::DivUIOp>(t, [](uint64_t a, uint64_t b) { return b ? a / b : 0; });
  unsignedI<arith::RemUIOp>(t, [](uint64_t a, uint64_t b) { return b ? a % b : 0; });
  unsignedI<arith::CeilDivUIOp>(t, [](uint64_t a, uint64_t b) { return b ? a / b + (a % b != 0) : 0; });
  unsignedI<arith::MaxUIOp>(t, [](uint64_t a, uint64_t b) { return std::max(a, b); });
  unsignedI<arith::MinUIOp>(t, [](uint64_t a, uint64_t b) { return std::min(a, b); });
  unsignedI<arith::ShLIOp>(t, [](uint64_t a, uint64_t b) { return b < 64 ? a << b : 0; });
  unsignedI<arith::ShRUIOp>(t, [](uint64_t a, uint64_t b) { return b < 64 ? a >> b : 0; });
  signedI<arith::ShRSIOp>(t, [](int64_t a, int64_t b) { return a >> std::min<uint64_t>(b, 63); });
  signedI<arith::DivSIOp>(t, divS);
  signedI<arith::RemSIOp>(t, remS);
  signedI<arith::FloorDivSIOp>(t, floorDivS);
  signedI<arith::CeilDivSIOp>(t, ceilDivS);
  signedI<arith::MaxSIOp>(t, [](int64_t a, int64_t b) { return std::max(a, b); });
  signedI<arith::MinSIOp>(t, [](int64_t a, int64_t b) { return std::min(a, b); });
  signedI<math::IPowIOp>(t, power);
  t[math::AbsIOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    return [=](ArrayRef<Scalar> x) {
      return integer(wrapTo(type, x[0].i < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x[0].i)) : x[0].i));
    };
  };
}

void addFloats(Table &t) {
  binaryF<arith::AddFOp>(t, [](double a, double b) { return a + b; });
  binaryF<arith::SubFOp>(t, [](double a, double b) { return a - b; });
  binaryF<arith::MulFOp>(t, [](double a, double b) { return a * b; });
  binaryF<arith::DivFOp>(t, [](double a, double b) { return a / b; });
  binaryF<arith::RemFOp>(t, [](double a, double b) { return std::fmod(a, b); });
  unaryF<arith::NegFOp>(t, [](double a) { return -a; });
  // maximumf and minimumf pass a NaN on; maxnumf and minnumf pass over it.
  binaryF<arith::MaximumFOp>(t, [](double a, double b) {
    return std::isnan(a) ? a : std::isnan(b) ? b : std::fmax(a, b);
  });
  binaryF<arith::MinimumFOp>(t, [](double a, double b) {
    return std::isnan(a) ? a : std::isnan(b) ? b : std::fmin(a, b);
  });
  binaryF<arith::MaxNumFOp>(t, [](double a, double b) { return std::fmax(a, b); });
  binaryF<arith::MinNumFOp>(t, [](double a, double b) { return std::fmin(a, b); });
  unaryF<math::AbsFOp>(t, std::fabs);
  unaryF<math::SqrtOp>(t, std::sqrt);
  unaryF<math::RsqrtOp>(t, [](double x) { return 1 / std::sqrt(x); });
  unaryF<math::CbrtOp>(t, std::cbrt);
  unaryF<math::ExpOp>(t, std::exp);
  unaryF<math::Exp2Op>(t, std::exp2);
  unaryF<math::ExpM1Op>(t, std::expm1);
  unaryF<math::LogOp>(t, std::log);
  unaryF<math::Log2Op>(t, std::log2);
  unaryF<math::Log10Op>(t, std::log10);
  unaryF<math::Log1pOp>(t, std::log1p);
  unaryF<math::SinOp>(t, std::sin);
  unaryF<math::CosOp>(t, std::cos);
  unaryF<math::TanOp>(t, std::tan);
  unaryF<math::AsinOp>(t, std::asin);
  unaryF<math::AcosOp>(t, std::acos);
  unaryF<math::AtanOp>(t, std::atan);
  unaryF<math::SinhOp>(t, std::sinh);
  unaryF<math::CoshOp>(t, std::cosh);
  unaryF<math::TanhOp>(t, std::tanh);
  unaryF<math::AsinhOp>(t, std::asinh);
  unaryF<math::AcoshOp>(t, std::acosh);
  unaryF<math::AtanhOp>(t, std::atanh);
  unaryF<math::ErfOp>(t, std::erf);
  unaryF<math::ErfcOp>(t, std::erfc);
  unaryF<math::CeilOp>(t, std::ceil);
  unaryF<math::FloorOp>(t, std::floor);
  unaryF<math::RoundOp>(t, std::round);
  unaryF<math::RoundEvenOp>(t, std::nearbyint);
  unaryF<math::TruncOp>(t, std::trunc);
  binaryF<math::Atan2Op>(t, std::atan2);
  binaryF<math::PowFOp>(t, std::pow);
  binaryF<math::CopySignOp>(t, std::copysign);
  testF<math::IsNaNOp>(t, [](double x) { return std::isnan(x); });
  testF<math::IsInfOp>(t, [](double x) { return std::isinf(x); });
  testF<math::IsFiniteOp>(t, [](double x) { return std::isfinite(x); });
  t[math::FmaOp::getOperationName()] = [](Operation *) -> ScalarFunction {
    return [](ArrayRef<Scalar> x) { return real(std::fma(x[0].f, x[1].f, x[2].f)); };
  };
  t[math::ClampFOp::getOperationName()] = [](Operation *) -> ScalarFunction {
    return [](ArrayRef<Scalar> x) { return real(std::fmin(std::fmax(x[0].f, x[1].f), x[2].f)); };
  };
  t[math::FPowIOp::getOperationName()] = [](Operation *) -> ScalarFunction {
    return [](ArrayRef<Scalar> x) { return real(std::pow(x[0].f, static_cast<double>(x[1].i))); };
  };
}

/// A float to the integer that lies towards zero; what does not fit saturates, NaN gives 0.
int64_t toInteger(double x, double low, double high) {
  if (std::isnan(x))
    return 0;
  if (x <= low)
    return static_cast<int64_t>(low);
  return x >= high ? static_cast<int64_t>(static_cast<uint64_t>(high) - 1) : static_cast<int64_t>(x);
}

void addCasts(Table &t) {
  auto same = [](Operation *) -> ScalarFunction { return [](ArrayRef<Scalar> x) { return x[0]; }; };
  t[arith::ExtFOp::getOperationName()] = same;
  t[arith::TruncFOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    return [=](ArrayRef<Scalar> x) { return real(roundTo(type, x[0].f)); };
  };
  auto resize = [](bool isSigned) {
    return [isSigned](Operation *op) -> ScalarFunction {
      Type type = elementType(op->getResult(0));
      unsigned width = widthOf(elementType(op->getOperand(0)));
      return [=](ArrayRef<Scalar> x) {
        return integer(
            wrapTo(type, isSigned ? asSigned(x[0].i, width) : static_cast<int64_t>(asUnsigned(x[0].i, width))));
      };
    };
  };
  t[arith::ExtSIOp::getOperationName()] = resize(true);
  t[arith::ExtUIOp::getOperationName()] = resize(false);
  t[arith::TruncIOp::getOperationName()] = resize(true);
  t[arith::IndexCastOp::getOperationName()] = resize(true);
  t[arith::IndexCastUIOp::getOperationName()] = resize(false);
  t[arith::SIToFPOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    unsigned width = widthOf(elementType(op->getOperand(0)));
    return [=](ArrayRef<Scalar> x) { return real(static_cast<double>(asSigned(x[0].i, width))); };
  };
  t[arith::UIToFPOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    unsigned width = widthOf(elementType(op->getOperand(0)));
    return [=](ArrayRef<Scalar> x) { return real(static_cast<double>(asUnsigned(x[0].i, width))); };
  };
  t[arith::FPToSIOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    double limit = std::ldexp(1.0, static_cast<int>(widthOf(type)) - 1);
    return [=](ArrayRef<Scalar> x) { return integer(wrapTo(type, toInteger(x[0].f, -limit, limit))); };
  };
  t[arith::FPToUIOp::getOperationName()] = [](Operation *op) -> ScalarFunction {
    Type type = elementType(op->getResult(0));
    double limit = std::ldexp(1.0, static_cast<int>(widthOf(type)));
    return [=](ArrayRef<Scalar> x) {
      // The upper half of u64 does not fit the conversion to a signed number.
      if (limit > 0x1p63 && x[0].f >= 0x1p63)
        return integer(x[0].f >= limit ? -1 : static_cast<int64_t>(static_cast<uint64_t>(x[0].f)));
      return integer(wrapTo(type, toInteger(x[0].f, 0, std::min(limit, 0x1p63))));
    };
  };
}

ScalarFunction compareIntegers(Operation *op) {
  arith::CmpIPredicate predicate = cast<arith::CmpIOp>(op).getPredicate();
  unsigned width = widthOf(elementType(op->getOperand(0)));
  return [=](ArrayRef<Scalar> x) {
    return integer(arith::applyCmpPredicate(predicate, llvm::APInt(width, asUnsigned(x[0].i, width)),
                                            llvm::APInt(width, asUnsigned(x[1].i, width))));
  };
}

ScalarFunction compareFloats(Operation *op) {
  arith::CmpFPredicate predicate = cast<arith::CmpFOp>(op).getPredicate();
  return [=](ArrayRef<Scalar> x) {
    return integer(arith::applyCmpPredicate(predicate, llvm::APFloat(x[0].f), llvm::APFloat(x[1].f)));
  };
}

const Table &table() {
  static const Table table = [] {
    Table t;
    addIntegers(t);
    addFloats(t);
    addCasts(t);
    t[arith::CmpIOp::getOperationName()] = compareIntegers;
    t[arith::CmpFOp::getOperationName()] = compareFloats;
    t[arith::SelectOp::getOperationName()] = [](Operation *) -> ScalarFunction {
      return [](ArrayRef<Scalar> x) { return x[0].i ? x[1] : x[2]; };
    };
    return t;
  }();
  return table;
}

} // namespace

ScalarFunction reference::scalarFunction(Operation *op) {
  auto it = table().find(op->getName().getStringRef());
  return it == table().end() ? ScalarFunction() : it->second(op);
}
