// exp, log, sin and cos of f64 expressions, to a few ulp of f64: also the inside of f32 functions that need the
// precision.
#ifndef HADRON_LIB_KERNELS_DOUBLEFUNCTIONS_H
#define HADRON_LIB_KERNELS_DOUBLEFUNCTIONS_H

#include "Expression.h"

namespace hadron::kernels {

Expr expDouble(Expr x);
Expr logDouble(const Expr &x);
/// sin(x + shift π/2).
Expr sinDouble(const Expr &x, int shift);

} // namespace hadron::kernels

#endif // HADRON_LIB_KERNELS_DOUBLEFUNCTIONS_H
