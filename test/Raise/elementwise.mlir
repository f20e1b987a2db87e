// RUN: hadron-opt %s --split-input-file --hadron-raise | FileCheck %s
// Broadcasting is in the indexing maps; sizes are arithmetic on symbols; what only shapes read is gone.

// CHECK: #[[$COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32> {hadron.name = "x", hadron.shape = ["batch", "4"]}, %[[B:.*]]: tensor<4xf32>
// CHECK-SAME: -> (tensor<?x4xf32> {hadron.name = "y", hadron.shape = ["batch", "4"]})
// CHECK-SAME: attributes {hadron.entry}
// CHECK-NEXT: %[[BATCH:.*]] = hadron.symbol "batch" : index
// CHECK-NEXT: %[[E:.*]] = tensor.empty(%[[BATCH]])
// CHECK-NEXT: linalg.generic {{.*}} ins(%[[X]], %[[B]]
// CHECK: arith.mulf
// CHECK-NOT: Shape
onnx.graph @main("x" %x: !onnx.tensor<batch x 4 x f32>, "b" %b: !onnx.tensor<4 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, symbols = ["batch"]} {
  %s = onnx.node "Shape" since 15 (%x) outputs ["s"] values [["batch", "4"]] : (!onnx.tensor<batch x 4 x f32>) -> !onnx.tensor<2 x i64>
  %p = onnx.node "Mul" since 14 (%x, %b) outputs ["p"] : (!onnx.tensor<batch x 4 x f32>, !onnx.tensor<4 x f32>) -> !onnx.tensor<batch x 4 x f32>
  %y = onnx.node "Reshape" since 14 (%p, %s) outputs ["y"] : (!onnx.tensor<batch x 4 x f32>, !onnx.tensor<2 x i64>) -> !onnx.tensor<batch x 4 x f32>
  onnx.return %y : !onnx.tensor<batch x 4 x f32>
}

// -----

// A size that something computes with is made from its symbols.
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = hadron.symbol "a" : index
// CHECK: %[[TWICE:.*]] = arith.muli %[[A]], %{{.*}} : index
// CHECK: arith.index_cast %[[TWICE]] : index to i64
// CHECK: tensor.from_elements
onnx.graph @main("x" %x: !onnx.tensor<a x 2 x i64>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, symbols = ["a"]} {
  %s = onnx.node "Size" since 13 (%x) outputs ["s"] values [["2*a"]] : (!onnx.tensor<a x 2 x i64>) -> !onnx.tensor<i64>
  %y = onnx.node "Add" since 14 (%x, %s) outputs ["y"] : (!onnx.tensor<a x 2 x i64>, !onnx.tensor<i64>) -> !onnx.tensor<a x 2 x i64>
  onnx.return %y : !onnx.tensor<a x 2 x i64>
}

// -----

// Integer division: no divisor traps.
// CHECK-LABEL: func.func @main
// CHECK: arith.cmpi eq
// CHECK: arith.select
// CHECK: arith.divsi
onnx.graph @main("x" %x: !onnx.tensor<3 x i32>, "d" %d: !onnx.tensor<3 x i32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  %y = onnx.node "Div" since 14 (%x, %d) outputs ["y"] : (!onnx.tensor<3 x i32>, !onnx.tensor<3 x i32>) -> !onnx.tensor<3 x i32>
  onnx.return %y : !onnx.tensor<3 x i32>
}
