// Arithmetic on MLIR values written as arithmetic: what the expansions of elementary functions are made of.
#ifndef HADRON_LIB_KERNELS_EXPRESSION_H
#define HADRON_LIB_KERNELS_EXPRESSION_H

#include "hadron/Kernels/MathFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"

namespace hadron::kernels {

/// The type of `like` with another element type.
inline mlir::Type withElement(mlir::Type like, mlir::Type element) {
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(like))
    return vector.clone(element);
  return element;
}

/// A float or integer value together with where to emit.
class Expr {
public:
  Expr(VectorMath &m, mlir::Value v) : m(&m), v(v) {}
  operator mlir::Value() const { return v; }
  mlir::Type type() const { return v.getType(); }
  bool isDouble() const { return mlir::getElementTypeOrSelf(v.getType()).isF64(); }

  /// The constant `value` of this type.
  Expr lit(double value) const {
    mlir::Type element = mlir::getElementTypeOrSelf(type());
    return constant(llvm::isa<mlir::FloatType>(element)
                        ? mlir::TypedAttr(mlir::FloatAttr::get(element, value))
                        : mlir::TypedAttr(mlir::IntegerAttr::get(element, static_cast<int64_t>(value))));
  }

  template <typename Op>
  Expr binary(const Expr &o) const {
    return {*m, Op::create(m->builder, m->loc, v, o.v)};
  }
  template <typename Op>
  Expr convert(mlir::Type element) const {
    return {*m, Op::create(m->builder, m->loc, withElement(type(), element), v)};
  }
  Expr compare(mlir::arith::CmpFPredicate predicate, const Expr &o) const {
    return {*m, mlir::arith::CmpFOp::create(m->builder, m->loc, predicate, v, o.v)};
  }
  Expr select(const Expr &yes, const Expr &no) const {
    return {*m, mlir::arith::SelectOp::create(m->builder, m->loc, v, yes.v, no.v)};
  }

  /// The bits as an integer of the same width, and back.
  Expr bits() const { return convert<mlir::arith::BitcastOp>(m->builder.getIntegerType(isDouble() ? 64 : 32)); }
  Expr asF32() const { return convert<mlir::arith::BitcastOp>(m->builder.getF32Type()); }
  Expr asF64() const { return convert<mlir::arith::BitcastOp>(m->builder.getF64Type()); }
  Expr toF32() const { return convert<mlir::arith::TruncFOp>(m->builder.getF32Type()); }
  Expr toF64() const { return convert<mlir::arith::ExtFOp>(m->builder.getF64Type()); }

  Expr abs() const { return {*m, mlir::LLVM::FAbsOp::create(m->builder, m->loc, v)}; }
  Expr copySign(const Expr &sign) const { return {*m, mlir::LLVM::CopySignOp::create(m->builder, m->loc, v, sign.v)}; }
  Expr sqrt() const { return {*m, mlir::LLVM::SqrtOp::create(m->builder, m->loc, v)}; }
  /// this * b + c, fused where the target fuses.
  Expr mulAdd(const Expr &b, const Expr &c) const { return {*m, m->mulAdd(v, b.v, c.v)}; }
  /// c0 + x c1 + x² c2 + … at x = this.
  Expr polynomial(llvm::ArrayRef<double> coefficients) const {
    Expr sum = lit(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back()))
      sum = sum.mulAdd(*this, lit(c));
    return sum;
  }
  Expr min(double bound) const { return (*this > lit(bound)).select(lit(bound), *this); } // NaN stays
  Expr max(double bound) const { return (*this < lit(bound)).select(lit(bound), *this); } // NaN stays

  Expr operator+(const Expr &o) const {
    return isInt() ? binary<mlir::arith::AddIOp>(o) : binary<mlir::arith::AddFOp>(o);
  }
  Expr operator-(const Expr &o) const {
    return isInt() ? binary<mlir::arith::SubIOp>(o) : binary<mlir::arith::SubFOp>(o);
  }
  Expr operator*(const Expr &o) const {
    return isInt() ? binary<mlir::arith::MulIOp>(o) : binary<mlir::arith::MulFOp>(o);
  }
  Expr operator/(const Expr &o) const { return binary<mlir::arith::DivFOp>(o); }
  Expr operator+(double c) const { return *this + lit(c); }
  Expr operator-(double c) const { return *this - lit(c); }
  Expr operator*(double c) const { return *this * lit(c); }
  Expr operator-() const { return {*m, mlir::arith::NegFOp::create(m->builder, m->loc, v)}; }
  Expr operator<<(int n) const { return binary<mlir::arith::ShLIOp>(lit(n)); }
  Expr operator>>(int n) const { return binary<mlir::arith::ShRSIOp>(lit(n)); }
  Expr operator&(const Expr &o) const { return binary<mlir::arith::AndIOp>(o); }
  Expr operator|(const Expr &o) const { return binary<mlir::arith::OrIOp>(o); }
  Expr operator^(const Expr &o) const { return binary<mlir::arith::XOrIOp>(o); }
  Expr operator<(const Expr &o) const { return compare(mlir::arith::CmpFPredicate::OLT, o); }
  Expr operator>(const Expr &o) const { return compare(mlir::arith::CmpFPredicate::OGT, o); }
  Expr operator==(const Expr &o) const { return compare(mlir::arith::CmpFPredicate::OEQ, o); }
  Expr operator<(double c) const { return *this < lit(c); }
  Expr operator>(double c) const { return *this > lit(c); }
  Expr operator==(double c) const { return *this == lit(c); }
  /// Of an integer: less than zero.
  Expr isNegative() const {
    return {*m, mlir::arith::CmpIOp::create(m->builder, m->loc, mlir::arith::CmpIPredicate::slt, v, lit(0))};
  }
  Expr isNaN() const { return compare(mlir::arith::CmpFPredicate::UNO, *this); }

private:
  bool isInt() const { return llvm::isa<mlir::IntegerType>(mlir::getElementTypeOrSelf(type())); }
  Expr constant(mlir::TypedAttr attr) const {
    if (auto vector = llvm::dyn_cast<mlir::VectorType>(type()))
      attr = mlir::DenseElementsAttr::get(vector, mlir::Attribute(attr));
    return {*m, mlir::arith::ConstantOp::create(m->builder, m->loc, attr)};
  }

  VectorMath *m;
  mlir::Value v;
};

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_EXPRESSION_H
