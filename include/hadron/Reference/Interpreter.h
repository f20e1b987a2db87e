// The reference interpreter: what each operation means, in obvious loops.
//
// It reads every operation that is legal before `schedule`, and refuses others with an error that names operation and
// place. Floats are f64 and are rounded to their type by nothing but the operations whose meaning that is
// (`hadron.cast`, `arith.truncf`, `hadron.quantize`, the codes of `hadron.prologue`); integers are exact.
#ifndef HADRON_REFERENCE_INTERPRETER_H
#define HADRON_REFERENCE_INTERPRETER_H

#include "hadron/Reference/Value.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

namespace hadron::reference {

struct Options {
  /// Folder of the model: `hadron.file_slice` names start there.
  std::string folder;
};

/// Calls a function. Sizes are checked against `hadron.shape`, which also binds the symbols. Inputs that are states are
/// changed in place: they hold the appended tokens afterwards.
llvm::Expected<std::vector<Value>> interpret(mlir::func::FuncOp function, std::vector<Value> inputs,
                                             const Options &options = {});

/// The value of a parameter.
llvm::Expected<Value> evaluate(ParamOp param, const Options &options = {});
/// One operation by itself: `known` has its operands, and the values of the surrounding block that its regions read.
llvm::Expected<std::vector<Value>> evaluate(mlir::Operation *op, const llvm::DenseMap<mlir::Value, Value> &known,
                                            const Options &options = {});

} // namespace hadron::reference

#endif // HADRON_REFERENCE_INTERPRETER_H
