// The onnx dialect: an ONNX graph as its file says it, with inferred symbolic sizes. See dialects/ONNX/README.md.
#ifndef HADRON_ONNX_IR_ONNX_H
#define HADRON_ONNX_IR_ONNX_H

#include "hadron/Support/SymbolicSize.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ONNX/IR/ONNXDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "ONNX/IR/ONNXTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ONNX/IR/ONNXAttrs.h.inc"

namespace hadron::onnx {
class ReturnOp;
} // namespace hadron::onnx

#define GET_OP_CLASSES
#include "ONNX/IR/ONNXOps.h.inc"

namespace hadron::onnx {

/// The name of a node or value in a location: its NameLoc; empty when there is none.
llvm::StringRef getName(mlir::Location loc);

/// The elements of a small integer (or Boolean: 0, 1) tensor, row-major, when they are known: from an initializer's
/// inline data, or from what inference found for a node's result.
std::optional<llvm::SmallVector<SymbolicSize>> getKnownValues(mlir::Value value);

/// The same when all of them are numbers.
std::optional<llvm::SmallVector<int64_t>> getConstantValues(mlir::Value value);

} // namespace hadron::onnx

#endif // HADRON_ONNX_IR_ONNX_H
