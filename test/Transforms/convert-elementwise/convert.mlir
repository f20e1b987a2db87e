// RUN: hadron-opt %s --pass-pipeline='builtin.module(func.func(hadron-convert-elementwise,canonicalize))' | FileCheck %s

// Three elementwise operations are one loop.
// CHECK-LABEL: @joined
// CHECK-COUNT-1: linalg.generic
// CHECK: math.exp
// CHECK: arith.addf
// CHECK: arith.truncf
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @joined(%x: tensor<?x96xf32>, %y: tensor<?x96xf32>) -> tensor<?x96xf16> {
  %a = hadron.silu %x : tensor<?x96xf32>
  %b = hadron.add %a, %y : tensor<?x96xf32>
  %c = hadron.cast %b : tensor<?x96xf32> -> tensor<?x96xf16>
  return %c : tensor<?x96xf16>
}
