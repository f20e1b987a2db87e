// The hadron dialect: everything that C++ code needs of it.
#ifndef HADRON_IR_HADRON_H
#define HADRON_IR_HADRON_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <vector>

#include "Hadron/IR/HadronAttrInterfaces.h.inc"
#include "Hadron/IR/HadronDialect.h.inc"
#include "Hadron/IR/HadronEnums.h.inc"

namespace hadron {

/// Verifies that every use of a value in a rotated basis has a basis rule.
template <typename ConcreteType>
class BasisClosed;
/// The check behind it, for one operation: its operands and results in a rotated basis.
mlir::LogicalResult verifyBasisClosed(mlir::Operation *op);

template <typename ConcreteType>
class BasisClosed : public mlir::OpTrait::TraitBase<ConcreteType, BasisClosed> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) { return verifyBasisClosed(op); }
};

} // namespace hadron

#define GET_ATTRDEF_CLASSES
#include "Hadron/IR/HadronAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "Hadron/IR/HadronTypes.h.inc"
#define GET_OP_CLASSES
#include "Hadron/IR/HadronOps.h.inc"

namespace hadron {

/// The tensor type of a value in any basis.
mlir::RankedTensorType getTensor(mlir::Type type);
/// The basis of a value; null in the standard one.
RotationAttr getBasis(mlir::Type type);
/// `tensor` in `basis`: itself in the standard basis (null or identity).
mlir::Type inBasis(mlir::RankedTensorType tensor, RotationAttr basis);
/// "#hadron.rotation<…>", or "the standard basis", for messages.
std::string describeBasis(RotationAttr basis);

} // namespace hadron

#endif // HADRON_IR_HADRON_H
