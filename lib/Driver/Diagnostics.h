// MLIR's diagnostics as sentences for the user.
#ifndef HADRON_LIB_DRIVER_DIAGNOSTICS_H
#define HADRON_LIB_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"

namespace hadron::driver {

/// Prints diagnostics as `hadron: error: where: what` on stderr, and counts errors.
class DiagnosticPrinter {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext &context);

  unsigned getErrors() const { return errors; }

private:
  unsigned errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace hadron::driver

#endif // HADRON_LIB_DRIVER_DIAGNOSTICS_H
