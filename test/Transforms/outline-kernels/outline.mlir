// RUN: hadron-opt %s --hadron-outline-kernels | FileCheck %s

!w = !hadron.packed<64x64, #hadron.dense<f32>>

hadron.param @a : !w {
  %0 = hadron.file_slice "m.weights"[0, 16384] : tensor<64x64xf32>
  %1 = hadron.quantize %0 : tensor<64x64xf32> -> !w
  hadron.yield %1 : !w
}
hadron.param @b : !w {
  %0 = hadron.file_slice "m.weights"[16384, 16384] : tensor<64x64xf32>
  %1 = hadron.quantize %0 : tensor<64x64xf32> -> !w
  hadron.yield %1 : !w
}

// Two layers, one kernel; the size of the collapsed rows is a product of symbols.
// CHECK-LABEL: func.func @main(
// CHECK-DAG: %[[B:.*]] = hadron.symbol "batch" : index
// CHECK-DAG: %[[S:.*]] = hadron.symbol "seq" : index
// CHECK: %[[BS:.*]] = arith.muli %[[B]], %[[S]] : index
// CHECK: %[[X:.*]] = tensor.collapse_shape
// CHECK: %[[Y:.*]] = hadron.launch @k0(%[[BS]], %[[X]], %{{.*}}) : (index, tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>>) -> tensor<?x64xf32>
// CHECK: hadron.launch @k0(%[[BS]], %[[Y]], %{{.*}})
// CHECK-NOT: tensor.dim
// CHECK: return
func.func @main(%x: tensor<?x?x64xf32> {hadron.name = "x", hadron.shape = ["batch", "seq", "64"]}) -> (tensor<?x64xf32> {hadron.name = "y", hadron.shape = ["batch*seq", "64"]}) attributes {hadron.entry} {
  %a = hadron.param.get @a : !w
  %b = hadron.param.get @b : !w
  %0 = tensor.collapse_shape %x [[0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
  %1 = hadron.matmul %0, %a : tensor<?x64xf32>, !w -> tensor<?x64xf32>
  %2 = hadron.matmul %1, %b : tensor<?x64xf32>, !w -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// CHECK: func.func private @k0(%[[M:.*]]: index, %[[KX:.*]]: tensor<?x64xf32> {hadron.shape = ["s0", "64"]}, %[[KW:.*]]: !hadron.packed
// CHECK-SAME: -> (tensor<?x64xf32> {hadron.shape = ["s0", "64"]}) attributes {{{.*}}hadron.kernel}
// CHECK-NEXT: hadron.matmul %[[KX]], %[[KW]]
// CHECK-NOT: func.func private @k1
