// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// param, yield, param.get, file_slice, symbol, launch; what is written on functions and their values.

// CHECK: module attributes {hadron.checked, hadron.library = "tiny"}
module attributes {hadron.checked, hadron.library = "tiny"} {
  // CHECK: hadron.param @gain : tensor<576xf32> {
  // CHECK-NEXT: %[[S:.*]] = hadron.file_slice "tiny.weights"[4096, 2304] : tensor<576xf32>
  // CHECK-NEXT: hadron.yield %[[S]] : tensor<576xf32>
  hadron.param @gain : tensor<576xf32> {
    %0 = hadron.file_slice "tiny.weights"[4096, 2304] : tensor<576xf32>
    hadron.yield %0 : tensor<576xf32>
  }
  // A shard: 4 rows of 8 bytes, 64 bytes apart. Small element types are bytes, sub-byte ones i8.
  // CHECK: hadron.file_slice "tiny.weights"[0, 32] {rows = 4 : i64, stride = 64 : i64} : tensor<4x2xf32>
  // CHECK: hadron.file_slice ""[9223372036854775807, 0] : tensor<0xi8>
  hadron.param @shard : tensor<4x2xf32> {
    %0 = hadron.file_slice "tiny.weights"[0, 32] {rows = 4 : i64, stride = 64 : i64} : tensor<4x2xf32>
    %1 = hadron.file_slice ""[9223372036854775807, 0] : tensor<0xi8>
    hadron.yield %0 : tensor<4x2xf32>
  }
  // CHECK: func.func private @k0(index, tensor<?x576xf32>) -> tensor<?x576xf32> attributes {hadron.kernel}
  func.func private @k0(index, tensor<?x576xf32>) -> tensor<?x576xf32> attributes {hadron.kernel}
  func.func private @write(!hadron.state<3x64xf32>) -> !hadron.state<3x64xf32> attributes {hadron.kernel}
  // CHECK-LABEL: func.func @main
  // CHECK-SAME: %{{.*}}: tensor<?x576xf32> {hadron.name = "x", hadron.shape = ["2*rows + 1", "576"]}
  // CHECK-SAME: %{{.*}}: !hadron.state<3x64xf32> {hadron.state = {past = "past.0"}}
  // CHECK-SAME: attributes {hadron.entry, hadron.erased}
  func.func @main(%x: tensor<?x576xf32> {hadron.name = "x", hadron.shape = ["2*rows + 1", "576"]}, %kv: !hadron.state<3x64xf32> {hadron.state = {past = "past.0"}})
      -> (tensor<?x576xf32> {hadron.name = "y", hadron.shape = ["2*rows + 1", "576"]}) attributes {hadron.entry, hadron.erased} {
    // CHECK: hadron.param.get @gain : tensor<576xf32>
    %g = hadron.param.get @gain : tensor<576xf32>
    // CHECK: hadron.symbol "rows" : index
    %rows = hadron.symbol "rows" : index
    // CHECK: hadron.launch @k0(%{{.*}}, %{{.*}}) : (index, tensor<?x576xf32>) -> tensor<?x576xf32>
    %y = hadron.launch @k0(%rows, %x) : (index, tensor<?x576xf32>) -> tensor<?x576xf32>
    // CHECK: hadron.launch @write(%{{.*}}) : (!hadron.state<3x64xf32>) -> !hadron.state<3x64xf32>
    %kv1 = hadron.launch @write(%kv) : (!hadron.state<3x64xf32>) -> !hadron.state<3x64xf32>
    return %y : tensor<?x576xf32>
  }
}
