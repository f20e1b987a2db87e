// RUN: hadron-opt %s --hadron-fold-norm-gains --split-input-file | FileCheck %s
// RUN: hadron-opt %s --hadron-fold-norm-gains --split-input-file --remarks-filter='hadron.*' --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!w = !hadron.packed<4x8, #hadron.dense<f32>>

// (N(x) g) W = N(x) (diag(g) W).
// REMARK: [Passed] GainFolded
// CHECK: hadron.param @w
// CHECK: %[[W:.*]] = hadron.file_slice "m.weights"[16, 128] : tensor<4x8xf32>
// CHECK: %[[G:.*]] = hadron.file_slice "m.weights"[0, 16] : tensor<4xf32>
// CHECK: %[[P:.*]] = linalg.generic {{.*}} ins(%[[W]], %[[G]] : tensor<4x8xf32>, tensor<4xf32>)
// CHECK: arith.mulf
// CHECK: hadron.quantize %[[P]]
hadron.param @g : tensor<4xf32> {
  %0 = hadron.file_slice "m.weights"[0, 16] : tensor<4xf32>
  hadron.yield %0 : tensor<4xf32>
}
hadron.param @w : !w {
  %0 = hadron.file_slice "m.weights"[16, 128] : tensor<4x8xf32>
  %1 = hadron.quantize %0 : tensor<4x8xf32> -> !w
  hadron.yield %1 : !w
}
// CHECK-LABEL: func.func @folded
// CHECK: hadron.rms_norm %{{.*}} {epsilon
func.func @folded(%x: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %g = hadron.param.get @g : tensor<4xf32>
  %w = hadron.param.get @w : !w
  %n = hadron.rms_norm %x gain(%g : tensor<4xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x4xf32>
  %y = hadron.matmul %n, %w : tensor<?x4xf32>, !w -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

!w = !hadron.packed<4x8, #hadron.dense<f32>>

// The head of a model is tied to its embedding: the gain stays.
// REMARK: [Missed] GainKept{{.*}}tied
hadron.param @g : tensor<4xf32> {
  %0 = hadron.file_slice "m.weights"[0, 16] : tensor<4xf32>
  hadron.yield %0 : tensor<4xf32>
}
hadron.param @w : !w {
  %0 = hadron.file_slice "m.weights"[16, 128] : tensor<4x8xf32>
  %1 = hadron.quantize %0 : tensor<4x8xf32> -> !w
  hadron.yield %1 : !w
}
// CHECK-LABEL: func.func @tied
// CHECK: hadron.rms_norm %{{.*}} gain(
func.func @tied(%ids: tensor<?xi64>) -> tensor<?x8xf32> {
  %g = hadron.param.get @g : tensor<4xf32>
  %w = hadron.param.get @w : !w
  %x = hadron.embedding %ids, %w : tensor<?xi64>, !w -> tensor<?x4xf32>
  %n = hadron.rms_norm %x gain(%g : tensor<4xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x4xf32>
  %y = hadron.matmul %n, %w : tensor<?x4xf32>, !w -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
