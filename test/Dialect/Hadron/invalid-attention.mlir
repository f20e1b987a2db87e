// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What attention, append and attend refuse, besides bases.

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{expected keys and values of rank 4; found 'tensor<?x3x64xf32>' and 'tensor<?x?x3x64xf32>'}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{expected a query of rank 4; found 'tensor<?x9x64xf32>'}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x8x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{the number of query heads is a multiple of that of KV heads; found 8 and 3}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x8x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x?x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{expected static numbers of heads, and a static head size; found the query 'tensor<?x?x?x64xf32>'}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x?x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{expected static numbers of heads, and a static head size}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x0x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{the number of query heads is a multiple of that of KV heads; found 9 and 0}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x0x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

// With heads_first, the heads are the second axis.
func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{expected static numbers of heads, and a static head size}}
  %0 = hadron.attention %q, %k, %v {heads_first, resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x32xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{query and key heads have one size; found 64 and 32}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x32xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x9x64xf32>) {
  // expected-error @+1 {{keys and values have the same heads; found 'tensor<?x?x3x64xf32>' and 'tensor<?x?x9x64xf32>'}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x9x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{gives the query's heads with values of the value heads' size; found 'tensor<?x?x9x64xf32>' and 'tensor<?x9x64xf32>'}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{gives the query's heads with values of the value heads' size}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x3x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x32xf32>) {
  // expected-error @+1 {{gives the query's heads with values of the value heads' size}}
  %0 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x32xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{takes, and gives, keys and values together}}
  %0:2 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 1, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>, tensor<?x3x?x64xf32>
  return
}

// -----

// The text takes both or none; the generic form need not.
func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %p: tensor<?x3x?x64xf32>) {
  // expected-error @+1 {{takes, and gives, keys and values together}}
  %0 = "hadron.attention"(%q, %k, %k, %p) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32>, tensor<?x3x?x64xf32>) -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %p: tensor<?x9x?x64xf32>) {
  // expected-error @+1 {{'past_key' is [batch, KV heads, tokens, d] for 'tensor<?x?x3x64xf32>'; found 'tensor<?x9x?x64xf32>'}}
  %0 = hadron.attention %q, %k, %v past(%p, %p : tensor<?x9x?x64xf32>, tensor<?x9x?x64xf32>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %p: tensor<?x3x?x64xf32>, %r: tensor<?x3x64xf32>) {
  // expected-error @+1 {{'past_value' is [batch, KV heads, tokens, d]}}
  %0 = hadron.attention %q, %k, %v past(%p, %r : tensor<?x3x?x64xf32>, tensor<?x3x64xf32>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{'present_key' is [batch, KV heads, tokens, d]}}
  %0:3 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 1, 1>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>, tensor<?x3x?x32xf32>, tensor<?x3x?x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>) {
  // expected-error @+1 {{'present_value' is [batch, KV heads, tokens, d]}}
  %0:3 = hadron.attention %q, %k, %v {resultSegmentSizes = array<i32: 1, 1, 1>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>, tensor<?x3x?x64xf32>, tensor<64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %m: tensor<1x1x1x1x4xf32>) {
  // expected-error @+1 {{'mask' is broadcast over [batch, heads, sequence, tokens], and is added (float) or selects (i1); found 'tensor<1x1x1x1x4xf32>'}}
  %0 = hadron.attention %q, %k, %v mask(%m : tensor<1x1x1x1x4xf32>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %m: tensor<?x?xi32>) {
  // expected-error @+1 {{is added (float) or selects (i1); found 'tensor<?x?xi32>'}}
  %0 = hadron.attention %q, %k, %v mask(%m : tensor<?x?xi32>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %l: tensor<?xi64>) {
  // expected-error @+1 {{'lengths' is i32 [batch]; found 'tensor<?xi64>'}}
  %0 = hadron.attention %q, %k, %v lengths(%l : tensor<?xi64>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %k: tensor<?x?x3x64xf32>, %v: tensor<?x?x3x64xf32>, %l: tensor<i32>) {
  // expected-error @+1 {{'lengths' is i32 [batch]; found 'tensor<i32>'}}
  %0 = hadron.attention %q, %k, %v lengths(%l : tensor<i32>) {resultSegmentSizes = array<i32: 1, 0, 0>} : tensor<?x?x9x64xf32>, tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%k: tensor<?x?x4x64xf32>, %s: !hadron.state<3x64xf32>, %p: index) {
  // expected-error @+1 {{expected 3 heads of 64 for '!hadron.state<3x64xf32>'; found 'tensor<?x?x4x64xf32>'}}
  %0 = hadron.append %k, %s at %p : tensor<?x?x4x64xf32>, !hadron.state<3x64xf32>
  return
}

// -----

func.func @f(%k: tensor<?x3x64xf32>, %s: !hadron.state<3x64xf32>, %p: index) {
  // expected-error @+1 {{expected 3 heads of 64 for '!hadron.state<3x64xf32>'; found 'tensor<?x3x64xf32>'}}
  %0 = hadron.append %k, %s at %p : tensor<?x3x64xf32>, !hadron.state<3x64xf32>
  return
}

// -----

func.func @f(%k: tensor<?x?x3x64xf32>, %s: !hadron.state<3x64xf32>, %p: index) {
  // expected-error @+1 {{expected 3 heads of 64 for '!hadron.state<3x64xf32>'; found 'tensor<?x?x3x64xf32>'}}
  %0 = hadron.append %k, %s at %p {heads_first} : tensor<?x?x3x64xf32>, !hadron.state<3x64xf32>
  return
}

// -----

func.func @f(%k: !hadron.state<3x64xf32>, %p: index) {
  // expected-error @+1 {{expected builtin.tensor, but found}}
  %0 = hadron.append %k, %k at %p : !hadron.state<3x64xf32>, !hadron.state<3x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x8x64xf32>, %s: !hadron.state<3x64xf32>, %t: index) {
  // expected-error @+1 {{the number of query heads is a multiple of that of KV heads; found 8 and 3}}
  %0 = hadron.attend %q, %s, %s total(%t) : tensor<?x?x8x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x8x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x9x64xf32>, %s: !hadron.state<3x64xf32>, %t: index) {
  // expected-error @+1 {{expected a query of rank 4; found 'tensor<?x9x64xf32>'}}
  %0 = hadron.attend %q, %s, %s total(%t) : tensor<?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x32xf32>, %s: !hadron.state<3x64xf32>, %t: index) {
  // expected-error @+1 {{expected keys and values for heads of 32; found '!hadron.state<3x64xf32>' and '!hadron.state<3x64xf32>'}}
  %0 = hadron.attend %q, %s, %s total(%t) : tensor<?x?x9x32xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x9x32xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %s: !hadron.state<3x64xf32>, %u: !hadron.state<9x64xf32>, %t: index) {
  // expected-error @+1 {{expected keys and values for heads of 64; found '!hadron.state<3x64xf32>' and '!hadron.state<9x64xf32>'}}
  %0 = hadron.attend %q, %s, %u total(%t) : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<9x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %s: !hadron.state<3x64xf32>, %t: index) {
  // expected-error @+1 {{gives the query's heads with values of the value heads' size}}
  %0 = hadron.attend %q, %s, %s total(%t) : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x3x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %s: !hadron.state<3x64xf32>, %t: index, %m: tensor<?xi8>) {
  // expected-error @+1 {{is added (float) or selects (i1); found 'tensor<?xi8>'}}
  %0 = hadron.attend %q, %s, %s total(%t) mask(%m : tensor<?xi8>) : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x9x64xf32>
  return
}

// -----

func.func @f(%q: tensor<?x?x9x64xf32>, %s: !hadron.state<3x64xf32>, %t: index, %l: tensor<?x?xi32>) {
  // expected-error @+1 {{'lengths' is i32 [batch]; found 'tensor<?x?xi32>'}}
  %0 = hadron.attend %q, %s, %s total(%t) lengths(%l : tensor<?x?xi32>) : tensor<?x?x9x64xf32>, !hadron.state<3x64xf32>, !hadron.state<3x64xf32> -> tensor<?x?x9x64xf32>
  return
}
