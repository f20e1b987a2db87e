// RUN: hadron-opt %s --split-input-file --hadron-raise | FileCheck %s
// Weights stay in their files: parameters are expressions over slices.

// A table and its transpose as a head are one parameter.
// CHECK: hadron.param @table : !hadron.packed<8x16, #hadron.dense<f32>>
// CHECK-NEXT: %[[W:.*]] = hadron.file_slice "m.weights"[64, 512] : tensor<16x8xf32>
// CHECK: linalg.transpose
// CHECK: hadron.quantize
// CHECK-NOT: hadron.param @
// CHECK: %[[T:.*]] = hadron.param.get @table
// CHECK: hadron.embedding %{{.*}}, %[[T]]
// CHECK: hadron.matmul %{{.*}}, %[[T]]
onnx.graph @main("ids" %ids: !onnx.tensor<s x i64>) -> ("logits")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, symbols = ["s"]} {
  %w = onnx.initializer "table" #onnx.file_slice<"m.weights", 64, 512> -> !onnx.tensor<16 x 8 x f32>
  %e = onnx.node "Gather" since 13 (%w, %ids) {axis = 0 : i64} outputs ["e"] : (!onnx.tensor<16 x 8 x f32>, !onnx.tensor<s x i64>) -> !onnx.tensor<s x 8 x f32>
  %t = onnx.node "Transpose" since 13 (%w) {perm = array<i64: 1, 0>} outputs ["t"] : (!onnx.tensor<16 x 8 x f32>) -> !onnx.tensor<8 x 16 x f32>
  %l = onnx.node "MatMul" since 13 (%e, %t) outputs ["logits"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<8 x 16 x f32>) -> !onnx.tensor<s x 16 x f32>
  onnx.return %l : !onnx.tensor<s x 16 x f32>
}

// -----

// The codes of MatMulNBits as they are, and its bias.
// CHECK: hadron.param @q : !hadron.packed<32x4, #hadron.int<4, group = 16, asym, scale = f32>>
// CHECK: %[[C:.*]] = hadron.file_slice "m.weights"[0, 64] : tensor<4x2x8xi8>
// CHECK: hadron.pack %[[C]], %{{.*}}, %{{.*}} : tensor<4x2x8xi8>, tensor<4x2xf32>, tensor<4x1xi8>
// CHECK: hadron.matmul %{{.*}}, %{{.*}} bias(
onnx.graph @main("x" %x: !onnx.tensor<s x 32 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64, com.microsoft = 1 : i64}, symbols = ["s"]} {
  %q = onnx.initializer "q" #onnx.file_slice<"m.weights", 0, 64> -> !onnx.tensor<4 x 2 x 8 x ui8>
  %s = onnx.initializer "s" #onnx.file_slice<"m.weights", 64, 32> -> !onnx.tensor<8 x f32>
  %z = onnx.initializer "z" #onnx.file_slice<"m.weights", 96, 4> -> !onnx.tensor<4 x ui8>
  %b = onnx.initializer "b" #onnx.file_slice<"m.weights", 100, 16> -> !onnx.tensor<4 x f32>
  %none = onnx.none
  %y = onnx.node "MatMulNBits" of "com.microsoft" since 1 (%x, %q, %s, %z, %none, %b) {K = 32 : i64, N = 4 : i64, bits = 4 : i64, block_size = 16 : i64} outputs ["y"]
     : (!onnx.tensor<s x 32 x f32>, !onnx.tensor<4 x 2 x 8 x ui8>, !onnx.tensor<8 x f32>, !onnx.tensor<4 x ui8>, none, !onnx.tensor<4 x f32>) -> !onnx.tensor<s x 4 x f32>
  onnx.return %y : !onnx.tensor<s x 4 x f32>
}

// -----

// Groups along K: codes of DequantizeLinear are packed, not multiplied out.
// CHECK: hadron.param @q : !hadron.packed<32x4, #hadron.int<4, group = 16, sym, scale = f32>>
// CHECK: hadron.pack
// CHECK-NOT: arith.mulf
// CHECK: hadron.matmul
onnx.graph @main("x" %x: !onnx.tensor<s x 32 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 21 : i64}, symbols = ["s"]} {
  %q = onnx.initializer "q" #onnx.file_slice<"m.weights", 0, 64> -> !onnx.tensor<32 x 4 x i4>
  %s = onnx.initializer "s" #onnx.file_slice<"m.weights", 64, 32> -> !onnx.tensor<2 x 4 x f32>
  %w = onnx.node "DequantizeLinear" since 21 (%q, %s) {axis = 0 : i64, block_size = 16 : i64} outputs ["w"] : (!onnx.tensor<32 x 4 x i4>, !onnx.tensor<2 x 4 x f32>) -> !onnx.tensor<32 x 4 x f32>
  %y = onnx.node "MatMul" since 13 (%x, %w) outputs ["y"] : (!onnx.tensor<s x 32 x f32>, !onnx.tensor<32 x 4 x f32>) -> !onnx.tensor<s x 4 x f32>
  onnx.return %y : !onnx.tensor<s x 4 x f32>
}
