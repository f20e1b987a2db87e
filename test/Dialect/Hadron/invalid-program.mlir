// RUN: hadron-opt --split-input-file --verify-diagnostics %s

// What param, yield, param.get, file_slice, launch, and attributes of functions and values refuse.

// expected-error @+1 {{yields its type 'tensor<4xf32>'; found 'tensor<5xf32>'}}
hadron.param @p : tensor<4xf32> {
  %0 = arith.constant dense<0.0> : tensor<5xf32>
  hadron.yield %0 : tensor<5xf32>
}

// -----

// The implicit terminator yields nothing.
// expected-error @+1 {{yields its type 'tensor<4xf32>'; found 'none'}}
hadron.param @p : tensor<4xf32> {
}

// -----

// expected-error @+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
"hadron.param"() <{sym_name = "p", type = tensor<4xf32>}> ({}) : () -> ()

// -----

// expected-error @+2 {{expects regions to end with 'hadron.yield', found 'llvm.unreachable'}}
// expected-note @+1 {{in custom textual format, the absence of terminator implies 'hadron.yield'}}
"hadron.param"() <{sym_name = "p", type = tensor<4xf32>}> ({
  llvm.unreachable
}) : () -> ()

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{expects parent op 'hadron.param'}}
  hadron.yield %x : tensor<4xf32>
}

// -----

func.func @f() {
  // expected-error @+1 {{there is no parameter @p}}
  %0 = hadron.param.get @p : tensor<4xf32>
  return
}

// -----

func.func private @p()
func.func @f() {
  // expected-error @+1 {{there is no parameter @p}}
  %0 = hadron.param.get @p : tensor<4xf32>
  return
}

// -----

hadron.param @p : tensor<4xf32> {
  %0 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %0 : tensor<4xf32>
}
func.func @f() {
  // expected-error @+1 {{parameter @p is 'tensor<4xf32>'; found 'tensor<4xf16>'}}
  %0 = hadron.param.get @p : tensor<4xf16>
  return
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{'tensor<4xf32>' has 16 bytes; found 12}}
  %0 = hadron.file_slice "w"[0, 12] : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{offset and length are not negative, and their sum is a size; found -4 and 16}}
  %0 = hadron.file_slice "w"[-4, 16] : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{offset and length are not negative, and their sum is a size; found 0 and -16}}
  %0 = hadron.file_slice "w"[0, -16] : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{offset and length are not negative, and their sum is a size; found 9223372036854775807 and 16}}
  %0 = hadron.file_slice "w"[9223372036854775807, 16] : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{reads integers or floats; found 'tensor<4xindex>'}}
  %0 = hadron.file_slice "w"[0, 32] : tensor<4xindex>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{reads integers or floats; found 'tensor<4xcomplex<f32>>'}}
  %0 = hadron.file_slice "w"[0, 32] : tensor<4xcomplex<f32>>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{'tensor<4611686018427387904x4xf32>' is too large}}
  %0 = hadron.file_slice "w"[0, 0] : tensor<4611686018427387904x4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{must be statically shaped tensor of any type values}}
  %0 = hadron.file_slice "w"[0, 16] : tensor<?xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{'rows' goes with 'stride'}}
  %0 = hadron.file_slice "w"[0, 16] {rows = 2 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{'rows' goes with 'stride'}}
  %0 = hadron.file_slice "w"[0, 16] {stride = 8 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{'rows' divides the length, 16, into pieces that 'stride' does not let overlap; found rows 3 and stride 8}}
  %0 = hadron.file_slice "w"[0, 16] {rows = 3 : i64, stride = 8 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{found rows 0 and stride 8}}
  %0 = hadron.file_slice "w"[0, 16] {rows = 0 : i64, stride = 8 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{found rows -1 and stride 8}}
  %0 = hadron.file_slice "w"[0, 16] {rows = -1 : i64, stride = 8 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{found rows 2 and stride 4}}
  %0 = hadron.file_slice "w"[0, 16] {rows = 2 : i64, stride = 4 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

hadron.param @p : tensor<4xf32> {
  // expected-error @+1 {{rows 2 of stride 9223372036854775807 are too large}}
  %0 = hadron.file_slice "w"[0, 16] {rows = 2 : i64, stride = 9223372036854775807 : i64} : tensor<4xf32>
  %1 = arith.constant dense<0.0> : tensor<4xf32>
  hadron.yield %1 : tensor<4xf32>
}

// -----

func.func @f() {
  // expected-error @+1 {{there is no kernel @k}}
  hadron.launch @k() : () -> ()
  return
}

// -----

func.func private @k(index) attributes {hadron.kernel}
func.func @f() {
  // expected-error @+1 {{kernel @k has another signature, '(index) -> ()'}}
  hadron.launch @k() : () -> ()
  return
}

// -----

func.func private @k(index) -> index attributes {hadron.kernel}
func.func @f(%i: index) {
  // expected-error @+1 {{kernel @k has another signature, '(index) -> index'}}
  hadron.launch @k(%i) : (index) -> ()
  return
}

// -----

// Not every function has a type of func.
llvm.func @k(i64)
func.func @f() {
  // expected-error @+1 {{kernel @k has another signature, '!llvm.func<void (i64)>'}}
  hadron.launch @k() : () -> ()
  return
}

// -----

// expected-error @+1 {{has the unknown attribute 'hadron.entries'; known: hadron.checked, hadron.entry}}
func.func private @f() attributes {hadron.entries}

// -----

// expected-error @+1 {{attribute 'hadron.name' is a string}}
func.func private @f(tensor<4xf32> {hadron.name = 7})

// -----

// expected-error @+1 {{attribute 'hadron.shape' has one string for each axis of 'tensor<4x4xf32>'; found ["4"]}}
func.func private @f(tensor<4x4xf32> {hadron.shape = ["4"]})

// -----

// expected-error @+1 {{attribute 'hadron.shape' has one string for each axis of 'tensor<4xf32>'; found [4]}}
func.func private @f(tensor<4xf32> {hadron.shape = [4]})

// -----

// expected-error @+1 {{attribute 'hadron.shape' has one string for each axis of 'index'; found []}}
func.func private @f(index {hadron.shape = []})

// -----

// expected-error @+1 {{attribute 'hadron.shape' has one string for each axis of 'tensor<4xf32>'; found "4"}}
func.func private @f() -> (tensor<4xf32> {hadron.shape = "4"})

// -----

// expected-error @+1 {{attribute 'hadron.state' is a dictionary, on a state}}
func.func private @f(tensor<4xf32> {hadron.state = {}})

// -----

// expected-error @+1 {{attribute 'hadron.state' is a dictionary, on a state}}
func.func private @f(!hadron.state<3x64xf32> {hadron.state = "past"})

// -----

// expected-error @+1 {{has the unknown attribute 'hadron.shapes' on a value}}
func.func private @f(tensor<4xf32> {hadron.shapes = ["4"]})
