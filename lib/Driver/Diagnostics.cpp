#include "Diagnostics.h"

#include "hadron/Pipelines/Place.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::driver;

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
        Place place = findPlace(diagnostic.getLocation());
        // A line of a text file; in an ONNX model the node's name says more.
        if (place.line && place.column)
          place.file += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
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
