// RUN: hadron-opt %s --pass-pipeline='builtin.module(func.func(hadron-quantize-activations))' | FileCheck %s

!q = !hadron.packed<64x32, #hadron.int<4, group = 32, sym, scale = f32>>
!d = !hadron.packed<64x32, #hadron.dense<f32>>

// One rounding for both integer products; the dense one keeps f32.
// CHECK-LABEL: @shared
// CHECK: %[[C:.*]], %[[S:.*]], %[[G:.*]] = hadron.prologue %[[X:.*]] {arithmetic = 1 : i32, {{.*}}group = 32 : i64
// CHECK: hadron.matmul %[[C]], %{{.*}} scales(%[[S]] : tensor<?x1xf32>) sums(%[[G]] : tensor<?x2xi32>) {arithmetic = 1 : i32}
// CHECK: hadron.matmul %[[C]]
// CHECK: hadron.matmul %[[X]], %{{.*}} : tensor<?x64xf32>, !hadron.packed<64x32, #hadron.dense<f32>>
func.func @shared(%x: tensor<?x64xf32>, %a: !q, %b: !q, %c: !d) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = hadron.matmul %x, %a : tensor<?x64xf32>, !q -> tensor<?x32xf32>
  %1 = hadron.matmul %x, %b : tensor<?x64xf32>, !q -> tensor<?x32xf32>
  %2 = hadron.matmul %x, %c : tensor<?x64xf32>, !d -> tensor<?x32xf32>
  return %0, %1, %2 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
