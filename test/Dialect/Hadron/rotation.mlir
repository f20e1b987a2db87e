// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// rotate, unrotate, fwht, add, cast.

#r = #hadron.rotation<[#hadron.signs<576, seed = 7, role = "input">, #hadron.wht<64>]>
#heads = #hadron.rotation<[#hadron.hadamard<12, "paley1", 16>], span = 2>

// CHECK-LABEL: func.func @rotate
// CHECK: %[[Y:.*]] = hadron.rotate %{{.*}} : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #r{{.*}}>
// CHECK: hadron.unrotate %[[Y]] : !hadron.rotated<tensor<?x576xf32>, #r{{.*}}> -> tensor<?x576xf32>
func.func @rotate(%x: tensor<?x576xf32>) -> tensor<?x576xf32> {
  %0 = hadron.rotate %x : tensor<?x576xf32> -> !hadron.rotated<tensor<?x576xf32>, #r>
  %1 = hadron.unrotate %0 : !hadron.rotated<tensor<?x576xf32>, #r> -> tensor<?x576xf32>
  return %1 : tensor<?x576xf32>
}

// CHECK-LABEL: func.func @rotate_heads
// CHECK: hadron.rotate %{{.*}} : tensor<?x3x64xf16> -> !hadron.rotated<tensor<?x3x64xf16>, #r{{.*}}>
func.func @rotate_heads(%x: tensor<?x3x64xf16>) -> !hadron.rotated<tensor<?x3x64xf16>, #heads> {
  %0 = hadron.rotate %x : tensor<?x3x64xf16> -> !hadron.rotated<tensor<?x3x64xf16>, #heads>
  return %0 : !hadron.rotated<tensor<?x3x64xf16>, #heads>
}

// CHECK-LABEL: func.func @fwht
// CHECK: hadron.fwht %{{.*}} by #r{{.*}} : tensor<?x576xf32>
// CHECK: hadron.fwht %{{.*}} by #r{{.*}} {inverse, scale = 8.000000e+00 : f64} : tensor<?x576xf32>
func.func @fwht(%x: tensor<?x576xf32>) -> tensor<?x576xf32> {
  %0 = hadron.fwht %x by <[#hadron.wht<64>]> : tensor<?x576xf32>
  %1 = hadron.fwht %0 by #hadron.rotation<[#hadron.wht<64>]> {scale = 8.0 : f64, inverse} : tensor<?x576xf32>
  return %1 : tensor<?x576xf32>
}

// CHECK-LABEL: func.func @add
// CHECK: hadron.add %{{.*}}, %{{.*}} : tensor<?x576xf32>
// CHECK: hadron.add %{{.*}}, %{{.*}} : !hadron.rotated<tensor<?x576xf32>, #r{{.*}}>
func.func @add(%x: tensor<?x576xf32>, %y: !hadron.rotated<tensor<?x576xf32>, #r>) {
  %0 = hadron.add %x, %x : tensor<?x576xf32>
  %1 = hadron.add %y, %y : !hadron.rotated<tensor<?x576xf32>, #r>
  return
}

// CHECK-LABEL: func.func @cast
// CHECK: hadron.cast %{{.*}} : tensor<?x576xf32> -> tensor<?x576xf16>
// CHECK: hadron.cast %{{.*}} : !hadron.rotated<tensor<?x576xf32>, #r{{.*}}> -> !hadron.rotated<tensor<?x576xbf16>, #r{{.*}}>
func.func @cast(%x: tensor<?x576xf32>, %y: !hadron.rotated<tensor<?x576xf32>, #r>) {
  %0 = hadron.cast %x : tensor<?x576xf32> -> tensor<?x576xf16>
  %1 = hadron.cast %y : !hadron.rotated<tensor<?x576xf32>, #r> -> !hadron.rotated<tensor<?x576xbf16>, #r>
  return
}

// What passes a rotated value on without looking at it: calls, control flow, select.
// CHECK-LABEL: func.func @passed_on
func.func @passed_on(%c: i1, %n: index, %x: tensor<8x576xf32>, %y: !hadron.rotated<tensor<8x576xf32>, #r>) -> !hadron.rotated<tensor<8x576xf32>, #r> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %0 = hadron.rotate %x : tensor<8x576xf32> -> !hadron.rotated<tensor<8x576xf32>, #r>
  // CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : !hadron.rotated<
  %1 = arith.select %c, %0, %y : !hadron.rotated<tensor<8x576xf32>, #r>
  // CHECK: scf.if %{{.*}} -> (!hadron.rotated<
  %2 = scf.if %c -> !hadron.rotated<tensor<8x576xf32>, #r> {
    %3 = hadron.add %0, %1 : !hadron.rotated<tensor<8x576xf32>, #r>
    scf.yield %3 : !hadron.rotated<tensor<8x576xf32>, #r>
  } else {
    scf.yield %0 : !hadron.rotated<tensor<8x576xf32>, #r>
  }
  // CHECK: scf.for
  %4 = scf.for %i = %zero to %n step %one iter_args(%acc = %2) -> !hadron.rotated<tensor<8x576xf32>, #r> {
    %5 = hadron.add %acc, %y : !hadron.rotated<tensor<8x576xf32>, #r>
    scf.yield %5 : !hadron.rotated<tensor<8x576xf32>, #r>
  }
  // CHECK: call @passed_on
  %6 = func.call @passed_on(%c, %n, %x, %4) : (i1, index, tensor<8x576xf32>, !hadron.rotated<tensor<8x576xf32>, #r>) -> !hadron.rotated<tensor<8x576xf32>, #r>
  return %6 : !hadron.rotated<tensor<8x576xf32>, #r>
}
