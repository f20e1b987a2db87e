// RUN: hadron-opt --allow-unregistered-dialect --split-input-file --verify-diagnostics %s

// An operation that nobody has registered has no basis rule either.

#r = #hadron.rotation<[#hadron.wht<64>]>
func.func @f(%x: tensor<8x64xf32>) {
  %0 = hadron.rotate %x : tensor<8x64xf32> -> !hadron.rotated<tensor<8x64xf32>, #r>
  // expected-error @+1 {{'other.op' op has no basis rule for}}
  "other.op"(%0) : (!hadron.rotated<tensor<8x64xf32>, #r>) -> ()
  return
}
