// RUN: hadron-opt %s --hadron-outline-kernels | FileCheck %s

// A mask that is a constant is written to memory for the attention, which reads it there; the number of keys, a constant
// too, stays inside the kernel.
// CHECK-LABEL: func.func @main(
// CHECK: %[[MASK:.*]] = hadron.launch @k0() : () -> tensor<1x1x4x4xi1>
// CHECK: hadron.launch @k1(%{{.*}}, %{{.*}}, %{{.*}}, %[[MASK]]) : (tensor<1x4x2x16xf32>,
// CHECK: func.func private @k0() -> (tensor<1x1x4x4xi1> {{.*}})
// CHECK-NEXT: arith.constant dense<true>
// CHECK: func.func private @k1(
// CHECK: %[[T:.*]] = arith.constant 4 : index
// CHECK: hadron.attend %{{.*}}, %{{.*}}, %{{.*}} total(%[[T]])
func.func @main(%q: tensor<1x4x2x16xf32> {hadron.name = "q"}, %k: tensor<1x2x4x16xf32> {hadron.name = "k"}, %v: tensor<1x2x4x16xf32> {hadron.name = "v"})
    -> (tensor<1x4x2x16xf32> {hadron.name = "y"}) attributes {hadron.entry} {
  %total = arith.constant 4 : index
  %mask = arith.constant dense<true> : tensor<1x1x4x4xi1>
  %y = hadron.attend %q, %k, %v total(%total) mask(%mask : tensor<1x1x4x4xi1>) : tensor<1x4x2x16xf32>, tensor<1x2x4x16xf32>, tensor<1x2x4x16xf32> -> tensor<1x4x2x16xf32>
  return %y : tensor<1x4x2x16xf32>
}
