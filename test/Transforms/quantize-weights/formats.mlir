// RUN: hadron-opt %s --hadron-quantize-weights="format=int4 keep=head=int8:row,table*=none" | FileCheck %s
// RUN: not hadron-opt %s --hadron-quantize-weights=format=int5 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not hadron-opt %s --hadron-quantize-weights=format=int4:g24 2>&1 | FileCheck %s --check-prefix=GROUP

// NAME: error: unknown weight format 'int5': no format of that name; formats: f32, f16, bf16, int2, int4, int8
// GROUP: error: unknown weight format 'int4:g24': 'g24' is no group of a multiple of 16 inputs

!w = !hadron.packed<64x32, #hadron.dense<f32>>

// CHECK: hadron.param @proj : !hadron.packed<64x32, #hadron.int<4, group = 32, sym, scale = f32>>
hadron.param @proj : !w {
  %0 = hadron.file_slice "m.weights"[0, 8192] : tensor<64x32xf32>
  // CHECK: hadron.quantize %{{.*}} -> !hadron.packed<64x32, #hadron.int<4, group = 32, sym, scale = f32>>
  %1 = hadron.quantize %0 : tensor<64x32xf32> -> !w
  hadron.yield %1 : !w
}
// CHECK: hadron.param @head : !hadron.packed<64x32, #hadron.int<8, group = 0, sym, scale = f32>>
hadron.param @head : !w {
  %0 = hadron.file_slice "m.weights"[8192, 8192] : tensor<64x32xf32>
  %1 = hadron.quantize %0 : tensor<64x32xf32> -> !w
  hadron.yield %1 : !w
}
// A table that only an embedding reads multiplies nothing.
// CHECK: hadron.param @lookup : !hadron.packed<64x32, #hadron.dense<f32>>
hadron.param @lookup : !w {
  %0 = hadron.file_slice "m.weights"[16384, 8192] : tensor<64x32xf32>
  %1 = hadron.quantize %0 : tensor<64x32xf32> -> !w
  hadron.yield %1 : !w
}
func.func @f(%ids: tensor<?xi64>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %t = hadron.param.get @lookup : !w
  %p = hadron.param.get @proj : !w
  %h = hadron.param.get @head : !w
  %x = hadron.embedding %ids, %t : tensor<?xi64>, !w -> tensor<?x64xf32>
  %a = hadron.matmul %x, %p : tensor<?x64xf32>, !w -> tensor<?x32xf32>
  %b = hadron.matmul %x, %h : tensor<?x64xf32>, !w -> tensor<?x32xf32>
  return %a, %b : tensor<?x32xf32>, tensor<?x32xf32>
}
