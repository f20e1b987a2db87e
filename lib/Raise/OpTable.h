// Which operators are known: one row each. Adding an operator is adding a row to one of the tables.
#ifndef HADRON_LIB_RAISE_OPTABLE_H
#define HADRON_LIB_RAISE_OPTABLE_H

#include "Raiser.h"

namespace hadron::raising {

/// Converts `raiser.node`: reads its inputs, sets its outputs.
using Converter = mlir::LogicalResult (*)(Raiser &raiser);

struct OpRow {
  llvm::StringLiteral domain, op;
  int64_t since, until; // since-versions, inclusive
  Converter convert;
  llvm::StringLiteral attributes; // the known ones, with spaces between
  unsigned required = 1;          // so many inputs come first and cannot be omitted
};

inline constexpr int64_t kLatest = 1000;
inline constexpr llvm::StringLiteral kMicrosoft = "com.microsoft";

llvm::ArrayRef<OpRow> unaryOps();
llvm::ArrayRef<OpRow> elementwiseOps();
llvm::ArrayRef<OpRow> movementOps();
llvm::ArrayRef<OpRow> indexingOps();
llvm::ArrayRef<OpRow> reductionOps();
llvm::ArrayRef<OpRow> productOps();
llvm::ArrayRef<OpRow> quantizedOps();
llvm::ArrayRef<OpRow> normOps();
llvm::ArrayRef<OpRow> rotaryOps();
llvm::ArrayRef<OpRow> attentionOps();
llvm::ArrayRef<OpRow> hadamardOps();

/// The row for a node; null when there is none.
const OpRow *lookup(onnx::NodeOp node);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_OPTABLE_H
