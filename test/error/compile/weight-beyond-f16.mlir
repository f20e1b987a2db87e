// RUN: rm -rf %t && mkdir %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t/lib --weights f16 | FileCheck %s
// RUN: not ls %t/lib

// CHECK: hadron: error: {{.*}}parameter 'w': hadron.quantize: output 0 has a weight that f16 cannot hold; take bf16
// CHECK-NOT: {{.}}

module {
  hadron.param @w : !hadron.packed<64x32, #hadron.dense<f32>> {
    %0 = arith.constant dense<65520.0> : tensor<64x32xf32>
    %1 = hadron.quantize %0 : tensor<64x32xf32> -> !hadron.packed<64x32, #hadron.dense<f32>>
    hadron.yield %1 : !hadron.packed<64x32, #hadron.dense<f32>>
  }
  func.func @main(%x: tensor<?x64xf32> {hadron.name = "x", hadron.shape = ["rows", "64"]}) -> (tensor<?x32xf32> {hadron.name = "y", hadron.shape = ["rows", "32"]}) attributes {hadron.entry} {
    %w = hadron.param.get @w : !hadron.packed<64x32, #hadron.dense<f32>>
    %y = hadron.matmul %x, %w : tensor<?x64xf32>, !hadron.packed<64x32, #hadron.dense<f32>> -> tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}
