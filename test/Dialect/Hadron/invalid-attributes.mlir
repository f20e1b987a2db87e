// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What the verifiers of attributes refuse.

// expected-error @+1 {{the block of a Walsh-Hadamard transform is a power of two from 2 to 1073741824; found 0}}
func.func private @f() attributes {a = #hadron.wht<0>}

// -----

// expected-error @+1 {{is a power of two from 2 to 1073741824; found 1}}
func.func private @f() attributes {a = #hadron.wht<1>}

// -----

// expected-error @+1 {{is a power of two from 2 to 1073741824; found 48}}
func.func private @f() attributes {a = #hadron.wht<48>}

// -----

// expected-error @+1 {{is a power of two from 2 to 1073741824; found -64}}
func.func private @f() attributes {a = #hadron.wht<-64>}

// -----

// expected-error @+1 {{is a power of two from 2 to 1073741824; found 2147483648}}
func.func private @f() attributes {a = #hadron.wht<2147483648>}

// -----

// expected-error @+1 {{the inner size of a Hadamard transform is a power of two from 1 to 1073741824; found 0}}
func.func private @f() attributes {a = #hadron.hadamard<12, "paley1", 0>}

// -----

// expected-error @+1 {{the inner size of a Hadamard transform is a power of two from 1 to 1073741824; found 12}}
func.func private @f() attributes {a = #hadron.hadamard<12, "paley1", 12>}

// -----

// expected-error @+1 {{the inner size of a Hadamard transform is a power of two from 1 to 1073741824; found 4611686018427387904}}
func.func private @f() attributes {a = #hadron.hadamard<12, "paley1", 4611686018427387904>}

// -----

// The message names the constructions that the order has.
// expected-error @+1 {{no Hadamard matrix of order 12 by construction 'williamson2'; known: paley1}}
func.func private @f() attributes {a = #hadron.hadamard<12, "williamson2", 1>}

// -----

// expected-error @+1 {{no Hadamard matrix of order 6 by construction 'sylvester'}}
func.func private @f() attributes {a = #hadron.hadamard<6, "sylvester", 1>}

// -----

// expected-error @+1 {{no Hadamard matrix of order 0 by construction 'sylvester'}}
func.func private @f() attributes {a = #hadron.hadamard<0, "sylvester", 1>}

// -----

// expected-error @+1 {{no Hadamard matrix of order -4 by construction 'sylvester'}}
func.func private @f() attributes {a = #hadron.hadamard<-4, "sylvester", 1>}

// -----

// expected-error @+1 {{no Hadamard matrix of order 1099511627776 by construction 'sylvester'}}
func.func private @f() attributes {a = #hadron.hadamard<1099511627776, "sylvester", 1>}

// -----

// expected-error @+1 {{no Hadamard matrix of order 12 by construction ''}}
func.func private @f() attributes {a = #hadron.hadamard<12, "", 1>}

// -----

// expected-error @+1 {{the width of signs is from 1 to 1073741824; found 0}}
func.func private @f() attributes {a = #hadron.signs<0, seed = 7, role = "input">}

// -----

// expected-error @+1 {{the width of signs is from 1 to 1073741824; found -8}}
func.func private @f() attributes {a = #hadron.signs<-8, bits = "00">}

// -----

// expected-error @+1 {{the width of signs is from 1 to 1073741824; found 9223372036854775807}}
func.func private @f() attributes {a = #hadron.signs<9223372036854775807, bits = "00">}

// -----

// expected-error @+1 {{signs are given by a role and a seed, or by their bits}}
func.func private @f() attributes {a = #hadron.signs<64>}

// -----

// expected-error @+1 {{signs are given by a role and a seed, or by their bits}}
func.func private @f() attributes {a = #hadron.signs<8, seed = 7>}

// -----

// expected-error @+1 {{signs are given by a role and a seed, or by their bits}}
func.func private @f() attributes {a = #hadron.signs<8, role = "input", bits = "00">}

// -----

// expected-error @+1 {{signs are given by a role and a seed, or by their bits}}
func.func private @f() attributes {a = #hadron.signs<8, seed = 7, bits = "00">}

// -----

// expected-error @+1 {{signs are given by a role and a seed, or by their bits}}
func.func private @f() attributes {a = #hadron.signs<8, round = 1, bits = "00">}

// -----

// expected-error @+1 {{the role of signs is residual, value_head or input; found "output"}}
func.func private @f() attributes {a = #hadron.signs<64, seed = 7, role = "output">}

// -----

// expected-error @+1 {{expected 'seed', 'role', 'round' or 'bits', found 'sead'}}
func.func private @f() attributes {a = #hadron.signs<64, sead = 7>}

// -----

// expected-error @+1 {{expected 4 hexadecimal digits, in lower case, for 9 signs; found "a5"}}
func.func private @f() attributes {a = #hadron.signs<9, bits = "a5">}

// -----

// expected-error @+1 {{expected 2 hexadecimal digits, in lower case, for 8 signs; found "g5"}}
func.func private @f() attributes {a = #hadron.signs<8, bits = "g5">}

// -----

// Equal signs have one spelling.
// expected-error @+1 {{expected 2 hexadecimal digits, in lower case, for 8 signs; found "A5"}}
func.func private @f() attributes {a = #hadron.signs<8, bits = "A5">}

// -----

// expected-error @+1 {{bits behind the last of 9 signs are set in "0002"}}
func.func private @f() attributes {a = #hadron.signs<9, bits = "0002">}

// -----

// expected-error @+1 {{expected a permutation of 0 … 1; found 2 twice or out of range}}
func.func private @f() attributes {a = #hadron.permute<[0, 2]>}

// -----

// expected-error @+1 {{expected a permutation of 0 … 1; found 0 twice or out of range}}
func.func private @f() attributes {a = #hadron.permute<[0, 0]>}

// -----

// expected-error @+1 {{expected a permutation of 0 … 1; found -1 twice or out of range}}
func.func private @f() attributes {a = #hadron.permute<[0, -1]>}

// -----

// expected-error @+1 {{expected signs, a permutation or a transform as a factor of a rotation; found #hadron.dense<f32>}}
func.func private @f() attributes {a = #hadron.rotation<[#hadron.dense<f32>]>}

// -----

// expected-error @+1 {{expected signs, a permutation or a transform as a factor of a rotation; found 1}}
func.func private @f() attributes {a = #hadron.rotation<[1 : i64]>}

// -----

// A rotation is no factor: lists are flat.
// expected-error @+1 {{expected signs, a permutation or a transform as a factor of a rotation}}
func.func private @f() attributes {a = #hadron.rotation<[#hadron.rotation<[#hadron.wht<4>]>]>}

// -----

// expected-error @+1 {{a rotation spans at least one axis; found 0}}
func.func private @f() attributes {a = #hadron.rotation<[#hadron.wht<4>], span = 0>}

// -----

// expected-error @+1 {{expected 'span'}}
func.func private @f() attributes {a = #hadron.rotation<[#hadron.wht<4>], axes = 2>}

// -----

// expected-error @+1 {{dense weights are f32, f16 or bf16; found 'i8'}}
func.func private @f() attributes {a = #hadron.dense<i8>}

// -----

// expected-error @+1 {{dense weights are f32, f16 or bf16; found 'f64'}}
func.func private @f() attributes {a = #hadron.dense<f64>}

// -----

// expected-error @+1 {{integer weights have 2, 4 or 8 bits; found 3}}
func.func private @f() attributes {a = #hadron.int<3, group = 32, sym, scale = f32>}

// -----

// expected-error @+1 {{integer weights have 2, 4 or 8 bits; found 0}}
func.func private @f() attributes {a = #hadron.int<0, group = 32, sym, scale = f32>}

// -----

// expected-error @+1 {{the group of integer weights is 0 (the whole row) or a multiple of 16; found 8}}
func.func private @f() attributes {a = #hadron.int<4, group = 8, sym, scale = f32>}

// -----

// expected-error @+1 {{the group of integer weights is 0 (the whole row) or a multiple of 16; found -16}}
func.func private @f() attributes {a = #hadron.int<4, group = -16, sym, scale = f32>}

// -----

// expected-error @+1 {{the group of integer weights is 0 (the whole row) or a multiple of 16; found 40}}
func.func private @f() attributes {a = #hadron.int<4, group = 40, sym, scale = f32>}

// -----

// expected-error @+1 {{scales are f32, f16 or bf16; found 'f64'}}
func.func private @f() attributes {a = #hadron.int<4, group = 32, sym, scale = f64>}
