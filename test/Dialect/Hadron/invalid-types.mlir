// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What the verifiers of types refuse.

// expected-error @+1 {{block 64 of #hadron.wht<64> does not divide the axis of size 96}}
func.func private @f(!hadron.rotated<tensor<?x96xf32>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// Every factor has to fit.
// expected-error @+1 {{block 48 of #hadron.signs<48, seed = 1, role = "input"> does not divide the axis of size 64}}
func.func private @f(!hadron.rotated<tensor<8x64xf32>, #hadron.rotation<[#hadron.signs<48, seed = 1, role = "input">, #hadron.wht<64>]>>)

// -----

// expected-error @+1 {{the axis that #hadron.rotation<[#hadron.wht<64>]> acts on has no static size in 'tensor<64x?xf32>'}}
func.func private @f(!hadron.rotated<tensor<64x?xf32>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{#hadron.rotation<[#hadron.wht<64>]> spans 1 axes of 'tensor<f32>'}}
func.func private @f(!hadron.rotated<tensor<f32>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{spans 2 axes of 'tensor<64xf32>'}}
func.func private @f(!hadron.rotated<tensor<64xf32>, #hadron.rotation<[#hadron.wht<64>], span = 2>>)

// -----

// expected-error @+1 {{has no static size in 'tensor<?x64xf32>'}}
func.func private @f(!hadron.rotated<tensor<?x64xf32>, #hadron.rotation<[#hadron.wht<64>], span = 2>>)

// -----

// expected-error @+1 {{are too large in 'tensor<4294967296x4294967296xf32>'}}
func.func private @f(!hadron.rotated<tensor<4294967296x4294967296xf32>, #hadron.rotation<[#hadron.wht<64>], span = 2>>)

// -----

// expected-error @+1 {{the identity is no rotated basis; use 'tensor<64xf32>'}}
func.func private @f(!hadron.rotated<tensor<64xf32>, #hadron.rotation<[]>>)

// -----

// H H = I, too.
// expected-error @+1 {{the identity is no rotated basis; use 'tensor<64xf32>'}}
func.func private @f(!hadron.rotated<tensor<64xf32>, #hadron.rotation<[#hadron.wht<64>, #hadron.wht<64>]>>)

// -----

// expected-error @+1 {{a rotated tensor has no encoding; found 7}}
func.func private @f(!hadron.rotated<tensor<64xf32, 7>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{a rotated tensor holds floating-point values; found 'tensor<64xi8>'}}
func.func private @f(!hadron.rotated<tensor<64xi8>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+2 {{failed to parse Hadron_RotatedType parameter 'tensor'}}
// expected-error @+1 {{expected builtin.tensor, but found 'vector<64xf32>'}}
func.func private @f(!hadron.rotated<vector<64xf32>, #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{expected a weight format, such as #hadron.int<4, group = 32, sym, scale = f32>; found #hadron.wht<64>}}
func.func private @f(!hadron.packed<64x64, #hadron.wht<64>>)

// -----

// expected-error @+1 {{a packed weight has 1 to 1073741824 inputs and outputs; found 0x64}}
func.func private @f(!hadron.packed<0x64, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{a packed weight has 1 to 1073741824 inputs and outputs; found 64x0}}
func.func private @f(!hadron.packed<64x0, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{a packed weight has 1 to 1073741824 inputs and outputs; found 64x9223372036854775807}}
func.func private @f(!hadron.packed<64x9223372036854775807, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{a packed weight has two sizes, inputs x outputs}}
func.func private @f(!hadron.packed<64, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{a packed weight has two sizes, inputs x outputs}}
func.func private @f(!hadron.packed<64x64x64, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{expected static shape}}
func.func private @f(!hadron.packed<?x64, #hadron.dense<f32>>)

// -----

// expected-error @+1 {{'in': block 64 of #hadron.wht<64> does not divide the axis of size 96}}
func.func private @f(!hadron.packed<96x64, #hadron.dense<f32>, in = #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{'out': block 64 of #hadron.wht<64> does not divide the axis of size 96}}
func.func private @f(!hadron.packed<64x96, #hadron.dense<f32>, out = #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{the identity is no rotated basis; leave 'in' out}}
func.func private @f(!hadron.packed<64x96, #hadron.dense<f32>, in = #hadron.rotation<[]>>)

// -----

// expected-error @+1 {{expected 'in' or 'out', found 'on'}}
func.func private @f(!hadron.packed<64x64, #hadron.dense<f32>, on = #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{'in' is given twice}}
func.func private @f(!hadron.packed<64x64, #hadron.dense<f32>, in = #hadron.rotation<[#hadron.wht<64>]>, in = #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{a state has two sizes, heads x dim}}
func.func private @f(!hadron.state<3xf32>)

// -----

// expected-error @+1 {{a state has at least one head of at least one value; found 0x64}}
func.func private @f(!hadron.state<0x64xf32>)

// -----

// expected-error @+1 {{a state has at least one head of at least one value; found 3x0}}
func.func private @f(!hadron.state<3x0xf32>)

// -----

// expected-error @+1 {{a state holds numbers; found 'tensor<4xf32>'}}
func.func private @f(!hadron.state<3x64xtensor<4xf32>>)

// -----

// expected-error @+1 {{'in': block 64 of #hadron.wht<64> does not divide the axis of size 96}}
func.func private @f(!hadron.state<3x96xf32, in = #hadron.rotation<[#hadron.wht<64>]>>)

// -----

// expected-error @+1 {{the identity is no rotated basis; leave 'in' out}}
func.func private @f(!hadron.state<3x64xf32, in = #hadron.rotation<[]>>)

// -----

// A state has one basis.
// expected-error @+1 {{expected 'in', found 'out'}}
func.func private @f(!hadron.state<3x64xf32, out = #hadron.rotation<[#hadron.wht<64>]>>)
