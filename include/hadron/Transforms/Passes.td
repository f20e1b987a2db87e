// The passes of lib/Transforms: one file each, named after its flag.
#ifndef HADRON_TRANSFORMS_PASSES_TD
#define HADRON_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def EraseBasis : Pass<"hadron-erase-basis", "::mlir::ModuleOp"> {
  let summary = "Turn rotated values into plain tensors once the basis has done its work";
  let description = [{
    `!hadron.rotated<T, R>` becomes `T`, `rotate` and `unrotate` become `hadron.fwht`, operations that keep the basis their counterparts on tensors. Functions get the attribute `hadron.erased`.
    Identity: the types carry no values. Exact.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def FusePrologue : Pass<"hadron-fuse-prologue", "::mlir::func::FuncOp"> {
  let summary = "Join what happens to a row before a product: residual, gate, norm, rotation, quantization";
  let description = [{
    Normalizations, transforms and gates become `hadron.prologue`, and prologues that follow each other become one where the order of its steps allows it. Identity: composition. Exact.
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Number of prologues that joined the one before">];
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
