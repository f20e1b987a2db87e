// RUN: hadron-opt %s --pass-pipeline='builtin.module(func.func(hadron-lower-attention))' | FileCheck %s

// Keys and values with the heads in front, past ++ present; the present outputs are these tensors.
// CHECK-LABEL: @with_past
// CHECK: %[[K:.*]] = tensor.concat dim(2) %{{.*}}, %{{.*}} : (tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32>) -> tensor<?x3x?x64xf32>
// CHECK: %[[V:.*]] = tensor.concat dim(2)
// CHECK: %[[T:.*]] = tensor.dim %[[K]], %{{.*}}
// CHECK: %[[Y:.*]] = hadron.attend %{{.*}}, %[[K]], %[[V]] total(%[[T]]) {causal, scale = 1.250000e-01 : f64}
// CHECK: return %[[Y]], %[[K]], %[[V]]
func.func @with_past(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %pk: tensor<?x3x?x64xf32>, %pv: tensor<?x3x?x64xf32>)
    -> (tensor<?x?x9x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32>) {
  %y, %nk, %nv = hadron.attention %q, %k, %v past(%pk, %pv : tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32>) {causal, scale = 0.125 : f64, resultSegmentSizes = array<i32: 1, 1, 1>}
      : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32>
  return %y, %nk, %nv : tensor<?x?x9x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32>
}
