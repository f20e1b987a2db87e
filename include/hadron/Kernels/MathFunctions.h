// Elementary functions over scalars and 1-D vectors, built from arith operations: no libm call on any instruction set.
//
// All take and return f32 (scalar or vector); those marked [f64] also take f64. Accuracy over the whole f32 range,
// against the exact value: exp, log at most 2 ulp, gelu 5, the others 4; ±0, ±inf and NaN as in C's libm. Subnormal
// arguments are exact; results below 1e-38 (sigmoid, silu, gelu: 1e-36) may be flushed to zero. sin, cos, tan: |x| <=
// 1e8; beyond that the absolute error grows as |x| 2^-80, results stay in [-1, 1]. FMA is used only where the target
// has it, so bits differ between instruction sets, never between the lanes of a vector and a scalar.
#ifndef HADRON_KERNELS_MATHFUNCTIONS_H
#define HADRON_KERNELS_MATHFUNCTIONS_H

#include "hadron/Target/CPU.h"
#include "mlir/IR/Builders.h"

namespace hadron::kernels {

struct VectorMath {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  const cpu::Target &target;

  mlir::Value exp(mlir::Value x); // [f64]
  mlir::Value exp2(mlir::Value x);
  mlir::Value expm1(mlir::Value x);
  mlir::Value log(mlir::Value x); // [f64]
  mlir::Value log2(mlir::Value x);
  mlir::Value log10(mlir::Value x);
  mlir::Value log1p(mlir::Value x);
  mlir::Value pow(mlir::Value x, mlir::Value y);
  /// x to a known integer power, by multiplication; n < 0: the reciprocal of that.
  mlir::Value powi(mlir::Value x, int n); // [f64]
  mlir::Value sqrt(mlir::Value x);        // [f64]
  mlir::Value rsqrt(mlir::Value x);       // [f64]
  mlir::Value cbrt(mlir::Value x);

  mlir::Value sigmoid(mlir::Value x); // 1 / (1 + exp(-x))
  mlir::Value silu(mlir::Value x);    // x sigmoid(x); 0 at -inf
  mlir::Value tanh(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  mlir::Value erfc(mlir::Value x);
  mlir::Value gelu(mlir::Value x);     // x Φ(x), without cancellation for negative x
  mlir::Value geluTanh(mlir::Value x); // x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))

  mlir::Value sin(mlir::Value x); // [f64]
  mlir::Value cos(mlir::Value x); // [f64]
  mlir::Value tan(mlir::Value x);
  mlir::Value asin(mlir::Value x);
  mlir::Value acos(mlir::Value x);
  mlir::Value atan(mlir::Value x);
  mlir::Value atan2(mlir::Value y, mlir::Value x);
  mlir::Value sinh(mlir::Value x);
  mlir::Value cosh(mlir::Value x);
  mlir::Value asinh(mlir::Value x);
  mlir::Value acosh(mlir::Value x);
  mlir::Value atanh(mlir::Value x);

  mlir::Value abs(mlir::Value x);               // [f64]
  mlir::Value floor(mlir::Value x);             // [f64]
  mlir::Value ceil(mlir::Value x);              // [f64]
  mlir::Value trunc(mlir::Value x);             // [f64]
  mlir::Value roundEven(mlir::Value x);         // [f64] ties to even
  mlir::Value roundAwayFromZero(mlir::Value x); // [f64] ties away from zero
  /// a b + c: one rounding where the target has FMA, else two.
  mlir::Value mulAdd(mlir::Value a, mlir::Value b, mlir::Value c); // [f64]
  /// x - y trunc(x / y) exactly, as C's fmod.
  mlir::Value remainder(mlir::Value x, mlir::Value y); // [f64]
};

/// The value of `op`, one of the math dialect's operations (or arith.remf) on operands `operands` (f32, f64 or
/// integers, scalars or vectors); null, with an error on `op`, where there is no expansion. Several results: in
/// `results` order.
mlir::Value expandMath(mlir::OpBuilder &builder, mlir::Location loc, mlir::Operation *op, mlir::ValueRange operands,
                       const cpu::Target &target);

/// True if `expandMath` would expand `op` for element type `element` (of its first operand).
bool canExpandMath(mlir::Operation *op, mlir::Type element);

} // namespace hadron::kernels

#endif // HADRON_KERNELS_MATHFUNCTIONS_H
