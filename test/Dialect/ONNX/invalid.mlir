// RUN: hadron-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'blah' is neither an element type nor a dimension followed by 'x'}}
func.func private @f(!onnx.tensor<2 x blah>)

// -----

// expected-error @+1 {{a tensor of unknown rank has no dimensions}}
func.func private @f(!onnx.tensor<* x 2 x f32>)

// -----

// expected-error @+1 {{dimension -3 is negative}}
func.func private @f(!onnx.tensor<(-3) x f32>)

// -----

// expected-error @+1 {{expected a sum of products of symbols}}
func.func private @f(!onnx.tensor<(a b) x f32>)

// -----

// expected-error @+1 {{'onnx.graph' op has 1 inputs but 2 input names}}
"onnx.graph"() <{sym_name = "main", input_names = ["a", "b"], output_names = [], ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}}> ({
^bb0(%a: !onnx.tensor<f32>):
  "onnx.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @+1 {{'onnx.graph' op returns 0 values but has 1 output names}}
onnx.graph @main() -> ("y") attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  onnx.return
}

// -----

// expected-error @+1 {{'onnx.graph' op input 0 must be an onnx.tensor, got 'tensor<4xf32>'}}
onnx.graph @main("x" %x: tensor<4xf32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  onnx.return
}

// -----

// expected-error @+1 {{'onnx.graph' op opset of domain 'ai.onnx' must be an integer}}
onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = "20"}} {
  onnx.return
}

// -----

// expected-error @+1 {{'onnx.graph' op symbol "a + b" is no symbol's name}}
onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, symbols = ["a + b"]} {
  onnx.return
}

// -----

// expected-error @+1 {{'onnx.graph' op substitution of 'total' must be a size, got "past +"}}
onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, substitutions = {total = "past +"}} {
  onnx.return
}

// -----

onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.initializer' op needs 9216 bytes for '!onnx.tensor<48 x 48 x f32>', its slice has 9215}}
  %w = onnx.initializer "w" #onnx.file_slice<"m", 0, 9215> -> !onnx.tensor<48 x 48 x f32>
  onnx.return
}

// -----

onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.initializer' op must hold 2 packed bytes as ui8 for '!onnx.tensor<3 x i4>', got 'tensor<3xi4>'}}
  %w = onnx.initializer "w" dense<[1, 2, 3]> : tensor<3xi4> -> !onnx.tensor<3 x i4>
  onnx.return
}

// -----

onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.initializer' op data of type 'tensor<2xi32>' does not fit '!onnx.tensor<2 x i64>'}}
  %w = onnx.initializer "w" dense<[1, 2]> : tensor<2xi32> -> !onnx.tensor<2 x i64>
  onnx.return
}

// -----

onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.initializer' op must have a known element type and numbers for dimensions, got '!onnx.tensor<n x i64>'}}
  %w = onnx.initializer "w" dense<[1, 2]> : tensor<2xi64> -> !onnx.tensor<n x i64>
  onnx.return
}

// -----

onnx.graph @main() -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.initializer' op has more elements than 64 bits can count}}
  %w = onnx.initializer "w" #onnx.file_slice<"m", 0, 0> -> !onnx.tensor<4294967296 x 4294967296 x 2 x i8>
  onnx.return
}

// -----

onnx.graph @main("x" %x: !onnx.tensor<2 x f32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.node' op has 1 results but 2 output names}}
  %y = onnx.node "Relu" since 14 (%x) outputs ["a", "b"] : (!onnx.tensor<2 x f32>) -> !onnx.tensor<2 x f32>
  onnx.return
}

// -----

onnx.graph @main("x" %x: !onnx.tensor<2 x f32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.node' op lists 3 known values for a result of type '!onnx.tensor<1 x i64>'}}
  %y = onnx.node "Shape" since 14 (%x) values [["1", "2", "3"]] : (!onnx.tensor<2 x f32>) -> !onnx.tensor<1 x i64>
  onnx.return
}

// -----

onnx.graph @main("x" %x: !onnx.tensor<2 x f32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.node' op known values must be a list of sizes or unit, got ["1 +"]}}
  %y = onnx.node "Shape" since 14 (%x) values [["1 +"]] : (!onnx.tensor<2 x f32>) -> !onnx.tensor<1 x i64>
  onnx.return
}

// -----

onnx.graph @main("x" %x: !onnx.tensor<2 x f32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  // expected-error @+1 {{'onnx.node' op has 1 regions but 0 region names}}
  %y = "onnx.node"(%x) <{op_type = "If", domain = "", since_version = 1 : i64, onnx_attributes = {}}> ({
    onnx.return
  }) : (!onnx.tensor<2 x f32>) -> !onnx.tensor<2 x f32>
  onnx.return
}

// -----

onnx.graph @main("x" %x: !onnx.tensor<2 x f32>) -> () attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}} {
  %z = arith.constant 1 : i32
  // expected-error @+1 {{operand #0 must be variadic of tensor with symbolic sizes, or none where ONNX has an empty name, but got 'i32'}}
  %y = onnx.node "Relu" since 14 (%z) : (i32) -> !onnx.tensor<2 x f32>
  onnx.return
}
