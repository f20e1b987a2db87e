// Normalization, gates, rotary embedding, and the fused prologue of a product.
#ifndef HADRON_NORM_OPS_TD
#define HADRON_NORM_OPS_TD

include "HadronTypes.td"

def Hadron_RMSNormOp : Hadron_Op<"rms_norm", [Pure, AllTypesMatch<["input", "output"]>, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Root mean square normalization of the last axis";
  let description = [{
    y = x / sqrt(mean(x^2) + epsilon) * gain, computed in f32. Without `gain` it commutes with any orthogonal map of the last axis, and the basis is kept; with `gain` the basis must be the
    standard one.

    ```mlir
    %y = hadron.rms_norm %x gain(%g : tensor<576xf32>) {epsilon = 1.0e-5 : f64} : tensor<?x576xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyBasis:$input, Optional<AnyRankedTensor>:$gain, F64Attr:$epsilon);
  let results = (outs Hadron_AnyBasis:$output);
  let assemblyFormat = "$input (`gain` `(` $gain^ `:` type($gain) `)`)? attr-dict `:` type($input)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ }];
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$gain, "double":$epsilon)>];
}

def Hadron_LayerNormOp : Hadron_Op<"layer_norm", [Pure, AllTypesMatch<["input", "output"]>, AttrSizedOperandSegments, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Layer normalization of the last axis";
  let description = [{
    y = (x - mean(x)) / sqrt(var(x) + epsilon) * gain + bias, computed in f32. The mean does not commute with a rotation: standard basis only.

    ```mlir
    %y = hadron.layer_norm %x gain(%g : tensor<384xf32>) bias(%b : tensor<384xf32>) {epsilon = 1.0e-12 : f64} : tensor<?x384xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$gain, Optional<AnyRankedTensor>:$bias, F64Attr:$epsilon);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input (`gain` `(` $gain^ `:` type($gain) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict `:` type($input)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$gain, "::mlir::Value":$bias, "double":$epsilon)>];
}

def Hadron_SiLUOp : Hadron_Op<"silu", [Pure, SameOperandsAndResultType, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "x / (1 + exp(-x))";
  let description = [{
    ```mlir
    %y = hadron.silu %x : tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[AnyFloat]>:$input);
  let results = (outs RankedTensorOf<[AnyFloat]>:$output);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Hadron_PrologueOp : Hadron_Op<"prologue", [Pure, AttrSizedOperandSegments, AttrSizedResultSegments, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Everything that happens to a row before it is multiplied, in one pass";
  let description = [{
    In this order, each optional: s = input + residual; s = silu(input) * up when `up` is given; normalization; gain; bias; the rotation; rounding to int8. Made by `fuse`; works on plain tensors.

    Results, each optional: `sum` (input + residual), `output` (the row in f32, f16 or bf16), and the int8 row: `codes` i8 [..., K'] with K' = K rounded up to 64, zero filled; `scales` f32 [..., 1] or
    [..., groups]; `sums` i32 [..., groups], the sum of the codes of each weight group of `group` inputs. `docs/numerics.md` defines the rounding.

    ```mlir
    %q, %scales, %sums = hadron.prologue %x gain(%g : tensor<576xf32>) by #hadron.rotation<[#hadron.wht<64>]>
        {norm = 1 : i32, epsilon = 1.0e-5 : f64, arithmetic = 1 : i32, group = 32 : i64, resultSegmentSizes = array<i32: 0, 0, 1, 1, 1>}
        : tensor<?x576xf32> -> tensor<?x576xi8>, tensor<?x1xf32>, tensor<?x18xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, Optional<AnyRankedTensor>:$residual, Optional<AnyRankedTensor>:$up, Optional<AnyRankedTensor>:$gain, Optional<AnyRankedTensor>:$bias,
                       OptionalAttr<Hadron_RotationAttr>:$rotation, UnitAttr:$inverse,
                       DefaultValuedAttr<Hadron_NormKind, "::hadron::NormKind::None">:$norm, DefaultValuedAttr<F64Attr, "0.0">:$epsilon,
                       DefaultValuedAttr<Hadron_Arithmetic, "::hadron::Arithmetic::F32">:$arithmetic, DefaultValuedAttr<I64Attr, "0">:$group);
  let results = (outs Optional<AnyRankedTensor>:$sum, Optional<AnyRankedTensor>:$output, Optional<AnyRankedTensor>:$codes, Optional<AnyRankedTensor>:$scales, Optional<AnyRankedTensor>:$sums);
  let assemblyFormat = [{
    $input (`residual` `(` $residual^ `:` type($residual) `)`)? (`up` `(` $up^ `:` type($up) `)`)? (`gain` `(` $gain^ `:` type($gain) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)? (`by` $rotation^)?
    attr-dict `:` type($input) `->` type(results)
  }];
  let hasVerifier = 1;
}

def Hadron_RotaryOp : Hadron_Op<"rotary", [Pure, AllTypesMatch<["input", "output"]>, AllTypesMatch<["cos", "sin"]>, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Rotary position embedding";
  let description = [{
    `input` is [batch, sequence, heads, d], or [batch, heads, sequence, d] with `heads_first`. With `positions` (i64 [batch, sequence]) the tables `cos` and `sin` are [positions, r/2]; without, they are
    [batch, sequence, r/2]. The first r values of each head are rotated, in pairs (i, i + r/2), or (2i, 2i + 1) when `interleaved`:
    (a, b) -> (a cos - b sin, a sin + b cos).

    ```mlir
    %y = hadron.rotary %x, %cos, %sin positions(%p : tensor<?x?xi64>) : tensor<?x?x9x64xf32>, tensor<8192x32xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$cos, AnyRankedTensor:$sin, Optional<AnyRankedTensor>:$positions, UnitAttr:$interleaved, UnitAttr:$heads_first);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input `,` $cos `,` $sin (`positions` `(` $positions^ `:` type($positions) `)`)? attr-dict `:` type($input) `,` type($cos)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$cos, "::mlir::Value":$sin, "::mlir::Value":$positions, "bool":$interleaved, "bool":$headsFirst)>];
}

#endif // HADRON_NORM_OPS_TD
