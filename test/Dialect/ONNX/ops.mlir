// RUN: hadron-opt %s | FileCheck %s
// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt %s --mlir-print-op-generic | hadron-opt | FileCheck %s

// CHECK-LABEL: onnx.graph @main("input ids" %input_ids: !onnx.tensor<batch x seq x f32>, "r" %r: !onnx.tensor<batch x seq x f32>) -> ("y", "sum")
// CHECK-SAME: attributes {ir_version = 10 : i64, opsets = {ai.onnx = 22 : i64, com.microsoft = 1 : i64}, producer = "by hand",
// CHECK-SAME: source = "folder/model.onnx", symbols = ["batch", "seq"]}
onnx.graph @main("input ids" %x: !onnx.tensor<batch x seq x f32>, "r" %r: !onnx.tensor<batch x seq x f32>) -> ("y", "sum")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 22 : i64, com.microsoft = 1 : i64}, producer = "by hand",
                source = "folder/model.onnx", symbols = ["batch", "seq"]} {
  // CHECK: %model_weight = onnx.initializer "/model/weight" #onnx.file_slice<"model.onnx_data", 4096, 2304> -> !onnx.tensor<576 x f32>
  %w = onnx.initializer "/model/weight" #onnx.file_slice<"model.onnx_data", 4096, 2304> -> !onnx.tensor<576 x f32>
  // CHECK: onnx.initializer "axes" dense<-1> : tensor<1xi64> -> !onnx.tensor<1 x i64>
  %axes = onnx.initializer "axes" dense<-1> : tensor<1xi64> -> !onnx.tensor<1 x i64>
  // Sub-byte elements: the packed bytes.
  // CHECK: onnx.initializer "codes" dense<[33, 3]> : tensor<2xui8> -> !onnx.tensor<3 x i4>
  %codes = onnx.initializer "codes" dense<[33, 3]> : tensor<2xui8> -> !onnx.tensor<3 x i4>
  // CHECK: onnx.initializer "words" dense<["a", "b c"]> : tensor<2x!onnx.string> -> !onnx.tensor<2 x string>
  %words = onnx.initializer "words" dense<["a", "b c"]> : tensor<2x!onnx.string> -> !onnx.tensor<2 x string>
  // CHECK: %none = onnx.none
  %none = onnx.none

  // Inputs and outputs keep their ONNX numbers; `none` where one is omitted.
  // CHECK: %y, %omitted, %omitted_0, %sum = onnx.node "SkipSimplifiedLayerNormalization" of "com.microsoft" since 1 (%input_ids, %r, %model_weight, %none)
  // CHECK-SAME: {epsilon = 9.99999974E-6 : f32} outputs ["y", "", "", "sum"] scope "model.norm"
  // CHECK-SAME: -> (!onnx.tensor<batch x seq x f32>, none, none, !onnx.tensor<batch x seq x f32>)
  %y, %a, %b, %sum = onnx.node "SkipSimplifiedLayerNormalization" of "com.microsoft" since 1 (%x, %r, %w, %none)
      {epsilon = 1.0e-5 : f32} outputs ["y", "", "", "sum"] scope "model.norm"
      : (!onnx.tensor<batch x seq x f32>, !onnx.tensor<batch x seq x f32>, !onnx.tensor<576 x f32>, none)
      -> (!onnx.tensor<batch x seq x f32>, none, none, !onnx.tensor<batch x seq x f32>)

  // CHECK: onnx.node "Shape" since 21 (%y) outputs ["s"] values {{\[}}["batch", "seq"]] :
  %s = onnx.node "Shape" since 21 (%y) outputs ["s"] values [["batch", "seq"]] : (!onnx.tensor<batch x seq x f32>) -> !onnx.tensor<2 x i64>
  // Nothing known of the second result.
  // CHECK: onnx.node "Split" since 18 (%s) {axis = 0 : i64} outputs ["p", "q"] values {{\[}}["batch"], unit] :
  %p, %q = onnx.node "Split" since 18 (%s) {axis = 0 : i64} outputs ["p", "q"] values [["batch"], unit]
      : (!onnx.tensor<2 x i64>) -> (!onnx.tensor<1 x i64>, !onnx.tensor<1 x i64>)
  // No inputs, no attributes, an unknown operator.
  // CHECK: onnx.node "Mystery" of "some.domain" since 0 () : () -> !onnx.tensor<* x none>
  %u = onnx.node "Mystery" of "some.domain" since 0 () : () -> !onnx.tensor<* x none>

  // Regions are named after their attribute and see the values outside.
  // CHECK: onnx.node "If" since 21 (%c) outputs ["i"] regions ["then_branch", "else_branch"] {
  // CHECK:   onnx.return %y : !onnx.tensor<batch x seq x f32>
  // CHECK: }, {
  // CHECK:   onnx.return %sum : !onnx.tensor<batch x seq x f32>
  // CHECK: } : (!onnx.tensor<i1>) -> !onnx.tensor<batch x seq x f32>
  %c = onnx.initializer "c" dense<true> : tensor<i1> -> !onnx.tensor<i1>
  %i = onnx.node "If" since 21 (%c) outputs ["i"] regions ["then_branch", "else_branch"] {
    onnx.return %y : !onnx.tensor<batch x seq x f32>
  }, {
    onnx.return %sum : !onnx.tensor<batch x seq x f32>
  } : (!onnx.tensor<i1>) -> !onnx.tensor<batch x seq x f32>
  // CHECK: onnx.return %y, %sum : !onnx.tensor<batch x seq x f32>, !onnx.tensor<batch x seq x f32>
  onnx.return %y, %sum : !onnx.tensor<batch x seq x f32>, !onnx.tensor<batch x seq x f32>
}
