// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

#r = #hadron.rotation<[#hadron.signs<576, seed = 7, role = "input">, #hadron.wht<64>]>
#q = #hadron.int<4, group = 32, sym, scale = f32>

// CHECK: #[[R:.*]] = #hadron.rotation<[#hadron.signs<576, seed = 7, role = "input">, #hadron.wht<64>]>
module @block attributes {hadron.checked} {
  // CHECK: hadron.param @gain : tensor<576xf32> {
  hadron.param @gain : tensor<576xf32> {
    %0 = hadron.file_slice "block.weights"[0, 2304] : tensor<576xf32>
    hadron.yield %0 : tensor<576xf32>
  }
  hadron.param @up : !hadron.packed<576x1536, #q, in = #r> {
    %0 = hadron.file_slice "block.weights"[2304, 3538944] : tensor<576x1536xf32>
    %1 = hadron.quantize %0 : tensor<576x1536xf32> -> !hadron.packed<576x1536, #q, in = #r>
    hadron.yield %1 : !hadron.packed<576x1536, #q, in = #r>
  }
  hadron.param @down : !hadron.packed<1536x576, #hadron.dense<f32>> {
    %0 = hadron.file_slice "block.weights"[3541248, 3538944] : tensor<1536x576xf32>
    %1 = hadron.quantize %0 : tensor<1536x576xf32> -> !hadron.packed<1536x576, #hadron.dense<f32>>
    hadron.yield %1 : !hadron.packed<1536x576, #hadron.dense<f32>>
  }
  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<?x576xf32> {hadron.name = "x", hadron.shape = ["rows", "576"]}) -> (tensor<?x576xf32> {hadron.name = "y", hadron.shape = ["rows", "576"]}) attributes {hadron.entry} {
    %g = hadron.param.get @gain : tensor<576xf32>
    %up = hadron.param.get @up : !hadron.packed<576x1536, #q, in = #r>
    %down = hadron.param.get @down : !hadron.packed<1536x576, #hadron.dense<f32>>
    // CHECK: hadron.rms_norm %{{.*}} gain(%{{.*}} : tensor<576xf32>) {epsilon = 1.000000e-05 : f64} : tensor<?x576xf32>
    %0 = hadron.rms_norm %x gain(%g : tensor<576xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
    // CHECK: hadron.rotate %{{.*}} : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #[[R]]>
    %1 = hadron.rotate %0 : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #r>
    %2 = hadron.matmul %1, %up : !hadron.rotated<tensor<?x576xf32>, #r>, !hadron.packed<576x1536, #q, in = #r> -> tensor<?x1536xf32>
    %3 = hadron.silu %2 : tensor<?x1536xf32>
    %4 = hadron.matmul %3, %down residual(%x : tensor<?x576xf32>) : tensor<?x1536xf32>, !hadron.packed<1536x576, #hadron.dense<f32>> -> tensor<?x576xf32>
    return %4 : tensor<?x576xf32>
  }
}
