// How passes name their remarks: docs/remarks.md lists all of them.
#ifndef HADRON_TRANSFORMS_REMARKS_H
#define HADRON_TRANSFORMS_REMARKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace hadron {

/// A remark about an operation; `category` is hadron.<phase>.
inline mlir::remark::RemarkOpts about(mlir::Operation *op, llvm::StringRef name, llvm::StringRef category,
                                      llvm::StringRef subCategory = {}) {
  auto function = llvm::dyn_cast<mlir::func::FuncOp>(op);
  if (!function)
    function = op->getParentOfType<mlir::func::FuncOp>();
  return mlir::remark::RemarkOpts::name(name)
      .category(category)
      .subCategory(subCategory)
      .function(function ? function.getSymName() : "<parameters>");
}

} // namespace hadron

#endif // HADRON_TRANSFORMS_REMARKS_H
