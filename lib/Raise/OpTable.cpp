#include "OpTable.h"

using namespace hadron;
using namespace hadron::raising;

namespace {
std::string keyOf(llvm::StringRef domain, llvm::StringRef op) { return (domain + "::" + op).str(); }

llvm::StringMap<llvm::SmallVector<const OpRow *, 1>> makeIndex() {
  llvm::StringMap<llvm::SmallVector<const OpRow *, 1>> index;
  for (llvm::ArrayRef<OpRow> table :
       {unaryOps(), elementwiseOps(), movementOps(), indexingOps(), reductionOps(), productOps(), quantizedOps(),
        normOps(), rotaryOps(), attentionOps(), hadamardOps()})
    for (const OpRow &row : table)
      index[keyOf(row.domain, row.op)].push_back(&row);
  return index;
}
} // namespace

const OpRow *raising::lookup(onnx::NodeOp node) {
  static const auto index = makeIndex();
  auto rows = index.find(keyOf(node.getDomain(), node.getOpType()));
  if (rows == index.end())
    return nullptr;
  int64_t version = node.getSinceVersion();
  for (const OpRow *row : rows->second)
    if (row->since <= version && version <= row->until)
      return row;
  return nullptr;
}
