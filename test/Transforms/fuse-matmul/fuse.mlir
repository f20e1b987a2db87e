// RUN: hadron-opt %s --pass-pipeline='builtin.module(func.func(hadron-fuse-matmul))' | FileCheck %s

!w = !hadron.packed<64x96, #hadron.dense<f32>>
!d = !hadron.packed<96x64, #hadron.dense<f32>>
#id = affine_map<(i, j) -> (i, j)>

// silu(x G) * (x U), then the down projection with its residual: two products.
// CHECK-LABEL: @mlp
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[G:.*]]: !hadron.packed<{{.*}}>, %[[U:.*]]: !hadron.packed<{{.*}}>, %[[D:.*]]: !hadron.packed
// CHECK: %[[H:.*]] = hadron.matmul %[[X]], %[[U]] gate(%[[G]] : !hadron.packed<64x96, #hadron.dense<f32>>) {activation = 1 : i32}
// CHECK-NEXT: %[[Y:.*]] = hadron.matmul %[[H]], %[[D]] residual(%[[X]] : tensor<?x64xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @mlp(%x: tensor<?x64xf32>, %g: !w, %u: !w, %d: !d, %m: index) -> tensor<?x64xf32> {
  %a = hadron.matmul %x, %g : tensor<?x64xf32>, !w -> tensor<?x96xf32>
  %b = hadron.silu %a : tensor<?x96xf32>
  %c = hadron.matmul %x, %u : tensor<?x64xf32>, !w -> tensor<?x96xf32>
  %init = tensor.empty(%m) : tensor<?x96xf32>
  %h = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%c, %b : tensor<?x96xf32>, tensor<?x96xf32>) outs(%init : tensor<?x96xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %r = arith.mulf %p, %q : f32
    linalg.yield %r : f32
  } -> tensor<?x96xf32>
  %y = hadron.matmul %h, %d : tensor<?x96xf32>, !d -> tensor<?x64xf32>
  %z = hadron.add %x, %y : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// A product that is read twice keeps its value.
// CHECK-LABEL: @two_readers
// CHECK: hadron.matmul
// CHECK: hadron.silu
func.func @two_readers(%x: tensor<?x64xf32>, %g: !w) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
  %a = hadron.matmul %x, %g : tensor<?x64xf32>, !w -> tensor<?x96xf32>
  %b = hadron.silu %a : tensor<?x96xf32>
  return %a, %b : tensor<?x96xf32>, tensor<?x96xf32>
}
