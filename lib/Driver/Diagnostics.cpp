#include "Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace hadron::driver;

namespace {
struct Place {
  std::string node, file;
};
} // namespace

/// The innermost name, and the first file.
static void collect(Location location, Place &place) {
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collect(part, place);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    if (place.node.empty())
      place.node = name.getName().str();
    collect(name.getChildLoc(), place);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collect(call.getCallee(), place);
    collect(call.getCaller(), place);
  } else if (auto file = dyn_cast<FileLineColLoc>(location); file && place.file.empty()) {
    place.file = file.getFilename().str();
    // A line of a text file; in an ONNX model the importer counts nodes, whose column is 0.
    if (file.getLine() && file.getColumn())
      place.file += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
  }
}

static std::string describe(const Place &place) {
  return place.file + (!place.file.empty() && !place.node.empty() ? ": " : "") +
         (place.node.empty() ? "" : "'" + place.node + "'");
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        StringRef severity;
        switch (diagnostic.getSeverity()) {
        case DiagnosticSeverity::Error:
          severity = "error";
          ++errors;
          break;
        case DiagnosticSeverity::Warning:
          severity = "warning";
          break;
        default: // Notes and remarks have files of their own.
          return success();
        }
        Place place;
        collect(diagnostic.getLocation(), place);
        std::string text = diagnostic.str();
        // Many texts name the node or the file themselves.
        if (StringRef(text).contains("'" + place.node + "'"))
          place.node.clear();
        if (StringRef(text).contains(place.file))
          place.file.clear();
        std::string where = describe(place);
        llvm::errs() << "hadron: " << severity << ": " << where << (where.empty() ? "" : ": ") << text << '\n';
        return success();
      }) {}
