#include "OpVersions.h"

#include "llvm/ADT/STLExtras.h"

#include <tuple>

using namespace hadron;
using llvm::StringRef;

// Sorted by (domain, operator, version).
static const OpVersion versions[] = {
#define ONNX_OP(...) {__VA_ARGS__},
#include "OpVersions.def"
#undef ONNX_OP
};

char OpVersion::getAttributeKind(StringRef name) const {
  for (StringRef rest = attributes; !rest.empty();) {
    StringRef entry;
    std::tie(entry, rest) = rest.split(' ');
    if (auto [key, kind] = entry.split(':'); key == name)
      return kind.front();
  }
  return 0;
}

const OpVersion *hadron::findOpVersion(StringRef domain, StringRef opType, int64_t opset) {
  const OpVersion *after =
      std::upper_bound(std::begin(versions), std::end(versions), std::make_tuple(domain, opType, opset),
                       [](const auto &key, const OpVersion &v) { return key < std::tie(v.domain, v.opType, v.since); });
  if (after == std::begin(versions))
    return nullptr;
  const OpVersion *found = after - 1;
  return found->domain == domain && found->opType == opType ? found : nullptr;
}
