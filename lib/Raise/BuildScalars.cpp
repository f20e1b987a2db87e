// One element at a time: what the bodies of maps are made of.
#include "Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

TypedAttr raising::numberAttr(Type type, double number) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat value(number);
    bool lost;
    value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
    return FloatAttr::get(type, value);
  }
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  return IntegerAttr::get(type, APInt(64, static_cast<int64_t>(number), /*isSigned=*/true).sextOrTrunc(bits));
}

Value raising::number(OpBuilder &b, Location loc, Type type, double number) {
  return arith::ConstantOp::create(b, loc, numberAttr(type, number));
}

Value raising::index(OpBuilder &b, Location loc, int64_t number) {
  return arith::ConstantIndexOp::create(b, loc, number);
}

Value raising::castScalar(OpBuilder &b, Location loc, Value x, bool fromUnsigned, Type to, bool toUnsigned) {
  Type from = x.getType();
  if (from == to)
    return x;
  bool fromBool = from.isInteger(1);
  if (to.isInteger(1)) { // x != 0; a NaN is true
    Value zero = number(b, loc, from, 0);
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero);
  }
  auto toFloat = dyn_cast<FloatType>(to);
  if (auto fromFloat = dyn_cast<FloatType>(from)) {
    if (toFloat) {
      if (fromFloat.getWidth() < toFloat.getWidth())
        return arith::ExtFOp::create(b, loc, to, x);
      if (fromFloat.getWidth() > toFloat.getWidth())
        return arith::TruncFOp::create(b, loc, to, x);
      // f16 and bf16 meet in f32.
      return arith::TruncFOp::create(b, loc, to, arith::ExtFOp::create(b, loc, b.getF32Type(), x));
    }
    if (toUnsigned)
      return arith::FPToUIOp::create(b, loc, to, x);
    return arith::FPToSIOp::create(b, loc, to, x);
  }
  bool zeroExtend = fromUnsigned || fromBool;
  if (toFloat) {
    if (zeroExtend)
      return arith::UIToFPOp::create(b, loc, to, x);
    return arith::SIToFPOp::create(b, loc, to, x);
  }
  if (from.isIndex() || to.isIndex()) {
    if (to.isIndex() && zeroExtend)
      return arith::IndexCastUIOp::create(b, loc, to, x);
    return arith::IndexCastOp::create(b, loc, to, x);
  }
  unsigned fromBits = from.getIntOrFloatBitWidth(), toBits = to.getIntOrFloatBitWidth();
  if (toBits < fromBits)
    return arith::TruncIOp::create(b, loc, to, x);
  if (zeroExtend)
    return arith::ExtUIOp::create(b, loc, to, x);
  return arith::ExtSIOp::create(b, loc, to, x);
}

Value raising::clampedIndex(OpBuilder &b, Location loc, Value integer, bool isUnsigned, Value size) {
  Value position = castScalar(b, loc, integer, isUnsigned, b.getIndexType(), false);
  Value zero = index(b, loc, 0);
  if (!isUnsigned) {
    Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, position, zero);
    Value fromEnd = arith::AddIOp::create(b, loc, position, size);
    position = arith::SelectOp::create(b, loc, negative, fromEnd, position);
  }
  Value last = arith::SubIOp::create(b, loc, size, index(b, loc, 1));
  position = arith::MaxSIOp::create(b, loc, position, zero);
  return arith::MinSIOp::create(b, loc, position, last);
}

Value raising::add(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}

Value raising::mul(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}

Value raising::maximum(OpBuilder &b, Location loc, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return arith::MaximumFOp::create(b, loc, x, y);
  if (isUnsigned || x.getType().isInteger(1))
    return arith::MaxUIOp::create(b, loc, x, y);
  return arith::MaxSIOp::create(b, loc, x, y);
}

Value raising::minimum(OpBuilder &b, Location loc, Value x, Value y, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return arith::MinimumFOp::create(b, loc, x, y);
  if (isUnsigned || x.getType().isInteger(1))
    return arith::MinUIOp::create(b, loc, x, y);
  return arith::MinSIOp::create(b, loc, x, y);
}
