// RUN: hadron-opt %s --split-input-file --hadron-raise | FileCheck %s
// Norms are found by what they compute: x * (1 / sqrt(mean(x^2) + eps)) * g, factors in any order, with casts around.

// CHECK-LABEL: func.func @main
// CHECK: %[[G:.*]] = hadron.param.get @g
// CHECK: hadron.rms_norm %{{.*}} gain(%[[G]] : tensor<8xf16>) {epsilon = {{9.9.*E-6}} : f64} : tensor<?x8xf16>
// CHECK-NEXT: return
onnx.graph @main("x" %x: !onnx.tensor<s x 8 x f16>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 18 : i64}, symbols = ["s"]} {
  %g = onnx.initializer "g" #onnx.file_slice<"m.weights", 0, 16> -> !onnx.tensor<8 x f16>
  %two = onnx.initializer "two" dense<2.0> : tensor<f32> -> !onnx.tensor<f32>
  %eps = onnx.initializer "eps" dense<9.99999974E-6> : tensor<f32> -> !onnx.tensor<f32>
  %axes = onnx.initializer "axes" dense<-1> : tensor<1xi64> -> !onnx.tensor<1 x i64>
  %w = onnx.node "Cast" since 13 (%x) {to = 1 : i64} outputs ["w"] : (!onnx.tensor<s x 8 x f16>) -> !onnx.tensor<s x 8 x f32>
  %p = onnx.node "Pow" since 15 (%w, %two) outputs ["p"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<f32>) -> !onnx.tensor<s x 8 x f32>
  %m = onnx.node "ReduceMean" since 18 (%p, %axes) {keepdims = 1 : i64} outputs ["m"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<1 x i64>) -> !onnx.tensor<s x 1 x f32>
  %a = onnx.node "Add" since 14 (%eps, %m) outputs ["a"] : (!onnx.tensor<f32>, !onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 1 x f32>
  %r = onnx.node "Sqrt" since 13 (%a) outputs ["r"] : (!onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 1 x f32>
  %i = onnx.node "Reciprocal" since 13 (%r) outputs ["i"] : (!onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 1 x f32>
  %n = onnx.node "Mul" since 14 (%i, %w) outputs ["n"] : (!onnx.tensor<s x 1 x f32>, !onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 8 x f32>
  %h = onnx.node "Cast" since 13 (%n) {to = 10 : i64} outputs ["h"] : (!onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 8 x f16>
  %y = onnx.node "Mul" since 14 (%g, %h) outputs ["y"] : (!onnx.tensor<8 x f16>, !onnx.tensor<s x 8 x f16>) -> !onnx.tensor<s x 8 x f16>
  onnx.return %y : !onnx.tensor<s x 8 x f16>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: hadron.layer_norm %{{.*}} gain(%{{.*}}) bias(
// CHECK-NEXT: return
onnx.graph @main("x" %x: !onnx.tensor<s x 8 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 17 : i64}, symbols = ["s"]} {
  %g = onnx.initializer "g" #onnx.file_slice<"m.weights", 0, 32> -> !onnx.tensor<8 x f32>
  %b = onnx.initializer "b" #onnx.file_slice<"m.weights", 32, 32> -> !onnx.tensor<8 x f32>
  %eps = onnx.initializer "eps" dense<1.0E-5> : tensor<f32> -> !onnx.tensor<f32>
  %m = onnx.node "ReduceMean" since 13 (%x) {axes = array<i64: -1>} outputs ["m"] : (!onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 1 x f32>
  %d = onnx.node "Sub" since 14 (%x, %m) outputs ["d"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 8 x f32>
  %p = onnx.node "Mul" since 14 (%d, %d) outputs ["p"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 8 x f32>
  %v = onnx.node "ReduceMean" since 13 (%p) {axes = array<i64: -1>} outputs ["v"] : (!onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 1 x f32>
  %a = onnx.node "Add" since 14 (%v, %eps) outputs ["a"] : (!onnx.tensor<s x 1 x f32>, !onnx.tensor<f32>) -> !onnx.tensor<s x 1 x f32>
  %r = onnx.node "Sqrt" since 13 (%a) outputs ["r"] : (!onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 1 x f32>
  %n = onnx.node "Div" since 14 (%d, %r) outputs ["n"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 1 x f32>) -> !onnx.tensor<s x 8 x f32>
  %h = onnx.node "Mul" since 14 (%n, %g) outputs ["h"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<8 x f32>) -> !onnx.tensor<s x 8 x f32>
  %y = onnx.node "Add" since 14 (%h, %b) outputs ["y"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<8 x f32>) -> !onnx.tensor<s x 8 x f32>
  onnx.return %y : !onnx.tensor<s x 8 x f32>
}

// -----

// All four outputs of SkipSimplifiedLayerNormalization; x * sigmoid(x).
// CHECK-LABEL: func.func @main
// CHECK: %[[S:.*]] = hadron.add %arg0, %arg1
// CHECK: %[[N:.*]] = hadron.rms_norm %[[S]] gain(
// CHECK: %[[A:.*]] = hadron.silu %[[N]]
// CHECK-NEXT: return %[[A]], %[[S]]
onnx.graph @main("x" %x: !onnx.tensor<s x 8 x f32>, "r" %r: !onnx.tensor<s x 8 x f32>) -> ("y", "sum")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64, com.microsoft = 1 : i64}, symbols = ["s"]} {
  %g = onnx.initializer "g" #onnx.file_slice<"m.weights", 0, 32> -> !onnx.tensor<8 x f32>
  %n:4 = onnx.node "SkipSimplifiedLayerNormalization" of "com.microsoft" since 1 (%x, %r, %g) {epsilon = 9.99999974E-6 : f32} outputs ["n", "", "", "sum"]
     : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 8 x f32>, !onnx.tensor<8 x f32>) -> (!onnx.tensor<s x 8 x f32>, none, none, !onnx.tensor<s x 8 x f32>)
  %i = onnx.node "Sigmoid" since 13 (%n#0) outputs ["i"] : (!onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 8 x f32>
  %y = onnx.node "Mul" since 14 (%n#0, %i) outputs ["y"] : (!onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 8 x f32>) -> !onnx.tensor<s x 8 x f32>
  onnx.return %y, %n#3 : !onnx.tensor<s x 8 x f32>, !onnx.tensor<s x 8 x f32>
}
