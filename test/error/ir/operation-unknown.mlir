// RUN: rm -rf %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t | FileCheck %s
// RUN: not ls %t

// CHECK: hadron: error: {{.*}}operation-unknown.mlir:{{[0-9]+}}:10: custom op 'hadron.explode' is unknown
// CHECK-NOT: error
module {
  func.func @main(%x: tensor<4xf32> {hadron.name = "x", hadron.shape = ["4"]}) -> (tensor<4xf32> {hadron.name = "y", hadron.shape = ["4"]}) attributes {hadron.entry} {
    %y = hadron.explode %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}
