// RUN: rm -rf %t
// RUN: sh %S/../Inputs/exits 1 hadron compile %s -o %t | FileCheck %s
// RUN: not ls %t

// CHECK: hadron: error: {{.*}}no-entry.mlir:{{[0-9]+}}:1: there is no entry point: a function with the attribute hadron.entry
// CHECK-NOT: error
module {
}
