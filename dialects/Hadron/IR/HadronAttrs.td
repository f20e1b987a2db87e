// Attributes: transforms, signs, rotations, weight formats.
#ifndef HADRON_ATTRS_TD
#define HADRON_ATTRS_TD

include "HadronDialect.td"
include "HadronInterfaces.td"
include "mlir/IR/EnumAttr.td"

class Hadron_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<Hadron_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===--------------------------------------------------------------------------------------------------------------------===//
// Transforms
//===--------------------------------------------------------------------------------------------------------------------===//

def Hadron_WHTAttr : Hadron_Attr<"WHT", "wht", [DeclareAttrInterfaceMethods<OrthogonalTransform>]> {
  let summary = "Walsh-Hadamard transform of a power-of-two block";
  let description = [{
    The orthonormal Sylvester matrix H_n in natural order: H[i][j] = (-1)^popcount(i & j) / sqrt(n). H = H^T = H^-1.

    ```mlir
    #hadron.wht<64>
    ```
  }];
  let parameters = (ins "int64_t":$block);
  let assemblyFormat = "`<` $block `>`";
  let genVerifyDecl = 1;
}

def Hadron_HadamardAttr : Hadron_Attr<"Hadamard", "hadamard", [DeclareAttrInterfaceMethods<OrthogonalTransform>]> {
  let summary = "Hadamard transform of order m * 2^k";
  let description = [{
    (H_m (x) H_{2^k}) / sqrt(m 2^k): m outer. H_m is the matrix named by `table`, since constructions differ between projects; it need not be symmetric.
    `transposed` uses H_m^T.

    ```mlir
    #hadron.hadamard<36, "paley2", 16>
    ```
  }];
  let parameters = (ins "int64_t":$order, "::mlir::StringAttr":$table, "int64_t":$inner, DefaultValuedParameter<"bool", "false">:$transposed);
  let assemblyFormat = "`<` $order `,` $table `,` $inner (`,` `transposed` `=` $transposed^)? `>`";
  let genVerifyDecl = 1;
}

def Hadron_SignsAttr : Hadron_Attr<"Signs", "signs"> {
  let summary = "A diagonal of +1 and -1, repeated along the last axis";
  let description = [{
    Derived from a seed by SplitMix64 as `docs/numerics.md` says, by role (`residual`, `value_head`, `input`), width and round, or explicit: `bits` is hexadecimal (lower case), bit i of the string of
    bytes (low bit first) set where sign i is -1, the bits behind the last sign zero: equal signs have one spelling.

    ```mlir
    #hadron.signs<576, seed = 7, role = "input">
    #hadron.signs<8, bits = "a5">
    ```
  }];
  let parameters = (ins "int64_t":$width, OptionalParameter<"::mlir::StringAttr">:$role, "uint64_t":$seed, "uint64_t":$round, OptionalParameter<"::mlir::StringAttr">:$bits);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The signs bit-packed, low bit first: set where the sign is -1.
    std::vector<uint8_t> getPacked() const;
  }];
}

def Hadron_PermuteAttr : Hadron_Attr<"Permute", "permute"> {
  let summary = "A permutation of the last axis, repeated along it";
  let description = [{
    y[i] = x[indices[i]].

    ```mlir
    #hadron.permute<[2, 0, 1]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$indices);
  let assemblyFormat = "`<` `[` $indices `]` `>`";
  let genVerifyDecl = 1;
}

def Hadron_RotationAttr : Hadron_Attr<"Rotation", "rotation"> {
  let summary = "An orthonormal map of the last axis: the basis of a value";
  let description = [{
    A list of factors applied left to right: signs, permutations and transforms. `R x = T (D x)` is `[signs, transform]`: signs first. Rotations are compared after
    normalisation, which this attribute does when it is made: adjacent factors that are each other's inverse are dropped. `span = n` lets the rotation act on the
    last n axes taken as one.

    ```mlir
    #hadron.rotation<[#hadron.signs<576, seed = 7, role = "input">, #hadron.wht<64>]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$factors, DefaultValuedParameter<"int64_t", "1">:$span);
  let skipDefaultBuilders = 1;
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<::mlir::Attribute>":$factors, CArg<"int64_t", "1">:$span)>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether nothing is left after normalisation.
    bool isIdentity() const { return getFactors().empty(); }
    /// The least size that every width must be a multiple of.
    int64_t getPeriod() const;
    /// Why the rotation cannot act on an axis of `width`; empty when it can.
    std::string whyNot(int64_t width) const;
    /// Why it cannot act on the last `span` axes of `tensor`; empty when it can.
    std::string whyNot(::mlir::RankedTensorType tensor) const;
    /// The inverse as a list of factors.
    RotationAttr getInverse() const;
    /// x -> R x, or R^T x when `inverse`, in place, in f64. x.size() is a multiple of the period.
    void apply(::llvm::MutableArrayRef<double> x, bool inverse) const;
    /// A 64-bit hash of the canonical text; 0 is left to the standard basis.
    uint64_t getHash() const;
  }];
}

//===--------------------------------------------------------------------------------------------------------------------===//
// Weight formats
//===--------------------------------------------------------------------------------------------------------------------===//

def Hadron_DenseAttr : Hadron_Attr<"DenseFormat", "dense", [DeclareAttrInterfaceMethods<PackedFormat>]> {
  let summary = "Weights as they are, in tiles of 16 outputs";
  let description = [{
    ```mlir
    #hadron.dense<f32>
    ```
  }];
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
  let genVerifyDecl = 1;
}

def Hadron_ZeroKind : I32EnumAttr<"ZeroKind", "how the zero point of a group is stored", [
    I32EnumAttrCase<"Symmetric", 0, "sym">, I32EnumAttrCase<"Integer", 1, "asym">, I32EnumAttrCase<"Float", 2, "float_zero">]> {
  let cppNamespace = "::hadron";
  let genSpecializedAttr = 0;
}

def Hadron_IntAttr : Hadron_Attr<"IntFormat", "int", [DeclareAttrInterfaceMethods<PackedFormat>]> {
  let summary = "Affine integers in groups along K, as MatMulNBits and blocked DequantizeLinear have them";
  let description = [{
    value = (code - zero) * scale, codes unsigned of 2, 4 or 8 bits. Symmetric: zero = 2^(bits-1), the scale of either sign. `group = 0` is one group for the whole row.
    A last group may be short.

    ```mlir
    #hadron.int<4, group = 32, sym, scale = f32>
    ```
  }];
  let parameters = (ins "int64_t":$bits, "int64_t":$group, EnumParameter<Hadron_ZeroKind>:$zero, "::mlir::Type":$scale);
  let assemblyFormat = "`<` $bits `,` `group` `=` $group `,` $zero `,` `scale` `=` $scale `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getGroups(int64_t inputs) const { return getGroup() ? inputs / getGroup() + (inputs % getGroup() != 0) : 1; }
  }];
}

def Hadron_Arithmetic : I32EnumAttr<"Arithmetic", "in what a product is computed", [
    I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"Int8Row", 1, "int8_row">, I32EnumAttrCase<"Int8Group", 2, "int8_group">]> {
  let cppNamespace = "::hadron";
}

def Hadron_NormKind : I32EnumAttr<"NormKind", "normalization of a row", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"RMS", 1, "rms">, I32EnumAttrCase<"Layer", 2, "layer">]> {
  let cppNamespace = "::hadron";
}

def Hadron_Activation : I32EnumAttr<"Activation", "elementwise function", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"SiLU", 1, "silu">, I32EnumAttrCase<"GELU", 2, "gelu">, I32EnumAttrCase<"GELUTanh", 3, "gelu_tanh">,
    I32EnumAttrCase<"ReLU", 4, "relu">]> {
  let cppNamespace = "::hadron";
}

#endif // HADRON_ATTRS_TD
