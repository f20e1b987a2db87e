// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// Values of different bases do not meet, and the message names both.

// Parsed text has one type for the three values; the parser names the other one.
#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %y: !hadron.rotated<tensor<?x64xf32>, #s>) {
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{expects different type than prior uses: '!hadron.rotated<tensor<?x64xf32>, <[#hadron.wht<64>]>>' vs '!hadron.rotated<tensor<?x64xf32>, <[#hadron.wht<32>]>>'}}
  %0 = hadron.add %x, %y : !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %y: !hadron.rotated<tensor<?x64xf32>, #s>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %0 = "hadron.add"(%x, %y) : (!hadron.rotated<tensor<?x64xf32>, #r>, !hadron.rotated<tensor<?x64xf32>, #s>) -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{the operand is in #hadron.rotation<[#hadron.wht<64>]>, the result in #hadron.rotation<[#hadron.wht<32>]>}}
  %0 = hadron.cast %x : !hadron.rotated<tensor<?x64xf32>, #r> -> !hadron.rotated<tensor<?x64xf16>, #s>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{the operand is in #hadron.rotation<[#hadron.wht<64>]>, the result in the standard basis}}
  %0 = hadron.cast %x : !hadron.rotated<tensor<?x64xf32>, #r> -> tensor<?x64xf16>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, in = #r>) {
  // expected-error @+1 {{contracts over different bases: activation in the standard basis, weight in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, in = #r> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %w: !hadron.packed<64x64, #hadron.dense<f32>>) {
  // expected-error @+1 {{contracts over different bases: activation in #hadron.rotation<[#hadron.wht<64>]>, weight in the standard basis}}
  %0 = hadron.matmul %x, %w : !hadron.rotated<tensor<?x64xf32>, #r>, !hadron.packed<64x64, #hadron.dense<f32>> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %w: !hadron.packed<64x64, #hadron.dense<f32>, in = #s>) {
  // expected-error @+1 {{contracts over different bases: activation in #hadron.rotation<[#hadron.wht<64>]>, weight in #hadron.rotation<[#hadron.wht<32>]>}}
  %0 = hadron.matmul %x, %w : !hadron.rotated<tensor<?x64xf32>, #r>, !hadron.packed<64x64, #hadron.dense<f32>, in = #s> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{the result is in the standard basis, the weight's output in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, out = #r> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>>) {
  // expected-error @+1 {{the result is in #hadron.rotation<[#hadron.wht<64>]>, the weight's output in the standard basis}}
  %0 = hadron.matmul %x, %w : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %w: !hadron.packed<64x64, #hadron.dense<f32>, in = #r>, %v: !hadron.packed<64x64, #hadron.dense<f32>>) {
  // expected-error @+1 {{the weight's input is in #hadron.rotation<[#hadron.wht<64>]>, a further weight's input in the standard basis}}
  %0 = hadron.matmul %x, %w terms(%v : !hadron.packed<64x64, #hadron.dense<f32>>) : !hadron.rotated<tensor<?x64xf32>, #r>, !hadron.packed<64x64, #hadron.dense<f32>, in = #r> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>>, %v: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{the weight's output is in the standard basis, a further weight's output in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w gate(%v : !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>, %b: tensor<64xf32>) {
  // expected-error @+1 {{adds a bias of the standard basis to a result in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w bias(%b : tensor<64xf32>) : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, out = #r> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{adds a residual of the result's type '!hadron.rotated<tensor<?x64xf32>, <[#hadron.wht<64>]>>'; found 'tensor<?x64xf32>'}}
  %0 = hadron.matmul %x, %w residual(%x : tensor<?x64xf32>) : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, out = #r> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{applies silu, which has no basis rule, in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w {activation = 1 : i32} : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, out = #r> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

// A gate multiplies value by value, whatever the activation.
#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{multiplies by a gate, which has no basis rule, in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.matmul %x, %w gate(%w : !hadron.packed<64x64, #hadron.dense<f32>, out = #r>) : tensor<?x64xf32>, !hadron.packed<64x64, #hadron.dense<f32>, out = #r> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%i: tensor<?xi64>, %t: !hadron.packed<64x100, #hadron.dense<f32>, in = #r>) {
  // expected-error @+1 {{the result is in the standard basis, the table's rows in #hadron.rotation<[#hadron.wht<64>]>}}
  %0 = hadron.embedding %i, %t : tensor<?xi64>, !hadron.packed<64x100, #hadron.dense<f32>, in = #r> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%i: tensor<?xi64>, %t: !hadron.packed<64x128, #hadron.dense<f32>, out = #r>) {
  // expected-error @+1 {{takes a row at a time, and #hadron.rotation<[#hadron.wht<64>]> mixes the rows of the table}}
  %0 = hadron.embedding %i, %t : tensor<?xi64>, !hadron.packed<64x128, #hadron.dense<f32>, out = #r> -> tensor<?x64xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>, %g: tensor<64xf32>) {
  // expected-error @+1 {{applies a gain, which does not commute with a rotation, in #hadron.rotation<[#hadron.wht<64>]>; fold the gain, or unrotate first}}
  %0 = hadron.rms_norm %x gain(%g : tensor<64xf32>) {epsilon = 0.0 : f64} : !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

// The mean square of one axis is kept by rotations of that axis, not by those of two.
func.func @f(%x: !hadron.rotated<tensor<2x64xf32>, #hadron.rotation<[#hadron.wht<64>], span = 2>>) {
  // expected-error @+1 {{normalizes the last axis alone, which does not commute with #hadron.rotation<[#hadron.wht<64>], span = 2>; unrotate first}}
  %0 = hadron.rms_norm %x {epsilon = 0.0 : f64} : !hadron.rotated<tensor<2x64xf32>, #hadron.rotation<[#hadron.wht<64>], span = 2>>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{expected builtin.tensor, but found '!hadron.rotated<tensor<?x64xf32>, <[#hadron.wht<64>]>>'}}
  %0 = hadron.layer_norm %x {epsilon = 0.0 : f64} : !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{expected builtin.tensor, but found '!hadron.rotated<tensor<?x64xf32>, <[#hadron.wht<64>]>>'}}
  %0 = hadron.silu %x : !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%k: tensor<?x?x3x64xf32>, %kv: !hadron.state<3x64xf32, in = #r>, %p: index) {
  // expected-error @+1 {{meets a state in #hadron.rotation<[#hadron.wht<64>]> with a value in the standard basis}}
  %0 = hadron.append %k, %kv at %p : tensor<?x?x3x64xf32>, !hadron.state<3x64xf32, in = #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%q: tensor<?x?x9x64xf32>, %k: !hadron.state<3x64xf32>, %kv: !hadron.state<3x64xf32, in = #r>, %t: index) {
  // expected-error @+1 {{meets a state in #hadron.rotation<[#hadron.wht<64>]> with a value in the standard basis}}
  %0 = hadron.attend %q, %k, %kv total(%t) : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32, in = #r> -> tensor<?x?x9x64xf32>
  return
}
