// The numbers of constants, from the graph or from the model's files. Only recognizers read files, and only constants
// whose shape makes them candidates.
#ifndef HADRON_LIB_RAISE_CONSTANTS_H
#define HADRON_LIB_RAISE_CONSTANTS_H

#include "ONNX/IR/ONNX.h"
#include <vector>

namespace hadron::raising {

/// `count` elements from `first` of a constant of floats or of whole bytes: an initializer, or what Cast, Reshape, and
/// DequantizeLinear with one scale make of one. Nothing when it is none, or its file cannot be read.
std::optional<std::vector<double>> readConstant(mlir::Value value, int64_t first, int64_t count);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_CONSTANTS_H
