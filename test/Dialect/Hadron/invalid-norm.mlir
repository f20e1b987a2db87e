// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What rms_norm, layer_norm, silu, prologue and rotary refuse, besides bases.

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<f32>'}}
  %0 = hadron.rms_norm %x {epsilon = 0.0 : f64} : tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<4x?xf32>'}}
  %0 = hadron.rms_norm %x {epsilon = 0.0 : f64} : tensor<4x?xf32>
  return
}

// -----

func.func @f(%x: tensor<4xi32>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<4xi32>'}}
  %0 = hadron.rms_norm %x {epsilon = 0.0 : f64} : tensor<4xi32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %g: tensor<41xf32>) {
  // expected-error @+1 {{'gain' has 40 floating-point values; found 'tensor<41xf32>'}}
  %0 = hadron.rms_norm %x gain(%g : tensor<41xf32>) {epsilon = 0.0 : f64} : tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{failed to verify that all of {input, output} have same type}}
  %0 = "hadron.rms_norm"(%x) {epsilon = 0.0 : f64} : (tensor<?x40xf32>) -> tensor<?x40xf16>
  return
}

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<f32>'}}
  %0 = hadron.layer_norm %x {epsilon = 0.0 : f64} : tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %g: tensor<1x40xf32>) {
  // expected-error @+1 {{'gain' has 40 floating-point values; found 'tensor<1x40xf32>'}}
  %0 = hadron.layer_norm %x gain(%g : tensor<1x40xf32>) {epsilon = 0.0 : f64} : tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %g: tensor<?xf32>) {
  // expected-error @+1 {{'bias' has 40 floating-point values; found 'tensor<?xf32>'}}
  %0 = hadron.layer_norm %x bias(%g : tensor<?xf32>) {epsilon = 0.0 : f64} : tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<40xf32>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %0 = "hadron.silu"(%x) : (tensor<40xf32>) -> tensor<41xf32>
  return
}

// -----

func.func @f(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<4x?xf32>'}}
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<4x?xf32> -> tensor<4x?xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %y: tensor<?x41xf32>) {
  // expected-error @+1 {{'residual' and 'up' have the type of the input, 'tensor<?x40xf32>'; found 'tensor<?x41xf32>'}}
  %0 = hadron.prologue %x residual(%y : tensor<?x41xf32>) {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %y: tensor<?x40xf16>) {
  // expected-error @+1 {{'residual' and 'up' have the type of the input, 'tensor<?x40xf32>'; found 'tensor<?x40xf16>'}}
  %0 = hadron.prologue %x up(%y : tensor<?x40xf16>) {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %g: tensor<41xf32>) {
  // expected-error @+1 {{'gain' has 40 floating-point values}}
  %0 = hadron.prologue %x gain(%g : tensor<41xf32>) {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>, %g: tensor<41xf32>) {
  // expected-error @+1 {{'bias' has 40 floating-point values}}
  %0 = hadron.prologue %x bias(%g : tensor<41xf32>) {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{block 64 of #hadron.wht<64> does not divide the axis of size 40}}
  %0 = hadron.prologue %x by <[#hadron.wht<64>]> {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{rotates the last axis; #hadron.rotation<[#hadron.wht<8>], span = 2> spans 2}}
  %0 = hadron.prologue %x by <[#hadron.wht<8>], span = 2> {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{'sum' has the type of the input, 'tensor<?x40xf32>'; found 'tensor<?x40xf16>'}}
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 1, 0, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf16>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{'output' has the sizes of the input, 'tensor<?x40xf32>'; found 'tensor<?x41xf32>'}}
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x41xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{'output' has the sizes of the input, 'tensor<?x40xf32>'; found 'tensor<?x40xi8>'}}
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xi8>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{gives codes, scales and sums exactly in integer arithmetic}}
  %0 = hadron.prologue %x {resultSegmentSizes = array<i32: 0, 0, 1, 0, 0>} : tensor<?x40xf32> -> tensor<?x64xi8>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{gives codes, scales and sums exactly in integer arithmetic}}
  %0 = hadron.prologue %x {arithmetic = 1 : i32, resultSegmentSizes = array<i32: 0, 1, 0, 0, 0>} : tensor<?x40xf32> -> tensor<?x40xf32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{'group' is a number of inputs, or 0 for the whole row; found -1}}
  %0:3 = hadron.prologue %x {arithmetic = 1 : i32, group = -1 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi32>
  return
}

// -----

// Rows of codes are padded to a multiple of 64.
func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected codes [..., 64], sums [..., 2] and scales of one value a row or group, with the leading axes of 'tensor<?x40xf32>'}}
  %0:3 = hadron.prologue %x {arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x40xi8>, tensor<?x1xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected codes [..., 64], sums [..., 2] and scales}}
  %0:3 = hadron.prologue %x {arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected codes [..., 64], sums [..., 2] and scales}}
  %0:3 = hadron.prologue %x {arithmetic = 2 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected codes [..., 64], sums [..., 2] and scales}}
  %0:3 = hadron.prologue %x {arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<i8>, tensor<?x1xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @f(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{gives codes of i8, sums of i32 and scales of f32; found 'tensor<?x64xi8>', 'tensor<?x2xi32>' and 'tensor<?x1xf16>'}}
  %0:3 = hadron.prologue %x {arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>} : tensor<?x40xf32> -> tensor<?x64xi8>, tensor<?x1xf16>, tensor<?x2xi32>
  return
}

// -----

func.func @f(%x: tensor<?x9x64xf32>, %t: tensor<128x32xf32>, %p: tensor<?x?xi64>) {
  // expected-error @+1 {{expected four axes, [batch, sequence, heads, d]; found 'tensor<?x9x64xf32>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi64>) : tensor<?x9x64xf32>, tensor<128x32xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x?xf32>, %t: tensor<128x32xf32>, %p: tensor<?x?xi64>) {
  // expected-error @+1 {{works on floating-point rows of a static size; found 'tensor<?x?x9x?xf32>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi64>) : tensor<?x?x9x?xf32>, tensor<128x32xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x64xf32>, %t: tensor<128x32xf32>) {
  // expected-error @+1 {{expected tables [positions, r/2] with positions and [batch, sequence, r/2] without; found 'tensor<128x32xf32>'}}
  %0 = hadron.rotary %x, %t, %t : tensor<?x?x9x64xf32>, tensor<128x32xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x64xf32>, %t: tensor<128x33xf32>, %p: tensor<?x?xi64>) {
  // expected-error @+1 {{takes the cosines of at most 32 pairs of 'tensor<?x?x9x64xf32>'; found 'tensor<128x33xf32>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi64>) : tensor<?x?x9x64xf32>, tensor<128x33xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x64xf32>, %t: tensor<128x?xf32>, %p: tensor<?x?xi64>) {
  // expected-error @+1 {{takes the cosines of at most 32 pairs of 'tensor<?x?x9x64xf32>'; found 'tensor<128x?xf32>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi64>) : tensor<?x?x9x64xf32>, tensor<128x?xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x64xf32>, %t: tensor<128x32xf32>, %p: tensor<?x?xi32>) {
  // expected-error @+1 {{positions are i64 [batch, sequence]; found 'tensor<?x?xi32>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?x?xi32>) : tensor<?x?x9x64xf32>, tensor<128x32xf32>
  return
}

// -----

func.func @f(%x: tensor<?x?x9x64xf32>, %t: tensor<128x32xf32>, %p: tensor<?xi64>) {
  // expected-error @+1 {{positions are i64 [batch, sequence]; found 'tensor<?xi64>'}}
  %0 = hadron.rotary %x, %t, %t positions(%p : tensor<?xi64>) : tensor<?x?x9x64xf32>, tensor<128x32xf32>
  return
}
