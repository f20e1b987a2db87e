// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// quantize, pack, dequantize, matmul, embedding.

#r = #hadron.rotation<[#hadron.wht<64>]>
#q = #hadron.int<4, group = 32, sym, scale = f32>
#d = #hadron.dense<f32>
!w = !hadron.packed<576x1536, #d>
!rw = !hadron.packed<576x1536, #q, in = #r, out = #r>
!rx = !hadron.rotated<tensor<?x576xf32>, #r>
!ry = !hadron.rotated<tensor<?x1536xf32>, #r>

// CHECK-LABEL: func.func @quantize
// CHECK: hadron.quantize %{{.*}} : tensor<576x1536xf32> -> !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>, in = #r{{.*}}, out = #r{{.*}}>
// CHECK: hadron.dequantize %{{.*}} : !hadron.packed<{{.*}}> -> tensor<576x1536xf16>
func.func @quantize(%w: tensor<576x1536xf32>) -> tensor<576x1536xf16> {
  %0 = hadron.quantize %w : tensor<576x1536xf32> -> !rw
  %1 = hadron.dequantize %0 : !rw -> tensor<576x1536xf16>
  return %1 : tensor<576x1536xf16>
}

// K = 40 with groups of 32: the second group is short, and its codes are there in full.
// CHECK-LABEL: func.func @pack
func.func @pack(%c: tensor<10x2x16xi8>, %s: tensor<10x2xf32>, %z: tensor<10x1xui8>, %c2: tensor<10x2x8xui8>, %f: tensor<10x2xf16>, %c8: tensor<10x40xi8>, %s8: tensor<10xf32>) {
  // CHECK: hadron.pack %{{.*}}, %{{.*}} : tensor<10x2x16xi8>, tensor<10x2xf32> -> !hadron.packed<40x10, #hadron.int<4, group = 32, sym, scale = f32>>
  %0 = hadron.pack %c, %s : tensor<10x2x16xi8>, tensor<10x2xf32> -> !hadron.packed<40x10, #q>
  // CHECK: hadron.pack %{{.*}}, %{{.*}}, %{{.*}} : tensor<10x2x16xi8>, tensor<10x2xf32>, tensor<10x1xui8> -> !hadron.packed<40x10, #hadron.int<4, group = 32, asym, scale = f32>>
  %1 = hadron.pack %c, %s, %z : tensor<10x2x16xi8>, tensor<10x2xf32>, tensor<10x1xui8> -> !hadron.packed<40x10, #hadron.int<4, group = 32, asym, scale = f32>>
  // CHECK: hadron.pack {{.*}} -> !hadron.packed<40x10, #hadron.int<2, group = 32, float_zero, scale = f16>>
  %2 = hadron.pack %c2, %f, %f : tensor<10x2x8xui8>, tensor<10x2xf16>, tensor<10x2xf16> -> !hadron.packed<40x10, #hadron.int<2, group = 32, float_zero, scale = f16>>
  // One group for the whole row.
  // CHECK: hadron.pack {{.*}} -> !hadron.packed<40x10, #hadron.int<8, group = 0, sym, scale = f32>>
  %3 = hadron.pack %c8, %s8 : tensor<10x40xi8>, tensor<10xf32> -> !hadron.packed<40x10, #hadron.int<8, group = 0, sym, scale = f32>>
  return
}

// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<?x576xf32>, %w: !w, %g: !w, %b: tensor<1536xf32>, %y: tensor<?x1536xf32>) {
  // CHECK: hadron.matmul %{{.*}}, %{{.*}} : tensor<?x576xf32>, !hadron.packed<576x1536, #hadron.dense<f32>> -> tensor<?x1536xf32>
  %0 = hadron.matmul %x, %w : tensor<?x576xf32>, !w -> tensor<?x1536xf32>
  // CHECK: hadron.matmul %{{.*}}, %{{.*}} terms(%{{.*}}, %{{.*}} : !hadron.packed<{{.*}}>, !hadron.packed<{{.*}}>) bias(%{{.*}} : tensor<1536xf32>) residual(%{{.*}} : tensor<?x1536xf32>)
  %1 = hadron.matmul %x, %w terms(%w, %g : !w, !w) bias(%b : tensor<1536xf32>) residual(%y : tensor<?x1536xf32>) : tensor<?x576xf32>, !w -> tensor<?x1536xf32>
  // CHECK: hadron.matmul %{{.*}}, %{{.*}} gate(%{{.*}} : !hadron.packed<{{.*}}>) {activation = 1 : i32}
  %2 = hadron.matmul %x, %w gate(%g : !w) {activation = 1 : i32} : tensor<?x576xf32>, !w -> tensor<?x1536xf32>
  return
}

// CHECK-LABEL: func.func @matmul_rotated
// CHECK: hadron.matmul %{{.*}}, %{{.*}} residual(%{{.*}} : !hadron.rotated<tensor<?x1536xf32>, #r{{.*}}>) : !hadron.rotated<tensor<?x576xf32>, #r{{.*}}>, !hadron.packed<{{.*}}> -> !hadron.rotated<tensor<?x1536xf32>, #r{{.*}}>
func.func @matmul_rotated(%x: !rx, %w: !rw, %y: !ry) -> !ry {
  %0 = hadron.matmul %x, %w residual(%y : !ry) : !rx, !rw -> !ry
  return %0 : !ry
}

// 40 inputs are rows of 64 codes.
// CHECK-LABEL: func.func @matmul_int8
// CHECK: hadron.matmul %{{.*}}, %{{.*}} scales(%{{.*}} : tensor<?x1xf32>) sums(%{{.*}} : tensor<?x2xi32>) {arithmetic = 1 : i32} : tensor<?x64xi8>, !hadron.packed<40x10, {{.*}}> -> tensor<?x10xf32>
func.func @matmul_int8(%q: tensor<?x64xi8>, %s: tensor<?x1xf32>, %u: tensor<?x2xi32>, %w: !hadron.packed<40x10, #q>) -> tensor<?x10xf32> {
  %0 = hadron.matmul %q, %w scales(%s : tensor<?x1xf32>) sums(%u : tensor<?x2xi32>) {arithmetic = 1 : i32} : tensor<?x64xi8>, !hadron.packed<40x10, #q> -> tensor<?x10xf32>
  return %0 : tensor<?x10xf32>
}

// Where bases have been checked and erased, the weight's own does not matter any more.
// CHECK-LABEL: func.func @matmul_erased
func.func @matmul_erased(%x: tensor<?x576xf32>, %w: !rw) -> tensor<?x1536xf32> attributes {hadron.erased} {
  // CHECK: hadron.matmul %{{.*}}, %{{.*}} : tensor<?x576xf32>, !hadron.packed<{{.*}}in = #r{{.*}}> -> tensor<?x1536xf32>
  %0 = hadron.matmul %x, %w : tensor<?x576xf32>, !rw -> tensor<?x1536xf32>
  return %0 : tensor<?x1536xf32>
}

// The rows of the table are in the basis of its inputs.
// CHECK-LABEL: func.func @embedding
// CHECK: hadron.embedding %{{.*}}, %{{.*}} : tensor<?x?xi64>, !hadron.packed<576x49152, #hadron.dense<f32>> -> tensor<?x?x576xf32>
// CHECK: hadron.embedding %{{.*}}, %{{.*}} : tensor<i32>, !hadron.packed<{{.*}}> -> !hadron.rotated<tensor<576xf32>, #r{{.*}}>
func.func @embedding(%i: tensor<?x?xi64>, %one: tensor<i32>, %t: !hadron.packed<576x49152, #d>, %rt: !hadron.packed<576x49152, #q, in = #r>) {
  %0 = hadron.embedding %i, %t : tensor<?x?xi64>, !hadron.packed<576x49152, #d> -> tensor<?x?x576xf32>
  %1 = hadron.embedding %one, %rt : tensor<i32>, !hadron.packed<576x49152, #q, in = #r> -> !hadron.rotated<tensor<576xf32>, #r>
  return
}
