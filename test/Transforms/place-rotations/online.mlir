// RUN: hadron-opt %s --hadron-place-rotations=seed=5 --split-input-file | FileCheck %s
// RUN: not hadron-opt %s --hadron-place-rotations=size=128 --split-input-file 2>&1 | FileCheck %s --check-prefix=SIZE

!w = !hadron.packed<576x64, #hadron.dense<f32>>

// CHECK-DAG: #[[R:.*]] = #hadron.rotation<[#hadron.signs<576, seed = 5, role = "input">, #hadron.wht<64>]>
// CHECK: hadron.param @q : !hadron.packed<576x64, #hadron.dense<f32>, in = #[[R]]>
hadron.param @q : !w {
  %0 = hadron.file_slice "m.weights"[0, 147456] : tensor<576x64xf32>
  %1 = hadron.quantize %0 : tensor<576x64xf32> -> !w
  hadron.yield %1 : !w
}
hadron.param @k : !w {
  %0 = hadron.file_slice "m.weights"[147456, 147456] : tensor<576x64xf32>
  %1 = hadron.quantize %0 : tensor<576x64xf32> -> !w
  hadron.yield %1 : !w
}
// One rotation for two products of the same value.
// CHECK-LABEL: func.func @shared
// CHECK-COUNT-1: hadron.rotate
// CHECK-NOT: hadron.rotate %
// CHECK: return
// SIZE: error: the rotation size 128 is no power of two that divides the width 576; choose another --rotation-size
func.func @shared(%x: tensor<?x576xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %q = hadron.param.get @q : !w
  %k = hadron.param.get @k : !w
  %a = hadron.matmul %x, %q : tensor<?x576xf32>, !w -> tensor<?x64xf32>
  %b = hadron.matmul %x, %k : tensor<?x576xf32>, !w -> tensor<?x64xf32>
  return %a, %b : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

!w = !hadron.packed<64x32, #hadron.dense<f32>>

hadron.param @table : !w {
  %0 = hadron.file_slice "m.weights"[0, 8192] : tensor<64x32xf32>
  %1 = hadron.quantize %0 : tensor<64x32xf32> -> !w
  hadron.yield %1 : !w
}
// A tied table: the looked-up row comes back into the standard basis.
// CHECK-LABEL: func.func @tied
// CHECK: %[[E:.*]] = hadron.embedding {{.*}} -> !hadron.rotated<tensor<?x64xf32>, #[[T:.*]]>
// CHECK: %[[X:.*]] = hadron.unrotate %[[E]]
// CHECK: hadron.rotate
func.func @tied(%ids: tensor<?xi64>) -> tensor<?x32xf32> {
  %w = hadron.param.get @table : !w
  %x = hadron.embedding %ids, %w : tensor<?xi64>, !w -> tensor<?x64xf32>
  %n = hadron.rms_norm %x {epsilon = 1.0e-5 : f64} : tensor<?x64xf32>
  %y = hadron.matmul %n, %w : tensor<?x64xf32>, !w -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
