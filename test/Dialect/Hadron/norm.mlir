// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// rms_norm, layer_norm, silu, prologue, rotary.

#r = #hadron.rotation<[#hadron.wht<64>]>

// CHECK-LABEL: func.func @rms_norm
// CHECK: hadron.rms_norm %{{.*}} gain(%{{.*}} : tensor<576xf32>) {epsilon = 1.000000e-05 : f64} : tensor<?x576xf32>
// Without a gain it commutes with the rotation.
// CHECK: hadron.rms_norm %{{.*}} {epsilon = 0.000000e+00 : f64} : !hadron.rotated<tensor<?x576xf32>, #r{{.*}}>
func.func @rms_norm(%x: tensor<?x576xf32>, %g: tensor<576xf32>, %y: !hadron.rotated<tensor<?x576xf32>, #r>) {
  %0 = hadron.rms_norm %x gain(%g : tensor<576xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
  %1 = hadron.rms_norm %y {epsilon = 0.0 : f64} : !hadron.rotated<tensor<?x576xf32>, #r>
  return
}

// CHECK-LABEL: func.func @layer_norm
// CHECK: hadron.layer_norm %{{.*}} gain(%{{.*}} : tensor<384xf32>) bias(%{{.*}} : tensor<384xf32>) {epsilon = {{.*}} : f64} : tensor<?x384xf32>
// CHECK: hadron.layer_norm %{{.*}} bias(%{{.*}} : tensor<384xf32>) {epsilon = {{.*}} : f64} : tensor<?x384xf32>
// CHECK: hadron.layer_norm %{{.*}} {epsilon = {{.*}} : f64} : tensor<384xf32>
func.func @layer_norm(%x: tensor<?x384xf32>, %g: tensor<384xf32>) {
  %0 = hadron.layer_norm %x gain(%g : tensor<384xf32>) bias(%g : tensor<384xf32>) {epsilon = 1.0e-12 : f64} : tensor<?x384xf32>
  %1 = hadron.layer_norm %x bias(%g : tensor<384xf32>) {epsilon = 1.0e-12 : f64} : tensor<?x384xf32>
  %2 = hadron.layer_norm %g {epsilon = 1.0e-12 : f64} : tensor<384xf32>
  return
}

// CHECK-LABEL: func.func @silu
// CHECK: hadron.silu %{{.*}} : tensor<?x1536xf32>
func.func @silu(%x: tensor<?x1536xf32>) -> tensor<?x1536xf32> {
  %0 = hadron.silu %x : tensor<?x1536xf32>
  return %0 : tensor<?x1536xf32>
}

// CHECK-LABEL: func.func @prologue
func.func @prologue(%x: tensor<?x576xf32>, %y: tensor<?x576xf32>, %g: tensor<576xf32>) {
  // Everything that there is: 18 groups of 32 inputs, one scale a group.
  // CHECK: hadron.prologue %{{.*}} residual(%{{.*}} : tensor<?x576xf32>) up(%{{.*}} : tensor<?x576xf32>) gain(%{{.*}} : tensor<576xf32>) bias(%{{.*}} : tensor<576xf32>) by #r{{[0-9]*}}
  // CHECK-SAME: -> tensor<?x576xf32>, tensor<?x576xf16>, tensor<?x576xi8>, tensor<?x18xf32>, tensor<?x18xi32>
  %sum, %out, %q, %s, %u = hadron.prologue %x residual(%y : tensor<?x576xf32>) up(%y : tensor<?x576xf32>) gain(%g : tensor<576xf32>) bias(%g : tensor<576xf32>) by #r
      {norm = 2 : i32, epsilon = 1.0e-5 : f64, arithmetic = 2 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
      : tensor<?x576xf32> -> tensor<?x576xf32>, tensor<?x576xf16>, tensor<?x576xi8>, tensor<?x18xf32>, tensor<?x18xi32>
  // Nothing of it.
  // CHECK: hadron.prologue %{{.*}} {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x576xf32> -> tensor<?x576xf32>
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x576xf32> -> tensor<?x576xf32>
  // The inverse rotation.
  // CHECK: hadron.prologue %{{.*}} by #r{{[0-9]*}} {inverse, {{.*}}} : tensor<?x576xf32> -> tensor<?x576xf32>
  %1 = hadron.prologue %x by #r {inverse, resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x576xf32> -> tensor<?x576xf32>
  return
}

// 40 inputs are rows of 64 codes; without groups the row is one.
// CHECK-LABEL: func.func @prologue_padded
// CHECK: -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi32>
func.func @prologue_padded(%x: tensor<?x40xf32>) {
  %q, %s, %u = hadron.prologue %x {arithmetic = 1 : i32, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi32>
  return
}

// CHECK-LABEL: func.func @rotary
// CHECK: hadron.rotary %{{.*}}, %{{.*}}, %{{.*}} positions(%{{.*}} : tensor<?x?xi64>) : tensor<?x?x9x64xf32>, tensor<8192x32xf32>
// CHECK: hadron.rotary %{{.*}}, %{{.*}}, %{{.*}} {heads_first, interleaved} : tensor<?x9x?x64xf32>, tensor<?x?x16xf32>
func.func @rotary(%x: tensor<?x?x9x64xf32>, %t: tensor<8192x32xf32>, %p: tensor<?x?xi64>, %y: tensor<?x9x?x64xf32>, %u: tensor<?x?x16xf32>) {
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi64>) : tensor<?x?x9x64xf32>, tensor<8192x32xf32>
  // The first 32 of 64 values are turned.
  %1 = hadron.rotary %y, %u, %u {interleaved, heads_first} : tensor<?x9x?x64xf32>, tensor<?x?x16xf32>
  return
}
