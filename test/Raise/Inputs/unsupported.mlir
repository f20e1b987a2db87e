onnx.graph @main("x" %x: !onnx.tensor<4 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64, com.microsoft = 1 : i64}} {
  %a0 = onnx.node "PagedAttention" of "com.microsoft" since 1 (%x) outputs ["a0"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/a0")
  %a1 = onnx.node "PagedAttention" of "com.microsoft" since 1 (%a0) outputs ["a1"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/a1")
  %a2 = onnx.node "PagedAttention" of "com.microsoft" since 1 (%a1) outputs ["a2"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/a2")
  %a3 = onnx.node "PagedAttention" of "com.microsoft" since 1 (%a2) outputs ["a3"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/a3")
  %dead = onnx.node "Unheard" since 0 (%x) outputs ["dead"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/dead")
  %t = onnx.node "Tan2" since 0 (%a3) outputs ["t"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/tan")
  %y = onnx.node "Relu" since 14 (%t) {slope = 1 : i64} outputs ["y"] : (!onnx.tensor<4 x f32>) -> !onnx.tensor<4 x f32> loc("/relu")
  onnx.return %y : !onnx.tensor<4 x f32>
}
