#ifndef HADRON_ONNX_TYPES_TD
#define HADRON_ONNX_TYPES_TD

include "ONNX/IR/ONNXDialect.td"
include "mlir/IR/AttrTypeBase.td"

class ONNX_Type<string name, string typeMnemonic> : TypeDef<ONNX_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def ONNX_TensorType : ONNX_Type<"OnnxTensor", "tensor"> {
  let summary = "a tensor whose dimensions are symbolic sizes";
  let description = [{
    `!onnx.tensor<batch x (past + seq) x 576 x f32>`: each dimension is a sum of products of symbols
    (`hadron::SymbolicSize`), in parentheses unless it is one symbol or one number. `!onnx.tensor<f32>` is a scalar,
    `!onnx.tensor<* x f32>` has unknown rank, element type `none` is unknown.

    Element types: signed integers are signless (`i64`, `i4`, `i2`), unsigned ones are `ui8`, `ui4`, …, bool is `i1`;
    `bf16`, `f8E4M3FN`, … as in MLIR; `complex64`, `complex128`, `string`.

    It is not a `ShapedType`: nothing upstream may take it for a tensor before `raise` has said what the sizes are.
  }];
  // The canonical text of each dimension, a StringAttr each, so that types are uniqued; a null array: unknown rank.
  let parameters = (ins "::mlir::ArrayAttr":$dimTexts, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    TypeBuilder<(ins "::llvm::ArrayRef<::hadron::SymbolicSize>":$dims, "::mlir::Type":$elementType)>,
    TypeBuilder<(ins "::mlir::Type":$elementType)>,
  ];
  let extraClassDeclaration = [{
    bool hasRank() const { return static_cast<bool>(getDimTexts()); }
    /// Rank, dimensions: only with hasRank().
    unsigned getRank() const { return getDimTexts().size(); }
    ::hadron::SymbolicSize getDim(unsigned i) const;
    ::llvm::SmallVector<::hadron::SymbolicSize> getDims() const;
    /// Is the element type known?
    bool hasElementType() const { return !::llvm::isa<::mlir::NoneType>(getElementType()); }
    /// The dimensions as numbers, when all of them are.
    ::std::optional<::llvm::SmallVector<int64_t>> getStaticDims() const;
    /// Bits of one element in an ONNX file (bool 8, int4 4); 0 for strings and unknown types.
    static unsigned getStorageBits(::mlir::Type elementType);
  }];
}

def ONNX_StringType : ONNX_Type<"String", "string"> {
  let summary = "the element type of string tensors; nothing computes with it";
}

class ONNX_Attr<string name, string attrMnemonic> : AttrDef<ONNX_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def ONNX_FileSliceAttr : ONNX_Attr<"FileSlice", "file_slice"> {
  let summary = "bytes of a file in the model's folder";
  let description = [{
    `#onnx.file_slice<"model.onnx_data", 4096, 1327104>`: file, relative to the folder of the graph's `source`; offset and
    length in bytes. The model's own file is named too: the bytes of weights never enter the IR.
  }];
  let parameters = (ins StringRefParameter<>:$file, "uint64_t":$offset, "uint64_t":$length);
  let assemblyFormat = "`<` $file `,` $offset `,` $length `>`";
}

#endif // HADRON_ONNX_TYPES_TD
