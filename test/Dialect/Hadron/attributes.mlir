// RUN: hadron-opt %s | hadron-opt | FileCheck %s
// RUN: hadron-opt --mlir-print-op-generic %s | hadron-opt | FileCheck %s

// Attributes as they are written, and the normal form of rotations.

func.func private @f() attributes {
  // CHECK: #hadron.wht<2>
  a0 = #hadron.wht<2>,
  // CHECK: #hadron.wht<1073741824>
  a1 = #hadron.wht<1073741824>,
  // CHECK: #hadron.hadamard<36, "paley2", 16>
  b0 = #hadron.hadamard<36, "paley2", 16>,
  // CHECK: #hadron.hadamard<12, "paley1", 1, transposed = true>
  b1 = #hadron.hadamard<12, "paley1", 1, transposed = true>,
  // What is the default is not printed.
  // CHECK: b2 = #hadron.hadamard<12, "paley1", 1>
  b2 = #hadron.hadamard<12, "paley1", 1, transposed = false>,
  // CHECK: #hadron.signs<576, seed = 7, role = "input">
  c0 = #hadron.signs<576, seed = 7, role = "input">,
  // CHECK: #hadron.signs<64, seed = 18446744073709551615, role = "residual", round = 2>
  c1 = #hadron.signs<64, role = "residual", round = 2, seed = 18446744073709551615>,
  // CHECK: #hadron.signs<1, seed = 0, role = "value_head">
  c2 = #hadron.signs<1, role = "value_head">,
  // CHECK: #hadron.signs<8, bits = "a5">
  c3 = #hadron.signs<8, bits = "a5">,
  // CHECK: #hadron.signs<9, bits = "0001">
  c4 = #hadron.signs<9, bits = "0001">,
  // CHECK: #hadron.permute<[2, 0, 1]>
  d0 = #hadron.permute<[2, 0, 1]>,
  // CHECK: #hadron.permute<[0]>
  d1 = #hadron.permute<[0]>,
  // CHECK: #hadron.dense<f32>
  e0 = #hadron.dense<f32>,
  // CHECK: #hadron.dense<bf16>
  e1 = #hadron.dense<bf16>,
  // CHECK: #hadron.int<4, group = 32, sym, scale = f32>
  f0 = #hadron.int<4, group = 32, sym, scale = f32>,
  // CHECK: #hadron.int<2, group = 64, asym, scale = f16>
  f1 = #hadron.int<2, group = 64, asym, scale = f16>,
  // CHECK: #hadron.int<8, group = 0, float_zero, scale = bf16>
  f2 = #hadron.int<8, group = 0, float_zero, scale = bf16>
}
