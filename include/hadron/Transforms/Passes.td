// The passes of lib/Transforms: one file each, named after its flag.
#ifndef HADRON_TRANSFORMS_PASSES_TD
#define HADRON_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldNormGains : Pass<"hadron-fold-norm-gains", "::mlir::ModuleOp"> {
  let summary = "Multiply the gains of RMS normalizations into the weights behind them";
  let description = [{
    (N(x) g) W = N(x) (diag(g) W), N without gain. Done where every reader of the normalized row is a product whose weight is read by nothing else; a gain before a tied or shared weight stays. Exact up
    to rounding.
  }];
  let statistics = [Statistic<"numFolded", "num-folded", "Number of gains that were folded">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def PlaceRotations : Pass<"hadron-place-rotations", "::mlir::ModuleOp"> {
  let summary = "One online rotation for each distinct input of products";
  let description = [{
    x W = (R x) (R W): R on the activation at run time, on the weight at compile time. All products that read a value share its rotation. The block is the largest power of two that divides the width
    (`size` overrides it); a width whose power of two is less than 16 takes a Hadamard order m 2^k, or none. Signs are derived from `seed` by the width. A table that an embedding reads too is rotated, and the
    looked-up row rotated back. Weights that a graph brings packed are left alone. Exact up to rounding.
  }];
  let options = [Option<"size", "size", "int64_t", "0", "Block size; 0: from the width">, Option<"seed", "seed", "uint64_t", "0", "Seed of the signs">];
  let statistics = [Statistic<"numRotations", "num-rotations", "Number of rotations placed">];
}

def QuantizeWeights : Pass<"hadron-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Choose the format of dense weights";
  let description = [{
    Changes the type of a weight and of the operation that encodes it; the encoding itself is evaluated by the library phase. Approximating: the result is decode(encode(W)) by the format.
  }];
  let options = [Option<"format", "format", "std::string", "\"\"", "Format as `--weights` has it, such as int4:g32:sym">,
                 ListOption<"keep", "keep", "std::string", "PATTERN=FORMAT for weights whose name the glob matches; the first match wins">];
  let statistics = [Statistic<"numQuantized", "num-quantized", "Number of weights quantized">];
}

def QuantizeActivations : Pass<"hadron-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "Products with integer weights in integer arithmetic";
  let description = [{
    y = s_x sum_g s_g (sum_k c q - z_g sum_k q): the row is rounded to int8 once, and shared by all products that read it with one weight group. Approximating, by the rounding of the row (docs/numerics.md).
  }];
  let options = [Option<"quantized", "quantized", "bool", "true", "Products whose weights Hadron quantizes">,
                 Option<"packed", "packed", "bool", "true", "Products whose weights the graph brings packed">];
  let statistics = [Statistic<"numQuantized", "num-quantized", "Number of products in integer arithmetic">];
}

def EraseBasis : Pass<"hadron-erase-basis", "::mlir::ModuleOp"> {
  let summary = "Turn rotated values into plain tensors once the basis has done its work";
  let description = [{
    `!hadron.rotated<T, R>` becomes `T`, `rotate` and `unrotate` become `hadron.fwht`, operations that keep the basis their counterparts on tensors. Functions get the attribute `hadron.erased`.
    Identity: the types carry no values. Exact.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def FusePrologue : Pass<"hadron-fuse-prologue", "::mlir::func::FuncOp"> {
  let summary = "Join what happens to a row before a product: residual, norm, rotation, quantization";
  let description = [{
    Normalizations and transforms become `hadron.prologue`, and prologues that follow each other become one where the order of its steps allows it. Identity: composition. Exact.
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Number of prologues that joined the one before">];
}

def FuseMatmul : Pass<"hadron-fuse-matmul", "::mlir::func::FuncOp"> {
  let summary = "Join what follows a product into it: activations, gates, residuals";
  let description = [{
    silu(x W) is a product with an activation; silu(x G) * (x W) is one product with a gate; x W + r is one with a residual. Each where the product has one reader. Exact up to rounding: the sum is rounded
    once less.
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Number of operations that joined a product">];
}

def ConvertElementwise : Pass<"hadron-convert-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Elementwise operations of the dialect, and of arith and math on tensors, as linalg.generic; then join them";
  let description = [{
    What no fused operation took. Producers and consumers are joined where upstream's elementwise fusion joins them. Exact.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def LowerAttention : Pass<"hadron-lower-attention", "::mlir::func::FuncOp"> {
  let summary = "Attention over explicit past and present, as attention over caches";
  let description = [{
    Keys and values become tensors [B, Hkv, T, d]: past ++ present, the present outputs. Identity: `hadron.attention`'s own definition. Exact.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def OutlineKernels : Pass<"hadron-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "One private function for each kernel; the entry point keeps launches";
  let description = [{
    Every operation that computes moves into a function of its own, with the distinct dynamic sizes of its tensors as index arguments; equal functions are one. After it no operation of an entry point
    asks a tensor for its size. Exact.
  }];
  let statistics = [Statistic<"numLaunches", "num-launches", "Number of launches">, Statistic<"numKernels", "num-kernels", "Number of distinct kernels">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

#endif // HADRON_TRANSFORMS_PASSES_TD
