// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What quantize, pack, dequantize, matmul and embedding refuse, besides bases.

func.func @f(%w: tensor<16x64xf32>) {
  // expected-error @+1 {{expected a floating-point tensor of 64x16 for '!hadron.packed<64x16, #hadron.dense<f32>>'; found 'tensor<16x64xf32>'}}
  %0 = hadron.quantize %w : tensor<16x64xf32> -> !hadron.packed<64x16, #hadron.dense<f32>>
  return
}

// -----

func.func @f(%w: tensor<64x16x1xf32>) {
  // expected-error @+1 {{expected a floating-point tensor of 64x16}}
  %0 = hadron.quantize %w : tensor<64x16x1xf32> -> !hadron.packed<64x16, #hadron.dense<f32>>
  return
}

// -----

func.func @f(%w: tensor<64x16xi8>) {
  // expected-error @+1 {{expected a floating-point tensor of 64x16}}
  %0 = hadron.quantize %w : tensor<64x16xi8> -> !hadron.packed<64x16, #hadron.dense<f32>>
  return
}

// -----

func.func @f(%w: tensor<?x16xf32>) {
  // expected-error @+1 {{expected a floating-point tensor of 64x16}}
  %0 = hadron.quantize %w : tensor<?x16xf32> -> !hadron.packed<64x16, #hadron.dense<f32>>
  return
}

// -----

func.func @f(%w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected a floating-point tensor of 64x16}}
  %0 = hadron.dequantize %w : !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<16x64xf32>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{packs integer codes; #hadron.dense<f32> has none}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.dense<f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{takes codes as a graph has them, in the standard basis}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>, in = #hadron.rotation<[#hadron.wht<64>]>>
  return
}

// -----

func.func @f(%c: tensor<16x?x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{takes tensors of static sizes; found 'tensor<16x?x16xi8>'}}
  %0 = hadron.pack %c, %s : tensor<16x?x16xi8>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi32>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{takes codes packed into bytes; found 'tensor<16x2x16xi32>'}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi32>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xi8>) {
  // expected-error @+1 {{takes floating-point scales; found 'tensor<16x2xi8>'}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x2xi8> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x15xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{expected 512 bytes of codes}}
  %0 = hadron.pack %c, %s : tensor<16x2x15xi8>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

// K = 65 needs three groups.
func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{expected 768 bytes of codes}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x2xf32> -> !hadron.packed<65x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x3xf32>) {
  // expected-error @+1 {{expected 16x2 scales}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x3xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{expected 16 values of zero points}}
  %0 = hadron.pack %c, %s : tensor<16x2x16xi8>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, asym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>, %z: tensor<16x1xi8>) {
  // expected-error @+1 {{expected 0 values of zero points}}
  %0 = hadron.pack %c, %s, %z : tensor<16x2x16xi8>, tensor<16x2xf32>, tensor<16x1xi8> -> !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>, %z: tensor<16x2xi8>) {
  // expected-error @+1 {{takes zero points as floats for float_zero, else packed into bytes; found 'tensor<16x2xi8>'}}
  %0 = hadron.pack %c, %s, %z : tensor<16x2x16xi8>, tensor<16x2xf32>, tensor<16x2xi8> -> !hadron.packed<64x16, #hadron.int<4, group = 32, float_zero, scale = f32>>
  return
}

// -----

func.func @f(%c: tensor<16x2x16xi8>, %s: tensor<16x2xf32>) {
  // expected-error @+1 {{takes zero points as floats for float_zero, else packed into bytes; found 'tensor<16x2xf32>'}}
  %0 = hadron.pack %c, %s, %s : tensor<16x2x16xi8>, tensor<16x2xf32>, tensor<16x2xf32> -> !hadron.packed<64x16, #hadron.int<4, group = 32, asym, scale = f32>>
  return
}

// -----

func.func @f(%x: tensor<?x32xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{contracts 64 inputs of '!hadron.packed<64x16, #hadron.dense<f32>>'; found 'tensor<?x32xf32>'}}
  %0 = hadron.matmul %x, %w : tensor<?x32xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<f32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{contracts 64 inputs of '!hadron.packed<64x16, #hadron.dense<f32>>'; found 'tensor<f32>'}}
  %0 = hadron.matmul %x, %w : tensor<f32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected a result [..., 16] with the leading axes of 'tensor<?x64xf32>'; found 'tensor<?x64xf32>'}}
  %0 = hadron.matmul %x, %w : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%x: tensor<64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected a result [..., 16] with the leading axes of 'tensor<64xf32>'; found 'tensor<f32>'}}
  %0 = hadron.matmul %x, %w : tensor<64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<8x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected a result [..., 16] with the leading axes of 'tensor<8x64xf32>'; found 'tensor<9x16xf32>'}}
  %0 = hadron.matmul %x, %w : tensor<8x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<9x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xi8>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{multiplies floating-point rows in f32 arithmetic; found 'tensor<?x64xi8>'}}
  %0 = hadron.matmul %x, %w : tensor<?x64xi8>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{takes 'scales' and 'sums' exactly in integer arithmetic}}
  %0 = hadron.matmul %x, %w scales(%s : tensor<?x1xf32>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xi8>, %s: tensor<?x1xf32>, %w: !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>) {
  // expected-error @+1 {{takes 'scales' and 'sums' exactly in integer arithmetic}}
  %0 = hadron.matmul %x, %w scales(%s : tensor<?x1xf32>) {arithmetic = 1 : i32} : tensor<?x64xi8>, !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xi8>, %s: tensor<?x1xf32>, %u: tensor<?x2xi32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{multiplies int8 rows with integer weights in integer arithmetic}}
  %0 = hadron.matmul %x, %w scales(%s : tensor<?x1xf32>) sums(%u : tensor<?x2xi32>) {arithmetic = 1 : i32} : tensor<?x64xi8>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %s: tensor<?x1xf32>, %u: tensor<?x2xi32>, %w: !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>>) {
  // expected-error @+1 {{multiplies int8 rows with integer weights in integer arithmetic}}
  %0 = hadron.matmul %x, %w scales(%s : tensor<?x1xf32>) sums(%u : tensor<?x2xi32>) {arithmetic = 1 : i32} : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.int<4, group = 32, sym, scale = f32>> -> tensor<?x16xf32>
  return
}

// -----

// Rows of codes are padded to a multiple of 64.
func.func @f(%x: tensor<?x40xi8>, %s: tensor<?x1xf32>, %u: tensor<?x2xi32>, %w: !hadron.packed<40x16, #hadron.int<4, group = 32, sym, scale = f32>>) {
  // expected-error @+1 {{contracts 64 inputs of}}
  %0 = hadron.matmul %x, %w scales(%s : tensor<?x1xf32>) sums(%u : tensor<?x2xi32>) {arithmetic = 1 : i32} : tensor<?x40xi8>, !hadron.packed<40x16, #hadron.int<4, group = 32, sym, scale = f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %t: !hadron.packed<64x32, #hadron.dense<f32>>) {
  // expected-error @+1 {{every weight has the sizes of the first, '!hadron.packed<64x16, #hadron.dense<f32>>'; found '!hadron.packed<64x32, #hadron.dense<f32>>'}}
  %0 = hadron.matmul %x, %w terms(%t : !hadron.packed<64x32, #hadron.dense<f32>>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %t: !hadron.packed<32x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{every weight has the sizes of the first}}
  %0 = hadron.matmul %x, %w gate(%t : !hadron.packed<32x16, #hadron.dense<f32>>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %b: tensor<64xf32>) {
  // expected-error @+1 {{'bias' has 16 floating-point values; found 'tensor<64xf32>'}}
  %0 = hadron.matmul %x, %w bias(%b : tensor<64xf32>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %b: tensor<1x16xf32>) {
  // expected-error @+1 {{'bias' has 16 floating-point values; found 'tensor<1x16xf32>'}}
  %0 = hadron.matmul %x, %w bias(%b : tensor<1x16xf32>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %b: tensor<16xi32>) {
  // expected-error @+1 {{'bias' has 16 floating-point values; found 'tensor<16xi32>'}}
  %0 = hadron.matmul %x, %w bias(%b : tensor<16xi32>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%x: tensor<?x64xf32>, %w: !hadron.packed<64x16, #hadron.dense<f32>>, %r: tensor<?x16xf16>) {
  // expected-error @+1 {{adds a residual of the result's type 'tensor<?x16xf32>'; found 'tensor<?x16xf16>'}}
  %0 = hadron.matmul %x, %w residual(%r : tensor<?x16xf16>) : tensor<?x64xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%i: tensor<?xf32>, %t: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{ids are i64 or i32; found 'tensor<?xf32>'}}
  %0 = hadron.embedding %i, %t : tensor<?xf32>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x64xf32>
  return
}

// -----

func.func @f(%i: tensor<?xi64>, %t: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected [ids..., 64] for 'tensor<?xi64>'; found 'tensor<?x16xf32>'}}
  %0 = hadron.embedding %i, %t : tensor<?xi64>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @f(%i: tensor<8xi64>, %t: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected [ids..., 64] for 'tensor<8xi64>'; found 'tensor<9x64xf32>'}}
  %0 = hadron.embedding %i, %t : tensor<8xi64>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<9x64xf32>
  return
}

// -----

func.func @f(%i: tensor<i64>, %t: !hadron.packed<64x16, #hadron.dense<f32>>) {
  // expected-error @+1 {{expected [ids..., 64] for 'tensor<i64>'; found 'tensor<f32>'}}
  %0 = hadron.embedding %i, %t : tensor<i64>, !hadron.packed<64x16, #hadron.dense<f32>> -> tensor<f32>
  return
}
