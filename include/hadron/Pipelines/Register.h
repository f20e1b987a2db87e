// What every tool registers.
#ifndef HADRON_PIPELINES_REGISTER_H
#define HADRON_PIPELINES_REGISTER_H

#include "mlir/IR/DialectRegistry.h"

namespace hadron {

/// Our dialects, and those of upstream that the phases use, with their extensions.
void registerDialects(mlir::DialectRegistry &registry);
/// Our passes and pipelines, and upstream's general ones.
void registerPasses();

} // namespace hadron

#endif // HADRON_PIPELINES_REGISTER_H
