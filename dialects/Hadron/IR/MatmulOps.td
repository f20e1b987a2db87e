// Quantization, products with packed weights, embedding lookup.
#ifndef HADRON_MATMUL_OPS_TD
#define HADRON_MATMUL_OPS_TD

include "HadronTypes.td"

def Hadron_QuantizeOp : Hadron_Op<"quantize", [Pure]> {
  let summary = "A weight matrix into a packed format";
  let description = [{
    `input` is [K, N] in the standard basis; the result holds the encoding of R_in W R_out^T, row by row (a row: the K inputs of one output). Rounding to nearest, the clip of each group chosen
    by the squared error. Approximating: the result is the definition, decode(encode(.)).

    ```mlir
    %p = hadron.quantize %w : tensor<576x1536xf32> -> !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs Hadron_AnyPacked:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
}

def Hadron_PackOp : Hadron_Op<"pack", [Pure]> {
  let summary = "Integer codes, scales and zero points, as a graph has them, into a packed weight";
  let description = [{
    Exact. `codes` are unsigned integers of the format's bits, packed low bits first, as MatMulNBits stores them: bytes [N, groups, group * bits / 8].
    `scales` is [N, groups]; `zeros` is packed codes [N, ceil(groups * bits / 8)] or floats [N, groups], and absent for symmetric formats.

    ```mlir
    %p = hadron.pack %codes, %scales : tensor<1536x18x16xi8>, tensor<1536x18xf32> -> !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$codes, AnyRankedTensor:$scales, Optional<AnyRankedTensor>:$zeros);
  let results = (outs Hadron_AnyPacked:$output);
  let assemblyFormat = "$codes `,` $scales (`,` $zeros^)? attr-dict `:` type($codes) `,` type($scales) (`,` type($zeros)^)? `->` type($output)";
  let hasVerifier = 1;
}

def Hadron_DequantizeOp : Hadron_Op<"dequantize", [Pure]> {
  let summary = "A packed weight as a dense [K, N] matrix in the standard basis";
  let description = [{
    R_in^T decode(p) R_out.

    ```mlir
    %w = hadron.dequantize %p : !hadron.packed<576x1536, #hadron.int<4, group = 32, sym, scale = f32>> -> tensor<576x1536xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyPacked:$input);
  let results = (outs AnyRankedTensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
}

def Hadron_MatmulOp : Hadron_Op<"matmul", [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "y = x W (+ further terms) (+ bias) (+ residual)";
  let description = [{
    `x` [..., K], `weights` K x N, result [..., N]. The contraction needs x and every weight in the same basis along K; the result is in the weights' output basis. `terms` are further weights whose
    products are added (adapters). `bias` is [N], in the standard basis: with a rotated result it is refused. `residual` has the type of the result.

    In integer arithmetic, `x` is the int8 rows [M, K'] (K' is K rounded up to 64), and `scales` and `sums` are the other results of `hadron.prologue`; after that K is in the weight's type alone.

    With `activation` the result is activation(x W + bias); with `gate`, a second weight like the first, it is activation(x gate) * (x W).

    ```mlir
    %y = hadron.matmul %x, %w : tensor<?x576xf32>, !hadron.packed<576x1536, #hadron.dense<f32>> -> tensor<?x1536xf32>
    %z = hadron.matmul %x, %w gate(%g : !hadron.packed<576x1536, #hadron.dense<f32>>) {activation = 1 : i32}
       : tensor<?x576xf32>, !hadron.packed<576x1536, #hadron.dense<f32>> -> tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins Hadron_AnyBasis:$input, Hadron_AnyPacked:$weight, Variadic<Hadron_AnyPacked>:$terms, Optional<Hadron_AnyPacked>:$gate, Optional<AnyRankedTensor>:$bias,
                       Optional<Hadron_AnyBasis>:$residual, Optional<AnyRankedTensor>:$scales, Optional<AnyRankedTensor>:$sums,
                       DefaultValuedAttr<Hadron_Arithmetic, "::hadron::Arithmetic::F32">:$arithmetic, DefaultValuedAttr<Hadron_Activation, "::hadron::Activation::None">:$activation);
  let results = (outs Hadron_AnyBasis:$output);
  let assemblyFormat = [{
    $input `,` $weight (`terms` `(` $terms^ `:` type($terms) `)`)? (`gate` `(` $gate^ `:` type($gate) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)? (`scales` `(` $scales^ `:` type($scales) `)`)? (`sums` `(` $sums^ `:` type($sums) `)`)?
    attr-dict `:` type($input) `,` type($weight) `->` type($output)
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$input, "::mlir::Value":$weight)>];
}

def Hadron_EmbeddingOp : Hadron_Op<"embedding", [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Rows of a table";
  let description = [{
    y[..., :] = table[ids[...], :]. The table is a packed weight with K = the width of a row, and N = the number of rows: a tied head is the same parameter. The result is in the table's *input*
    basis, since the rows lie along K. A negative id counts from the end; one out of range gives zeros.

    ```mlir
    %y = hadron.embedding %ids, %table : tensor<?x?xi64>, !hadron.packed<576x49152, #hadron.dense<f32>> -> tensor<?x?x576xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$ids, Hadron_AnyPacked:$table);
  let results = (outs Hadron_AnyBasis:$output);
  let assemblyFormat = "$ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($output)";
  let hasVerifier = 1;
}

#endif // HADRON_MATMUL_OPS_TD
