// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What may touch a rotated value is a closed list: nothing else does, whoever made the value.

// math
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'math.exp' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = math.exp %0 : !hadron.rotated<tensor<8x64xf32>, #r>
  return
}

// -----

// arith, other than select
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'arith.addf' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = arith.addf %0, %0 : !hadron.rotated<tensor<8x64xf32>, #r>
  return
}

// -----

// a cast that says nothing
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'builtin.unrealized_conversion_cast' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = builtin.unrealized_conversion_cast %0 : !hadron.rotated<tensor<8x64xf32>, #r> to tensor<8x64xf32>
  return
}

// -----

// tensor
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'tensor.cast' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = "tensor.cast"(%0) : (!hadron.rotated<tensor<8x64xf32>, #r>) -> tensor<?x64xf32>
  return
}

// -----

// linalg
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>, %y: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'linalg.copy' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = "linalg.copy"(%0, %y) <{operandSegmentSizes = array<i32: 1, 1>}> ({
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }) : (!hadron.rotated<tensor<8x64xf32>, #r>, tensor<8x64xf32>) -> tensor<8x64xf32>
  return
}

// -----

// a tensor of rotated values is one, too
#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'tensor.from_elements' op has no basis rule for '!hadron.rotated<tensor<8x64xf32>, <[#hadron.wht<64>]>>'; unrotate its operands first}}
  %1 = tensor.from_elements %0 : tensor<1x!hadron.rotated<tensor<8x64xf32>, #r>>
  return
}

// -----

// A module with hadron.checked is checked where no operation of the dialect is.
#r = #hadron.rotation<[#hadron.wht<64>]>
// expected-error @+3 {{'builtin.unrealized_conversion_cast' op has no basis rule for}}
module attributes {hadron.checked} {
  func.func @f(%x: !hadron.rotated<tensor<8x64xf32>, #r>) {
    %0 = builtin.unrealized_conversion_cast %x : !hadron.rotated<tensor<8x64xf32>, #r> to tensor<8x64xf32>
    return
  }
}

// -----

// … and values are not made from nothing.
#r = #hadron.rotation<[#hadron.wht<64>]>
// expected-error @+3 {{'builtin.unrealized_conversion_cast' op has no basis rule for}}
module attributes {hadron.checked} {
  func.func @f(%x: tensor<8x64xf32>) {
    %0 = builtin.unrealized_conversion_cast %x : tensor<8x64xf32> to !hadron.rotated<tensor<8x64xf32>, #r>
    return
  }
}
