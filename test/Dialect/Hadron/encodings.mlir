// RUN: hadron-opt %s | FileCheck %s

// Why a basis is a type of its own and no encoding of tensors (dialects/Hadron/README.md): upstream's operations accept a tensor
// with an encoding where one without is, and lose it, without a word.

#id = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: @lost
// CHECK: tensor.cast %{{.*}} : tensor<8x64xf32, "rotated"> to tensor<8x64xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<8x64xf32, "rotated">, tensor<8x64xf32>)
// CHECK: tensor.extract_slice %{{.*}} : tensor<8x64xf32, "rotated"> to tensor<4x64xf32>
// CHECK: tensor.collapse_shape %{{.*}} : tensor<8x64xf32, "rotated"> into tensor<512xf32>
// CHECK: tensor.concat {{.*}} : (tensor<8x64xf32, "rotated">, tensor<8x64xf32>) -> tensor<16x64xf32>
func.func @lost(%x: tensor<8x64xf32, "rotated">, %y: tensor<8x64xf32>) {
  %a = tensor.cast %x : tensor<8x64xf32, "rotated"> to tensor<8x64xf32>
  %e = tensor.empty() : tensor<8x64xf32>
  %b = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x64xf32, "rotated">, tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<8x64xf32>
  %c = tensor.extract_slice %x[0, 0] [4, 64] [1, 1] : tensor<8x64xf32, "rotated"> to tensor<4x64xf32>
  %d = tensor.collapse_shape %x [[0, 1]] : tensor<8x64xf32, "rotated"> into tensor<512xf32>
  %f = tensor.concat dim(0) %x, %y : (tensor<8x64xf32, "rotated">, tensor<8x64xf32>) -> tensor<16x64xf32>
  return
}
