// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What rotate, unrotate, fwht, add and cast refuse.

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{changes the basis of 'tensor<?x64xf32>', not its type; found 'tensor<?x64xf16>'}}
  %0 = hadron.rotate %x : tensor<?x64xf32> -> !hadron.rotated<tensor<?x64xf16>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%y: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{changes the basis of 'tensor<8x64xf32>', not its type; found 'tensor<?x64xf32>'}}
  %0 = hadron.unrotate %y : !hadron.rotated<tensor<?x64xf32>, #r> -> tensor<8x64xf32>
  return
}

// -----

// What is rotated is not rotated again: rotations are composed in the attribute.
#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%y: !hadron.rotated<tensor<?x64xf32>, #r>) {
  // expected-error @+1 {{expected builtin.tensor, but found '!hadron.rotated<}}
  %0 = hadron.rotate %y : !hadron.rotated<tensor<?x64xf32>, #r> -> !hadron.rotated<tensor<?x64xf32>, #r>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<?x96xf32>) {
  // expected-error @+1 {{block 64 of #hadron.wht<64> does not divide the axis of size 96}}
  %0 = hadron.fwht %x by #r : tensor<?x96xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<64x?xf32>) {
  // expected-error @+1 {{acts on has no static size in 'tensor<64x?xf32>'}}
  %0 = hadron.fwht %x by #r : tensor<64x?xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{spans 1 axes of 'tensor<f32>'}}
  %0 = hadron.fwht %x by #r : tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<64xf32>) {
  // expected-error @+1 {{spans 2 axes of 'tensor<64xf32>'}}
  %0 = hadron.fwht %x by <[#hadron.wht<64>], span = 2> : tensor<64xf32>
  return
}

// -----

func.func @f(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{are too large in 'tensor<4294967296x4294967296xf32>'}}
  %0 = hadron.fwht %x by <[#hadron.wht<64>], span = 2> : tensor<4294967296x4294967296xf32>
  return
}

// -----

#r = #hadron.rotation<[#hadron.wht<64>]>
#s = #hadron.rotation<[#hadron.wht<32>]>
func.func @f(%x: tensor<64xi32>) {
  // expected-error @+1 {{works on floating-point values; found 'tensor<64xi32>'}}
  %0 = hadron.fwht %x by #r : tensor<64xi32>
  return
}

// -----

func.func @f(%x: tensor<64xf32>) {
  // expected-error @+1 {{changes the precision of a floating-point tensor; found 'tensor<64xf32>' and 'tensor<32xf32>'}}
  %0 = hadron.cast %x : tensor<64xf32> -> tensor<32xf32>
  return
}

// -----

func.func @f(%x: tensor<64xf32>) {
  // expected-error @+1 {{changes the precision of a floating-point tensor; found 'tensor<64xf32>' and 'tensor<64xi32>'}}
  %0 = hadron.cast %x : tensor<64xf32> -> tensor<64xi32>
  return
}

// -----

func.func @f(%x: tensor<64xi8>) {
  // expected-error @+1 {{changes the precision of a floating-point tensor; found 'tensor<64xi8>' and 'tensor<64xf32>'}}
  %0 = hadron.cast %x : tensor<64xi8> -> tensor<64xf32>
  return
}
