// Remarks of a compilation, as docs/remarks.md lists them.
#ifndef HADRON_LIB_PIPELINES_REMARKS_H
#define HADRON_LIB_PIPELINES_REMARKS_H

#include "mlir/IR/MLIRContext.h"
#include <memory>
#include <string>

namespace hadron {

/// Keeps the remarks of a context whose category is hadron.*, from its making to its end.
class RemarkLog {
public:
  explicit RemarkLog(mlir::MLIRContext &context);
  RemarkLog(const RemarkLog &) = delete;
  ~RemarkLog();

  /// LLVM's YAML: those about parameters first, then function after function, each in the order in which they came.
  std::string getYAML() const;

  struct Records;

private:
  mlir::MLIRContext &context;
  std::shared_ptr<Records> records;
};

} // namespace hadron

#endif // HADRON_LIB_PIPELINES_REMARKS_H
