// RUN: hadron-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/has-silu.sh' | FileCheck %s

// What the script still calls interesting stays, everything else goes.

// CHECK: func.func @interesting
// CHECK: hadron.silu
// CHECK-NOT: @boring
func.func @boring(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = hadron.rms_norm %x {epsilon = 0.0 : f64} : tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func @interesting(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = hadron.silu %x : tensor<64xf32>
  return %0 : tensor<64xf32>
}
