// The dialect, and the base class of its operations.
#ifndef HADRON_DIALECT_TD
#define HADRON_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Hadron_Dialect : Dialect {
  let name = "hadron";
  let cppNamespace = "::hadron";
  let summary = "Hadamard-rotated, quantized neural networks; the basis of a value is part of its type";
  let description = [{
    Values in a rotated basis have the type `!hadron.rotated`, which no operation on tensors accepts. What may touch them is a closed list: the operations of
    this dialect that have a basis rule, `func`, `scf`, `cf`, and `arith.select`. The list is checked whenever an operation of this dialect, or a module with the
    attribute `hadron.checked`, is verified. `unrealized_conversion_cast` of a rotated value is refused.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasConstantMaterializer = 0;
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
  let extraClassDeclaration = [{
    /// Discardable attributes.
    static constexpr ::llvm::StringLiteral kChecked = "hadron.checked"; // on a module: verify the closed list
    static constexpr ::llvm::StringLiteral kShape = "hadron.shape";     // on arguments and results: sizes as text
    static constexpr ::llvm::StringLiteral kName = "hadron.name";       // on arguments and results: name in the model
    static constexpr ::llvm::StringLiteral kEntry = "hadron.entry";     // on a function: an entry point of the library
    static constexpr ::llvm::StringLiteral kKernel = "hadron.kernel";   // on a function: one kernel, made by schedule
    static constexpr ::llvm::StringLiteral kErased = "hadron.erased";   // on a function: bases were checked, and erased from its values
    static constexpr ::llvm::StringLiteral kState = "hadron.state";     // on a state argument: {past, present, group, batch, length, new_length}
    static constexpr ::llvm::StringLiteral kLibrary = "hadron.library"; // on a module: name of the library

    void registerTypes();
    void registerAttributes();
  }];
}

/// Every result in a rotated basis is used by operations that have a basis rule, and by no other.
def Hadron_BasisClosed : NativeOpTrait<"BasisClosed"> { let cppNamespace = "::hadron"; }

class Hadron_Op<string mnemonic, list<Trait> traits = []> : Op<Hadron_Dialect, mnemonic, !listconcat([Hadron_BasisClosed], traits)>;

#endif // HADRON_DIALECT_TD
