// RUN: hadron-opt %s --hadron-erase-basis | FileCheck %s

#r = #hadron.rotation<[#hadron.signs<64, seed = 1, role = "input">, #hadron.wht<32>]>

// The module is no longer checked for the closed list, and functions say that their bases were.
// CHECK: module {
module attributes {hadron.checked} {
  // CHECK-LABEL: func.func @through_control_flow(
  // CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[C:.*]]: i1) -> tensor<?x64xf32> attributes {hadron.erased}
  func.func @through_control_flow(%x: tensor<?x64xf32>, %c: i1) -> tensor<?x64xf32> {
    // CHECK: %[[R:.*]] = hadron.fwht %[[X]] by #r : tensor<?x64xf32>
    %r = hadron.rotate %x : tensor<?x64xf32> -> !hadron.rotated<tensor<?x64xf32>, #r>
    // CHECK: scf.if %[[C]] -> (tensor<?x64xf32>)
    %y = scf.if %c -> !hadron.rotated<tensor<?x64xf32>, #r> {
      // CHECK: hadron.add %[[R]], %[[R]] : tensor<?x64xf32>
      %s = hadron.add %r, %r : !hadron.rotated<tensor<?x64xf32>, #r>
      scf.yield %s : !hadron.rotated<tensor<?x64xf32>, #r>
    } else {
      // CHECK: call @norm(%[[R]]) : (tensor<?x64xf32>) -> tensor<?x64xf32>
      %n = func.call @norm(%r) : (!hadron.rotated<tensor<?x64xf32>, #r>) -> !hadron.rotated<tensor<?x64xf32>, #r>
      scf.yield %n : !hadron.rotated<tensor<?x64xf32>, #r>
    }
    // CHECK: hadron.fwht %{{.*}} by #r {inverse} : tensor<?x64xf32>
    %z = hadron.unrotate %y : !hadron.rotated<tensor<?x64xf32>, #r> -> tensor<?x64xf32>
    return %z : tensor<?x64xf32>
  }
  // CHECK-LABEL: func.func @norm(
  // CHECK: hadron.rms_norm %{{.*}} : tensor<?x64xf32>
  func.func @norm(%x: !hadron.rotated<tensor<?x64xf32>, #r>) -> !hadron.rotated<tensor<?x64xf32>, #r> {
    %y = hadron.rms_norm %x {epsilon = 1.0e-5 : f64} : !hadron.rotated<tensor<?x64xf32>, #r>
    return %y : !hadron.rotated<tensor<?x64xf32>, #r>
  }
}
