// RUN: hadron-opt %s --hadron-quantize-activations | FileCheck %s
// RUN: hadron-opt %s --hadron-quantize-activations='packed=false' | FileCheck %s --check-prefix=OWN
// RUN: hadron-opt %s --hadron-quantize-activations='quantized=false' | FileCheck %s --check-prefix=GRAPH

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

hadron.param @own : !q {
  %w = hadron.file_slice "weights.bin"[0, 8192] : tensor<64x32xf32>
  %p = hadron.quantize %w : tensor<64x32xf32> -> !q
  hadron.yield %p : !q
}

// Weights of the graph alone, or those of Hadron alone. Where the two read one row in different arithmetic, the row stays.
// OWN-LABEL: @chosen
// OWN-SAME: %[[X:[a-z0-9]*]]: tensor<?x64xf32>
// OWN: hadron.prologue %[[X]]
// OWN: hadron.matmul %{{.*}}, %{{.*}} scales
// OWN: hadron.matmul %[[X]], %{{[a-z0-9]*}} : tensor<?x64xf32>
// GRAPH-LABEL: @chosen
// GRAPH-SAME: %[[X:[a-z0-9]*]]: tensor<?x64xf32>
// GRAPH: hadron.prologue %[[X]]
// GRAPH: hadron.matmul %[[X]], %{{[a-z0-9]*}} : tensor<?x64xf32>
// GRAPH: hadron.matmul %{{.*}}, %{{.*}} scales
func.func @chosen(%x: tensor<?x64xf32>, %graph: !q) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %own = hadron.param.get @own : !q
  %0 = hadron.matmul %x, %own : tensor<?x64xf32>, !q -> tensor<?x32xf32>
  %1 = hadron.matmul %x, %graph : tensor<?x64xf32>, !q -> tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}
