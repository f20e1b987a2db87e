// RUN: rm -rf %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t | FileCheck %s
// RUN: not ls %t

// CHECK: hadron: error: {{.*}}size-that-nothing-binds.mlir:{{[0-9]+}}:3: no input's dimension gives the symbol 'n' of dimension 0 of input 'x'
// CHECK-NOT: error
module {
  func.func @main(%x: tensor<?x4xf32> {hadron.name = "x", hadron.shape = ["2*n", "4"]}) -> (tensor<?x4xf32> {hadron.name = "y", hadron.shape = ["2*n", "4"]}) attributes {hadron.entry} {
    %y = hadron.silu %x : tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}
