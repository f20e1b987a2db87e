// Helpers over parameters: which operation encodes one, who reads it, and changing its type.
#ifndef HADRON_TRANSFORMS_PARAMS_H
#define HADRON_TRANSFORMS_PARAMS_H

#include "Hadron/IR/Hadron.h"
#include "mlir/IR/BuiltinOps.h"

namespace hadron {

/// The parameters of a module and their readers. Thrown away when either changes.
class Parameters {
public:
  explicit Parameters(mlir::ModuleOp module);

  /// The parameter that a value is; null when it is none.
  ParamOp of(mlir::Value value) const;
  llvm::ArrayRef<ParamGetOp> readers(ParamOp param) const;
  /// Every operation that uses a reader's value.
  llvm::SmallVector<mlir::Operation *> users(ParamOp param) const;

private:
  mlir::ModuleOp module;
  llvm::StringMap<ParamOp> params;
  llvm::StringMap<llvm::SmallVector<ParamGetOp>> gets;
};

/// The operation that encodes a dense weight; null for a parameter that is none, or that the graph brings packed.
QuantizeOp encoder(ParamOp param);
/// Changes the type of a weight: of the parameter, its encoder and its readers.
void setWeightType(const Parameters &parameters, ParamOp param, PackedType type);

} // namespace hadron

#endif // HADRON_TRANSFORMS_PARAMS_H
