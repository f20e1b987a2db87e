// RUN: hadron-opt %s --pass-pipeline='builtin.module(func.func(hadron-fuse-prologue))' | FileCheck %s

#r = #hadron.rotation<[#hadron.wht<64>]>

// Residual, norm, gain, rotation and rounding in one pass over the row; the sum is kept, since it is returned.
// CHECK-LABEL: @everything
// CHECK-SAME: (%[[A:.*]]: tensor<?x576xf32>, %[[B:.*]]: tensor<?x576xf32>, %[[G:.*]]: tensor<576xf32>)
// CHECK-NEXT: %[[SUM:.*]], %[[Q:.*]], %{{.*}}, %{{.*}} = hadron.prologue %[[A]] residual(%[[B]] : tensor<?x576xf32>) gain(%[[G]] : tensor<576xf32>) by #r
// CHECK-SAME: norm = 1 : i32
// CHECK-NEXT: return %[[SUM]], %[[Q]]
func.func @everything(%a: tensor<?x576xf32>, %b: tensor<?x576xf32>, %g: tensor<576xf32>) -> (tensor<?x576xf32>, tensor<?x576xi8>) {
  %s = hadron.add %a, %b : tensor<?x576xf32>
  %n = hadron.rms_norm %s gain(%g : tensor<576xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
  %t = hadron.fwht %n by #r : tensor<?x576xf32>
  %q, %scales, %sums = hadron.prologue %t {arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x576xf32> -> tensor<?x576xi8>, tensor<?x1xf32>, tensor<?x18xi32>
  return %s, %q : tensor<?x576xf32>, tensor<?x576xi8>
}

// A row that somebody else reads stays a row of its own.
// CHECK-LABEL: @two_readers
// CHECK: %[[N:.*]] = hadron.prologue {{.*}} norm = 1 : i32
// CHECK: %[[T:.*]] = hadron.prologue %[[N]] by #r
// CHECK: return %[[N]], %[[T]]
func.func @two_readers(%a: tensor<?x576xf32>) -> (tensor<?x576xf32>, tensor<?x576xf32>) {
  %n = hadron.rms_norm %a {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
  %t = hadron.fwht %n by #r : tensor<?x576xf32>
  return %n, %t : tensor<?x576xf32>, tensor<?x576xf32>
}

// A sum that is read before the norm is not made by it.
// CHECK-LABEL: @sum_read_before
// CHECK: %[[S:.*]] = hadron.add
// CHECK: hadron.fwht %[[S]] by #r {scale = 2.000000e+00 : f64}
// CHECK: hadron.prologue %[[S]] {{.*}} norm = 1 : i32
func.func @sum_read_before(%a: tensor<?x576xf32>, %b: tensor<?x576xf32>) -> (tensor<?x576xf32>, tensor<?x576xf32>) {
  %s = hadron.add %a, %b : tensor<?x576xf32>
  %t = hadron.fwht %s by #r {scale = 2.0 : f64} : tensor<?x576xf32>
  %n = hadron.rms_norm %s {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
  return %t, %n : tensor<?x576xf32>, tensor<?x576xf32>
}
