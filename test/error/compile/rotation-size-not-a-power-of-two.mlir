// RUN: rm -rf %t && mkdir %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t/lib --weights int4 --rotation-size 24 | FileCheck %s
// RUN: not ls %t/lib

// CHECK: hadron: error: {{.*}}: the rotation size 24 is no power of two that divides the width 96; choose another --rotation-size
// CHECK-NOT: {{.}}

module {
  hadron.param @w : !hadron.packed<96x32, #hadron.dense<f32>> {
    %0 = arith.constant dense<1.0> : tensor<96x32xf32>
    %1 = hadron.quantize %0 : tensor<96x32xf32> -> !hadron.packed<96x32, #hadron.dense<f32>>
    hadron.yield %1 : !hadron.packed<96x32, #hadron.dense<f32>>
  }
  func.func @main(%x: tensor<?x96xf32> {hadron.name = "x", hadron.shape = ["rows", "96"]}) -> (tensor<?x32xf32> {hadron.name = "y", hadron.shape = ["rows", "32"]}) attributes {hadron.entry} {
    %w = hadron.param.get @w : !hadron.packed<96x32, #hadron.dense<f32>>
    %y = hadron.matmul %x, %w : tensor<?x96xf32>, !hadron.packed<96x32, #hadron.dense<f32>> -> tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}
