onnx.graph @main("x" %x: !onnx.tensor<s x 32 x f32>) -> ("y")
    attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64, com.microsoft = 1 : i64}, symbols = ["s"]} {
  %q = onnx.initializer "q" #onnx.file_slice<"m.weights", 0, 64> -> !onnx.tensor<4 x 2 x 8 x ui8>
  %s = onnx.initializer "s" #onnx.file_slice<"m.weights", 64, 32> -> !onnx.tensor<8 x f32>
  %y = onnx.node "MatMulNBits" of "com.microsoft" since 1 (%x, %q, %s) {K = 32 : i64, N = 4 : i64, bits = 4 : i64, block_size = 16 : i64, weight_prepacked = 1 : i64} outputs ["y"]
     : (!onnx.tensor<s x 32 x f32>, !onnx.tensor<4 x 2 x 8 x ui8>, !onnx.tensor<8 x f32>) -> !onnx.tensor<s x 4 x f32> loc("/mm")
  onnx.return %y : !onnx.tensor<s x 4 x f32>
}
