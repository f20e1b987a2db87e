// Types: rotated tensors, packed weights, states.
#ifndef HADRON_TYPES_TD
#define HADRON_TYPES_TD

include "HadronAttrs.td"

class Hadron_Type<string name, string typeMnemonic> : TypeDef<Hadron_Dialect, name> { let mnemonic = typeMnemonic; }

def Hadron_RotatedType : Hadron_Type<"Rotated", "rotated"> {
  let summary = "A tensor in a rotated basis";
  let description = [{
    Not a tensor type: an operation on tensors refuses it, so none can pass a wrong basis on.

    ```mlir
    !hadron.rotated<tensor<?x4096xf16>, #hadron.rotation<[#hadron.wht<256>]>>
    ```
  }];
  let parameters = (ins TypeParameter<"::mlir::RankedTensorType", "">:$tensor, "::hadron::RotationAttr":$rotation);
  let assemblyFormat = "`<` $tensor `,` $rotation `>`";
  let genVerifyDecl = 1;
}

def Hadron_PackedType : Hadron_Type<"Packed", "packed"> {
  let summary = "A weight matrix of K inputs and N outputs in a packed format";
  let description = [{
    `in` is the basis of its inputs, `out` that of its outputs; absent: standard. With W the [K, N] matrix in the standard basis and R the rotation `in`, the stored
    matrix is R W: y = x W = (R x)^T (R W).

    ```mlir
    !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>, in = #hadron.rotation<[#hadron.wht<64>]>>
    ```
  }];
  let parameters = (ins "int64_t":$inputs, "int64_t":$outputs, "::mlir::Attribute":$format, "::hadron::RotationAttr":$in, "::hadron::RotationAttr":$out);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::hadron::PackedFormat getPackedFormat() const;
    /// Bytes in the execution layout.
    int64_t getBytes() const;
  }];
}

def Hadron_StateType : Hadron_Type<"State", "state"> {
  let summary = "A cache that grows along its tokens, owned by the caller";
  let description = [{
    One tensor [batch, heads, capacity, dim] of which the first `length` tokens are valid. The library creates it with a capacity. `in` is the basis of each head; absent: standard.

    ```mlir
    !hadron.state<3x64xf32>
    ```
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$dim, "::mlir::Type":$element, OptionalParameter<"::hadron::RotationAttr">:$basis);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Hadron_AnyRotated : Type<CPred<"::llvm::isa<::hadron::RotatedType>($_self)">, "tensor in a rotated basis">;
def Hadron_AnyPacked : Type<CPred<"::llvm::isa<::hadron::PackedType>($_self)">, "packed weight">;
def Hadron_AnyState : Type<CPred<"::llvm::isa<::hadron::StateType>($_self)">, "state">;
/// A tensor in any basis.
def Hadron_AnyBasis : AnyTypeOf<[AnyRankedTensor, Hadron_AnyRotated], "tensor in any basis">;

#endif // HADRON_TYPES_TD
