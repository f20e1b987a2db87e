#ifndef HADRON_ONNX_OPS_TD
#define HADRON_ONNX_OPS_TD

include "ONNX/IR/ONNXTypes.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class ONNX_Op<string opMnemonic, list<Trait> traits = []> : Op<ONNX_Dialect, opMnemonic, traits>;

def ONNX_Value : AnyTypeOf<[ONNX_TensorType, NoneType], "tensor with symbolic sizes, or none where ONNX has an empty name">;

def ONNX_GraphOp : ONNX_Op<"graph", [
    IsolatedFromAbove, Symbol, SingleBlockImplicitTerminator<"ReturnOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "the main graph of a model";
  let description = [{
    Block arguments are the graph's inputs (without those that initializers give), the operands of `onnx.return` its outputs.

    - `symbols`: the symbols that input dimensions bind, in order of appearance.
    - `substitutions`: symbols of the file that were found to equal something else, so that they occur no more:
      `{total = "past + seq"}` because a mask `[batch, total]` is added to scores `[…, past + seq]`, `{kv_cache_dim = "64"}`.
      The inputs' types have the right-hand side, which is thus checked where an input is.
    - `constraints`: what has to hold besides, to be checked at entry: `"2*a == 3*b"`, `"seq <= 512"`.
    - `data_dependent`: symbols that no input binds (the number of non-zeros), each named after the value that has it.

    ```mlir
    onnx.graph @main("x" %x: !onnx.tensor<batch x 4 x f32>) -> ("y")
        attributes {ir_version = 10 : i64, opsets = {ai.onnx = 20 : i64}, symbols = ["batch"]} {
      %y = onnx.node "Relu" since 14 (%x) outputs ["y"] : (!onnx.tensor<batch x 4 x f32>) -> !onnx.tensor<batch x 4 x f32>
      onnx.return %y : !onnx.tensor<batch x 4 x f32>
    }
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    StrArrayAttr:$input_names,
    StrArrayAttr:$output_names,
    OptionalAttr<StrAttr>:$producer,
    OptionalAttr<StrAttr>:$source,
    I64Attr:$ir_version,
    DictionaryAttr:$opsets,
    OptionalAttr<StrArrayAttr>:$symbols,
    OptionalAttr<DictionaryAttr>:$substitutions,
    OptionalAttr<StrArrayAttr>:$constraints,
    OptionalAttr<StrArrayAttr>:$data_dependent);
  let regions = (region SizedRegion<1>:$body_region);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The version of a domain that the model imports; nothing when it imports none. "" is the default domain.
    ::std::optional<int64_t> getOpset(::llvm::StringRef domain);
    ReturnOp getReturn();
    ::llvm::StringRef getInputName(unsigned i) { return ::llvm::cast<::mlir::StringAttr>(getInputNames()[i]).getValue(); }
    ::llvm::StringRef getOutputName(unsigned i) { return ::llvm::cast<::mlir::StringAttr>(getOutputNames()[i]).getValue(); }
    /// Where a slice's file lies: beside `source`.
    ::std::string getPath(FileSliceAttr slice);
  }];
}

def ONNX_ReturnOp : ONNX_Op<"return", [Terminator, Pure, ParentOneOf<["GraphOp", "NodeOp"]>]> {
  let summary = "ends a graph or a node's subgraph";
  let arguments = (ins Variadic<ONNX_Value>:$results);
  let assemblyFormat = "($results^ `:` type($results))? attr-dict";
  let builders = [OpBuilder<(ins), "build($_builder, $_state, ::mlir::ValueRange{});">];
}

def ONNX_NoneOp : ONNX_Op<"none", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the operand in place of an omitted input";
  let description = [{
    ONNX writes `""` for an optional input that is omitted, also in the middle of the list. An operand of type `none` in
    its place keeps operand numbers equal to ONNX's input numbers. `%none = onnx.none`
  }];
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), "$_state.addTypes($_builder.getNoneType());">];
}

def ONNX_InitializerOp : ONNX_Op<"initializer", [
    Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a constant of the model: an initializer, or a Constant node";
  let description = [{
    `data` is one of
    - `#onnx.file_slice`: row-major little-endian bytes, sub-byte elements packed low bits first over the whole tensor;
    - a dense elements attribute of the same element type, for small tensors and those that the file does not store as bytes;
    - for sub-byte elements, a dense attribute of `ui8`: the packed bytes as ONNX stores them, never one byte per element.

    ```mlir
    %w = onnx.initializer "w" #onnx.file_slice<"m.onnx_data", 0, 4096> -> !onnx.tensor<32 x 32 x f32>
    %s = onnx.initializer "s" dense<[0, -1]> : tensor<2xi64> -> !onnx.tensor<2 x i64>
    %q = onnx.initializer "q" dense<[33, 3]> : tensor<2xui8> -> !onnx.tensor<3 x i4>
    ```
  }];
  let arguments = (ins StrAttr:$value_name, AnyAttr:$data);
  let results = (outs ONNX_TensorType:$result);
  let assemblyFormat = "$value_name $data attr-dict `->` qualified(type($result))";
  let hasVerifier = 1;
}

def ONNX_NodeOp : ONNX_Op<"node", [
    NoTerminator, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "one node of an ONNX graph";
  let description = [{
    - `op_type` of `domain` (`""` is ONNX's own domain and not printed), `since_version` its version in effect: the greatest
      that is not above the opset which the model imports; 0 when the operator is not known.
    - Operand i is input i, result i is output i. Type `none` stands for an omitted one.
    - `onnx_attributes`: INT `i64`, FLOAT `f32`, STRING string, INTS/FLOATS `array<…>`, TENSOR dense elements.
    - `outputs`: the file's names of the results. `scope`: the module path that torch's exporter recorded.
    - `values`: per result, the elements of a small integer tensor as sizes, row-major (`unit` where not known).
    - `region_names`: the attribute names of the regions (`then_branch`, `body`). Regions see the values outside.

    The node's name is in its location: a NameLoc fused with the file and the number of the node.

    ```mlir
    %s = onnx.node "Shape" since 15 (%x) {start = 0 : i64} outputs ["s"] values [["batch", "4"]]
        : (!onnx.tensor<batch x 4 x f32>) -> !onnx.tensor<2 x i64>
    %y, %sum = onnx.node "SkipSimplifiedLayerNormalization" of "com.microsoft" since 1 (%x, %r, %g, %none)
        outputs ["y", "sum"] : (!onnx.tensor<batch x 4 x f32>, !onnx.tensor<batch x 4 x f32>, !onnx.tensor<4 x f32>, none)
        -> (!onnx.tensor<batch x 4 x f32>, !onnx.tensor<batch x 4 x f32>)
    ```
  }];
  let arguments = (ins
    StrAttr:$op_type,
    DefaultValuedStrAttr<StrAttr, "">:$domain,
    I64Attr:$since_version,
    Variadic<ONNX_Value>:$inputs,
    DictionaryAttr:$onnx_attributes,
    OptionalAttr<StrArrayAttr>:$outputs,
    OptionalAttr<StrAttr>:$scope,
    OptionalAttr<ArrayAttr>:$values,
    OptionalAttr<StrArrayAttr>:$region_names);
  let results = (outs Variadic<ONNX_Value>:$results);
  let regions = (region VariadicRegion<AnyRegion>:$bodies);
  let assemblyFormat = [{
    $op_type (`of` $domain^)? `since` $since_version ` ` `(` $inputs `)` `` custom<OnnxAttributes>($onnx_attributes)
    (`outputs` $outputs^)? (`scope` $scope^)? (`values` $values^)? (`regions` $region_names^ $bodies)?
    attr-dict `:` functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Is this (domain, op)?
    bool is(::llvm::StringRef domain, ::llvm::StringRef opType) { return getDomain() == domain && getOpType() == opType; }
    /// Input i, or null when it is omitted.
    ::mlir::Value getInput(unsigned i);
    /// Output i, or null when it is omitted.
    ::mlir::Value getOutput(unsigned i);
    ::llvm::StringRef getOutputName(unsigned i);
    /// Attributes of the ONNX node, with the default when it is absent.
    ::mlir::Attribute getAttribute(::llvm::StringRef name) { return getOnnxAttributes().get(name); }
    int64_t getInt(::llvm::StringRef name, int64_t otherwise);
    double getFloat(::llvm::StringRef name, double otherwise);
    ::llvm::StringRef getString(::llvm::StringRef name, ::llvm::StringRef otherwise);
    ::std::optional<::llvm::ArrayRef<int64_t>> getInts(::llvm::StringRef name);
    /// The node's name, from its location.
    ::llvm::StringRef getNodeName();
    /// `node '/model/Add' (Add)`, for messages.
    ::std::string describe();
  }];
}

#endif // HADRON_ONNX_OPS_TD
