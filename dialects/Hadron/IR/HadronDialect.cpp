// The dialect: registration, the closed list of what may touch a rotated value, discardable attributes.
#include "Hadron/IR/Hadron.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace hadron;

#include "Hadron/IR/HadronDialect.cpp.inc"

namespace {

/// Prints rotations once, at the top of a file.
struct AsmInterface : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (!isa<RotationAttr>(attr))
      return AliasResult::NoAlias;
    os << "r";
    return AliasResult::OverridableAlias;
  }
};

bool isRotated(Type type) {
  if (isa<RotatedType>(type))
    return true;
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && isa<RotatedType>(shaped.getElementType());
}

/// Operations that pass a rotated value on, type-exact, without looking at it.
bool mayTouchRotated(Operation *op) {
  // An operation of an unregistered dialect has none.
  return isa_and_present<HadronDialect, func::FuncDialect, scf::SCFDialect, cf::ControlFlowDialect>(op->getDialect()) ||
         isa<arith::SelectOp>(op);
}

LogicalResult refuse(Operation *op, Type type) {
  return op->emitOpError("has no basis rule for ") << type << "; unrotate its operands first";
}

} // namespace

LogicalResult hadron::verifyBasisClosed(Operation *op) {
  for (Value result : op->getResults()) {
    if (!isRotated(result.getType()))
      continue;
    for (Operation *user : result.getUsers())
      if (!mayTouchRotated(user))
        return refuse(user, result.getType());
  }
  return success();
}

void HadronDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "Hadron/IR/HadronOps.cpp.inc"
      >();
  addInterfaces<AsmInterface>();
}

LogicalResult HadronDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kChecked) {
    WalkResult result = op->walk([&](Operation *nested) {
      for (Type type : llvm::concat<const Type>(nested->getOperandTypes(), nested->getResultTypes()))
        if (isRotated(type) && !mayTouchRotated(nested))
          return WalkResult(refuse(nested, type));
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }
  if (name == kEntry || name == kErased || name == kKernel || name == kLibrary || name == "hadron.accuracy_level")
    return success();
  return op->emitOpError("has the unknown attribute '")
         << name << "'; known: " << kChecked << ", " << kEntry << ", " << kErased << ", " << kKernel << ", " << kLibrary
         << ", hadron.accuracy_level";
}

namespace {

/// hadron.shape has one text for each axis of a tensor (of a state: its capacity), hadron.name is a text.
LogicalResult verifyValueAttribute(Operation *op, Type type, NamedAttribute attribute) {
  if (attribute.getName() == HadronDialect::kName)
    return isa<StringAttr>(attribute.getValue()) ? success() : op->emitOpError("attribute 'hadron.name' is a string");
  if (attribute.getName() == HadronDialect::kState)
    return isa<StateType>(type) && isa<DictionaryAttr>(attribute.getValue())
               ? success()
               : op->emitOpError("attribute 'hadron.state' is a dictionary, on a state");
  if (attribute.getName() != HadronDialect::kShape)
    return op->emitOpError("has the unknown attribute '") << attribute.getName().getValue() << "' on a value";
  auto shape = dyn_cast<ArrayAttr>(attribute.getValue());
  RankedTensorType tensor = getTensor(type);
  int64_t axes = tensor ? tensor.getRank() : isa<StateType>(type) ? 1 : -1;
  if (!shape || static_cast<int64_t>(shape.size()) != axes || !llvm::all_of(shape, llvm::IsaPred<StringAttr>))
    return op->emitOpError("attribute 'hadron.shape' has one string for each axis of ")
           << type << "; found " << attribute.getValue();
  return success();
}

} // namespace

LogicalResult HadronDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argument,
                                                      NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError("has no arguments that take '") << attribute.getName() << "'";
  return verifyValueAttribute(op, function.getArgumentTypes()[argument], attribute);
}

LogicalResult HadronDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned result,
                                                         NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError("has no results that take '") << attribute.getName() << "'";
  return verifyValueAttribute(op, function.getResultTypes()[result], attribute);
}
