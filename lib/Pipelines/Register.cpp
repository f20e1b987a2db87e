// Registration of dialects and passes.
#include "hadron/Pipelines/Register.h"

#include "Hadron/IR/Hadron.h"
#include "ONNX/IR/ONNX.h"
#include "hadron/Raise/Passes.h"
#include "hadron/Transforms/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void hadron::registerDialects(DialectRegistry &registry) {
  registry.insert<HadronDialect, onnx::ONNXDialect, affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                  tensor::TensorDialect, vector::VectorDialect>();
  func::registerInlinerExtension(registry);
}

void hadron::registerPasses() {
  registerHadronTransformsPasses();
  registerRaisePasses();
  mlir::registerTransformsPasses();
  registerLinalgPasses();
}
