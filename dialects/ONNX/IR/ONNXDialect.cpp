#include "ONNX/IR/ONNX.h"

using namespace mlir;
using namespace hadron::onnx;

#include "ONNX/IR/ONNXDialect.cpp.inc"

void ONNXDialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "ONNX/IR/ONNXOps.cpp.inc"
      >();
}
