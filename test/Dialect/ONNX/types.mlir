// RUN: hadron-opt %s | FileCheck %s
// RUN: hadron-opt %s | hadron-opt | FileCheck %s

// CHECK-LABEL: onnx.graph @types
onnx.graph @types(
    // CHECK-SAME: !onnx.tensor<batch x (past + seq) x 576 x f32>
    "a" %a: !onnx.tensor<batch x (seq + past) x 576 x f32>,
    // Canonical text: sorted, like terms joined.
    // CHECK-SAME: !onnx.tensor<(2*batch*seq + past + 1) x i64>
    "b" %b: !onnx.tensor<(past + 1 + seq*batch + batch * seq) x i64>,
    // CHECK-SAME: !onnx.tensor<f16>
    "scalar" %c: !onnx.tensor<f16>,
    // CHECK-SAME: !onnx.tensor<* x i1>
    "unranked" %d: !onnx.tensor<* x i1>,
    // CHECK-SAME: !onnx.tensor<0 x none>
    "no element type" %e: !onnx.tensor<0 x none>,
    // Symbols that look like other words.
    // CHECK-SAME: !onnx.tensor<x x f32 x i64 x past_key.0$ x ui8>
    "words" %f: !onnx.tensor<x x f32 x i64 x past_key.0$ x ui8>,
    // CHECK-SAME: !onnx.tensor<(n - 1) x (-n + 4) x string>
    "signs" %g: !onnx.tensor<(n - 1) x (4 - n) x string>,
    // CHECK-SAME: !onnx.tensor<(a*a + 2*a*b + b*b) x complex64>
    "products" %h: !onnx.tensor<((a + b)*(a + b)) x complex64>,
    // CHECK-SAME: !onnx.tensor<2 x i2>, {{.*}} !onnx.tensor<2 x ui4>, {{.*}} !onnx.tensor<2 x bf16>, {{.*}} !onnx.tensor<2 x f8E4M3FN>
    "i" %i: !onnx.tensor<2 x i2>, "j" %j: !onnx.tensor<2 x ui4>, "k" %k: !onnx.tensor<2 x bf16>, "l" %l: !onnx.tensor<2 x f8E4M3FN>,
    // CHECK-SAME: !onnx.tensor<2 x f8E4M3FNUZ>, {{.*}} !onnx.tensor<2 x f8E5M2>, {{.*}} !onnx.tensor<2 x f8E5M2FNUZ>, {{.*}} !onnx.tensor<2 x f8E8M0FNU>
    "m" %m: !onnx.tensor<2 x f8E4M3FNUZ>, "n" %n: !onnx.tensor<2 x f8E5M2>, "o" %o: !onnx.tensor<2 x f8E5M2FNUZ>, "p" %p: !onnx.tensor<2 x f8E8M0FNU>,
    // CHECK-SAME: !onnx.tensor<2 x f4E2M1FN>, {{.*}} !onnx.tensor<2 x f64>, {{.*}} !onnx.tensor<2 x complex128>
    "q" %q: !onnx.tensor<2 x f4E2M1FN>, "r" %r: !onnx.tensor<2 x f64>, "s" %s: !onnx.tensor<2 x complex128>
  ) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  onnx.return
}
