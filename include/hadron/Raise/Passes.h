// The pass of the raise phase.
#ifndef HADRON_RAISE_PASSES_H
#define HADRON_RAISE_PASSES_H

#include "hadron/Raise/Raise.h"
#include "mlir/Pass/Pass.h"

namespace hadron {

/// `hadron-raise`.
std::unique_ptr<mlir::Pass> createRaisePass(const RaiseOptions &options = {});
void registerRaisePasses();

} // namespace hadron

#endif // HADRON_RAISE_PASSES_H
