// RUN: hadron-opt --canonicalize --split-input-file %s | FileCheck %s

// Folders, one identity each.

#r = #hadron.rotation<[#hadron.signs<576, seed = 7, role = "input">, #hadron.wht<64>]>

// R^T (R x) = x.
// CHECK-LABEL: func.func @unrotate_rotate(%arg0
// CHECK-NEXT: return %arg0
func.func @unrotate_rotate(%x: tensor<?x576xf32>) -> tensor<?x576xf32> {
  %0 = hadron.rotate %x : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #r>
  %1 = hadron.unrotate %0 : !hadron.rotated<tensor<?x576xf32>, #r> -> tensor<?x576xf32>
  return %1 : tensor<?x576xf32>
}

// R (R^T y) = y.
// CHECK-LABEL: func.func @rotate_unrotate(%arg0
// CHECK-NEXT: return %arg0
func.func @rotate_unrotate(%y: !hadron.rotated<tensor<?x576xf32>, #r>) -> !hadron.rotated<tensor<?x576xf32>, #r> {
  %0 = hadron.unrotate %y : !hadron.rotated<tensor<?x576xf32>, #r> -> tensor<?x576xf32>
  %1 = hadron.rotate %0 : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #r>
  return %1 : !hadron.rotated<tensor<?x576xf32>, #r>
}

// From one basis into another: nothing cancels.
// CHECK-LABEL: func.func @other_basis
// CHECK: hadron.unrotate
// CHECK: hadron.rotate
func.func @other_basis(%y: !hadron.rotated<tensor<?x576xf32>, #r>) -> !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>> {
  %0 = hadron.unrotate %y : !hadron.rotated<tensor<?x576xf32>, #r> -> tensor<?x576xf32>
  %1 = hadron.rotate %0 : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>>
  return %1 : !hadron.rotated<tensor<?x576xf32>, #hadron.rotation<[#hadron.wht<64>]>>
}

// -----

#h = #hadron.rotation<[#hadron.hadamard<12, "paley1", 1>]>
#ht = #hadron.rotation<[#hadron.hadamard<12, "paley1", 1, transposed = true>]>

// 1 * I x = x.
// CHECK-LABEL: func.func @identity(%arg0
// CHECK-NEXT: return %arg0
func.func @identity(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = hadron.fwht %x by <[]> : tensor<?x12xf32>
  return %0 : tensor<?x12xf32>
}

// 2 * I x is not x.
// CHECK-LABEL: func.func @scaled_identity
// CHECK: hadron.fwht
func.func @scaled_identity(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = hadron.fwht %x by #hadron.rotation<[]> {scale = 2.0 : f64} : tensor<?x12xf32>
  return %0 : tensor<?x12xf32>
}

// (8 H) (1/8 H^T) x = x.
// CHECK-LABEL: func.func @inverse(%arg0
// CHECK-NEXT: return %arg0
func.func @inverse(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = hadron.fwht %x by #h {scale = 0.125 : f64, inverse} : tensor<?x12xf32>
  %1 = hadron.fwht %0 by #h {scale = 8.0 : f64} : tensor<?x12xf32>
  return %1 : tensor<?x12xf32>
}

// The same, the inverse written as the transposed matrix.
// CHECK-LABEL: func.func @transposed(%arg0
// CHECK-NEXT: return %arg0
func.func @transposed(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = hadron.fwht %x by #ht : tensor<?x12xf32>
  %1 = hadron.fwht %0 by #h : tensor<?x12xf32>
  return %1 : tensor<?x12xf32>
}

// H H is not I where H is not symmetric.
// CHECK-LABEL: func.func @not_symmetric
// CHECK-COUNT-2: hadron.fwht
func.func @not_symmetric(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %0 = hadron.fwht %x by #h : tensor<?x12xf32>
  %1 = hadron.fwht %0 by #h : tensor<?x12xf32>
  return %1 : tensor<?x12xf32>
}

// -----

// CHECK-LABEL: func.func @cast(%arg0
// CHECK-NEXT: return %arg0
func.func @cast(%x: tensor<?x576xf32>) -> tensor<?x576xf32> {
  %0 = hadron.cast %x : tensor<?x576xf32> -> tensor<?x576xf32>
  return %0 : tensor<?x576xf32>
}

// f32 -> f16 -> f32 rounds: it stays.
// CHECK-LABEL: func.func @rounding_cast
// CHECK-COUNT-2: hadron.cast
func.func @rounding_cast(%x: tensor<?x576xf32>) -> tensor<?x576xf32> {
  %0 = hadron.cast %x : tensor<?x576xf32> -> tensor<?x576xf16>
  %1 = hadron.cast %0 : tensor<?x576xf16> -> tensor<?x576xf32>
  return %1 : tensor<?x576xf32>
}

// -----

!kv = !hadron.state<3x64xf32>

// Pure operations without a use go; what writes a state stays.
// CHECK-LABEL: func.func @dead
// CHECK-NOT: hadron.matmul
// CHECK-NOT: hadron.state.length
// CHECK: hadron.append
// CHECK: hadron.launch
func.func private @k() attributes {hadron.kernel}
func.func @dead(%x: tensor<?x576xf32>, %w: !hadron.packed<576x16, #hadron.dense<f32>>, %k: tensor<?x?x3x64xf32>, %kv: !kv, %past: index) {
  %0 = hadron.matmul %x, %w : tensor<?x576xf32>, !hadron.packed<576x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  %1 = hadron.state.length %kv : !kv
  %2 = hadron.append %k, %kv at %past : tensor<?x?x3x64xf32>, !kv
  hadron.launch @k() : () -> ()
  return
}
