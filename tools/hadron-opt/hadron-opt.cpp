// hadron-opt: runs passes on IR.
#include "hadron/Pipelines/Register.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  hadron::registerDialects(registry);
  hadron::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Hadron optimizer driver\n", registry));
}
