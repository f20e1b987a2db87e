// hadron-reduce: makes a file on which a command fails as small as it can.
#include "hadron/Pipelines/Register.h"

#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  hadron::registerDialects(registry);
  hadron::registerPasses();
  mlir::MLIRContext context(registry);
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}
