// Hadamard transforms in graphs: operators, and products with constant Hadamard matrices.
#include "Build.h"
#include "OpTable.h"
#include "Patterns.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {
constexpr OpRow *none = nullptr;
} // namespace

ArrayRef<OpRow> raising::hadamardOps() { return ArrayRef<OpRow>(none, size_t(0)); }
void raising::populateHadamardPatterns(RewritePatternSet &) {}
