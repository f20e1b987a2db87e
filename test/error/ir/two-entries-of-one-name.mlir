// RUN: rm -rf %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t | FileCheck %s
// RUN: not ls %t

// CHECK: hadron: error: {{.*}}two-entries-of-one-name.mlir:{{[0-9]+}}:3: redefinition of symbol named 'main'
// CHECK-NOT: error
module {
  func.func @main(%x: tensor<4xf32> {hadron.name = "x", hadron.shape = ["4"]}) -> (tensor<4xf32> {hadron.name = "y", hadron.shape = ["4"]}) attributes {hadron.entry} {
    return %x : tensor<4xf32>
  }
  func.func @main(%x: tensor<4xf32> {hadron.name = "x", hadron.shape = ["4"]}) -> (tensor<4xf32> {hadron.name = "y", hadron.shape = ["4"]}) attributes {hadron.entry} {
    return %x : tensor<4xf32>
  }
}
