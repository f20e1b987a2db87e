// Where in a model an operation comes from, as people and files of remarks have it.
#ifndef HADRON_PIPELINES_PLACE_H
#define HADRON_PIPELINES_PLACE_H

#include "mlir/IR/Location.h"
#include <string>

namespace hadron {

struct Place {
  std::string node; // the innermost name: of a node, an input, an initializer
  std::string file; // the first file
  /// A line and column of a text file; in an ONNX model the number of the node and 0.
  unsigned line = 0, column = 0;
};
Place findPlace(mlir::Location location);

} // namespace hadron

#endif // HADRON_PIPELINES_PLACE_H
