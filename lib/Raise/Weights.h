// Constant matrices as packed parameters.
#ifndef HADRON_LIB_RAISE_WEIGHTS_H
#define HADRON_LIB_RAISE_WEIGHTS_H

#include "Raiser.h"

namespace hadron::raising {

/// A constant matrix of floats: one that products and lookups can read packed.
bool isTable(Raiser &r, mlir::Value onnxValue);
/// The packed parameter of a constant matrix [K, N], or of a constant [N, K] when `transposed`.
mlir::Value denseWeight(Raiser &r, mlir::Value onnxValue, bool transposed);
/// The packed parameter of a table [rows, width]: K = width, N = rows. A product with its transpose reads the same one.
mlir::Value tableParam(Raiser &r, mlir::Value onnxTable);
/// The packed parameter of DequantizeLinear's constant result [K, N] ([N, K] when `transposed`), with the codes as they
/// are; null where its groups do not run along K.
mlir::Value dequantizedWeight(Raiser &r, mlir::Value onnxValue, bool transposed);

/// Rows of a packed table.
Tensor embedding(Raiser &r, Tensor ids, mlir::Value table);
/// x W (+ bias): x [..., K], with `bias` [N] or null.
Tensor matmul(Raiser &r, const Tensor &x, mlir::Value weight, mlir::Value bias);
/// The packed parameter for the constant right-hand side of a product, whatever it is made of; null when there is none.
mlir::Value weightOf(Raiser &r, mlir::Value onnxValue, bool transposed);

} // namespace hadron::raising

#endif // HADRON_LIB_RAISE_WEIGHTS_H
