// Parameters, symbols, and launches: what a program is made of around its arithmetic.
#ifndef HADRON_PROGRAM_OPS_TD
#define HADRON_PROGRAM_OPS_TD

include "HadronTypes.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/CallInterfaces.td"

def Hadron_ParamOp : Hadron_Op<"param", [Symbol, IsolatedFromAbove, NoRegionArguments, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A parameter, as the expression that computes it";
  let description = [{
    The region computes one value from slices of files and constants. Passes move operations whose operands are all parameters into such a region and never evaluate it; the library phase evaluates
    regions one at a time, in bounded memory. Equal regions are one parameter.

    ```mlir
    hadron.param @gain : tensor<576xf32> {
      %0 = hadron.file_slice "model.weights"[4096, 2304] : tensor<576xf32>
      hadron.yield %0 : tensor<576xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `:` $type attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Hadron_YieldOp : Hadron_Op<"yield", [Pure, Terminator, HasParent<"ParamOp">]> {
  let summary = "The value of a parameter";
  let description = [{
    ```mlir
    hadron.param @one : tensor<1xf32> {
      %0 = arith.constant dense<1.0> : tensor<1xf32>
      hadron.yield %0 : tensor<1xf32>
    }
    ```
  }];
  let arguments = (ins Optional<AnyType>:$value);
  let assemblyFormat = "($value^ `:` type($value))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_builder; (void)$_state; }]>];
}

def Hadron_ParamGetOp : Hadron_Op<"param.get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A parameter's value";
  let description = [{
    ```mlir
    %g = hadron.param.get @gain : tensor<576xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs AnyType:$value);
  let assemblyFormat = "$param attr-dict `:` type($value)";
}

def Hadron_FileSliceOp : Hadron_Op<"file_slice", [Pure]> {
  let summary = "Bytes of a file as a tensor";
  let description = [{
    `length` bytes from `offset`: dense, row-major, little-endian. Relative names start at the folder of the model. With `rows` and `stride` the slice is `rows` pieces of length / rows bytes, each `stride` bytes
    behind the one before: a shard. Element types of fewer than 8 bits are read as packed bytes: the tensor type then is of i8.

    ```mlir
    %0 = hadron.file_slice "model.weights"[4096, 2304] : tensor<576xf32>
    ```
  }];
  let arguments = (ins StrAttr:$file, I64Attr:$offset, I64Attr:$length, OptionalAttr<I64Attr>:$rows, OptionalAttr<I64Attr>:$stride);
  let results = (outs AnyStaticShapeTensor:$value);
  let assemblyFormat = "$file `[` $offset `,` $length `]` attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Hadron_SymbolOp : Hadron_Op<"symbol", [Pure]> {
  let summary = "The value of a symbolic size";
  let description = [{
    Bound at entry by the first input dimension whose `hadron.shape` is exactly this symbol.

    ```mlir
    %batch = hadron.symbol "batch" : index
    ```
  }];
  let arguments = (ins StrAttr:$symbol);
  let results = (outs Index:$value);
  let assemblyFormat = "$symbol attr-dict `:` type($value)";
}

def Hadron_LaunchOp : Hadron_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel";
  let description = [{
    Operands: the index values, then tensors, weights and states, as the kernel's arguments. Results are fresh tensors, or the states that the kernel wrote.

    ```mlir
    func.func private @k0(index, tensor<?x576xf32>) -> tensor<?x576xf32> attributes {hadron.kernel}
    func.func @f(%m: index, %x: tensor<?x576xf32>) -> tensor<?x576xf32> {
      %y = hadron.launch @k0(%m, %x) : (index, tensor<?x576xf32>) -> tensor<?x576xf32>
      return %y : tensor<?x576xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$arguments);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = "$kernel `(` $arguments `)` attr-dict `:` functional-type($arguments, $outputs)";
}

#endif // HADRON_PROGRAM_OPS_TD
