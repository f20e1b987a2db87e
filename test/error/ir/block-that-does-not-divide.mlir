// RUN: rm -rf %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t | FileCheck %s
// RUN: not ls %t

// CHECK: hadron: error: {{.*}}block-that-does-not-divide.mlir:{{[0-9]+}}:64: block 128 of #hadron.wht<128> does not divide the axis of size 64
// CHECK-NOT: error
#r = #hadron.rotation<[#hadron.signs<64, seed = 7, role = "input">, #hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.signs<64, seed = 8, role = "input">, #hadron.wht<64>]>
#t = #hadron.rotation<[#hadron.signs<64, seed = 7, role = "input">, #hadron.wht<128>]>
module {
  hadron.param @w : !hadron.packed<64x32, #hadron.dense<f32>, in = #r> {
    %0 = arith.constant dense<1.0> : tensor<64x32xf32>
    %1 = hadron.quantize %0 : tensor<64x32xf32> -> !hadron.packed<64x32, #hadron.dense<f32>, in = #r>
    hadron.yield %1 : !hadron.packed<64x32, #hadron.dense<f32>, in = #r>
  }
  func.func @main(%x: tensor<?x64xf32> {hadron.name = "x", hadron.shape = ["rows", "64"]}) -> (tensor<?x32xf32> {hadron.name = "y", hadron.shape = ["rows", "32"]}) attributes {hadron.entry} {
    %w = hadron.param.get @w : !hadron.packed<64x32, #hadron.dense<f32>, in = #r>
    %r = hadron.rotate %x : tensor<?x64xf32> -> !hadron.rotated<tensor<?x64xf32>, #t>
    %y = hadron.matmul %r, %w : !hadron.rotated<tensor<?x64xf32>, #t>, !hadron.packed<64x32, #hadron.dense<f32>, in = #r> -> tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}
