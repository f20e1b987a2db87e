// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// attention, state.length, append, attend.

!kv = !hadron.state<3x64xf32>

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x32xf32>, %pk: tensor<?x3x?x64xf32>, %pv: tensor<?x3x?x32xf32>, %m: tensor<?x1x?x?xi1>, %l: tensor<?xi32>) {
  // Values may be of another size than keys: the result then is, too.
  // CHECK: hadron.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, {{.*}}scale = 1.250000e-01 : f64} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x32xf32> -> tensor<?x?x9x32xf32>
  %0 = hadron.attention %q, %k, %v {causal, scale = 0.125 : f64, resultSegmentSizes = array<i32: 1, 0, 0>}
      : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x32xf32> -> tensor<?x?x9x32xf32>
  // CHECK: hadron.attention %{{.*}}, %{{.*}}, %{{.*}} past(%{{.*}}, %{{.*}} : tensor<?x3x?x64xf32>, tensor<?x3x?x32xf32>) mask(%{{.*}} : tensor<?x1x?x?xi1>) lengths(%{{.*}} : tensor<?xi32>) {{.*}} -> tensor<?x?x9x32xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x32xf32>
  %1:3 = hadron.attention %q, %k, %v past(%pk, %pv : tensor<?x3x?x64xf32>, tensor<?x3x?x32xf32>) mask(%m : tensor<?x1x?x?xi1>) lengths(%l : tensor<?xi32>)
      {softcap = 30.0 : f64, window = 4095 : i64, resultSegmentSizes = array<i32: 1, 1, 1>}
      : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x32xf32> -> tensor<?x?x9x32xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x32xf32>
  return
}

// CHECK-LABEL: func.func @heads_first
// CHECK: hadron.attention {{.*}}heads_first{{.*}} : tensor<?x9x?x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32> -> tensor<?x9x?x64xf32>
func.func @heads_first(%q: tensor<?x9x?x64xf32>, %k: tensor<?x3x?x64xf32>) -> tensor<?x9x?x64xf32> {
  %0 = hadron.attention %q, %k, %k {heads_first, resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x9x?x64xf32>, tensor<?x3x?x64xf32>, tensor<?x3x?x64xf32> -> tensor<?x9x?x64xf32>
  return %0 : tensor<?x9x?x64xf32>
}

// CHECK-LABEL: func.func @states
func.func @states(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %kf: tensor<?x3x?x64xf32>, %keys: !kv, %values: !kv, %t: index, %m: tensor<?xf32>, %l: tensor<?xi32>) -> tensor<?x?x9x64xf32> {
  // CHECK: %[[PAST:.*]] = hadron.state.length %{{.*}} : !hadron.state<3x64xf32>
  %past = hadron.state.length %keys : !kv
  // CHECK: hadron.append %{{.*}}, %{{.*}} at %[[PAST]] : tensor<?x?x3x64xf32>, !hadron.state<3x64xf32>
  %keys1 = hadron.append %k, %keys at %past : tensor<?x?x3x64xf32>, !kv
  // CHECK: hadron.append %{{.*}}, %{{.*}} at %[[PAST]] {heads_first} : tensor<?x3x?x64xf32>, !hadron.state<3x64xf32>
  %values1 = hadron.append %kf, %values at %past {heads_first} : tensor<?x3x?x64xf32>, !kv
  // CHECK: hadron.attend %{{.*}}, %{{.*}}, %{{.*}} total(%{{.*}}) mask(%{{.*}} : tensor<?xf32>) lengths(%{{.*}} : tensor<?xi32>) {causal, scale = 1.250000e-01 : f64}
  // CHECK-SAME: : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x9x64xf32>
  %0 = hadron.attend %q, %keys1, %values1 total(%t) mask(%m : tensor<?xf32>) lengths(%l : tensor<?xi32>) {causal, scale = 0.125 : f64}
      : tensor<?x?x9x64xf32>, !kv, !kv -> tensor<?x?x9x64xf32>
  return %0 : tensor<?x?x9x64xf32>
}
