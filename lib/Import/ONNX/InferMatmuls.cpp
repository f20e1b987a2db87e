// Products of matrices, dense and packed.
#include "Infer.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::onnx;

namespace {

// [batch…, M, K] x [batch…, K, N]; a vector stands for one row or one column that the result does not have.
std::optional<Dims> matmulDims(NodeInference &n, const Dims *left, const Dims *right, bool transA = false,
                               bool transB = false) {
  if (!left || !right)
    return std::nullopt;
  if (left->empty() || right->empty()) {
    n.fail("multiplies a scalar as a matrix");
    return std::nullopt;
  }
  Dims a = *left, b = *right;
  bool isRow = a.size() == 1, isColumn = b.size() == 1;
  if (isRow)
    a.insert(a.begin(), SymbolicSize(1));
  if (isColumn)
    b.push_back(1);
  if (transA && !isRow)
    std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (transB && !isColumn)
    std::swap(b[b.size() - 1], b[b.size() - 2]);
  n.equal(a[a.size() - 1], b[b.size() - 2]);
  SymbolicSize rows = a[a.size() - 2], columns = b[b.size() - 1];
  Dims result = n.broadcast(ArrayRef(a).drop_back(2), ArrayRef(b).drop_back(2));
  if (!isRow)
    result.push_back(rows);
  if (!isColumn)
    result.push_back(columns);
  return result;
}

void matmul(NodeInference &n) { n.set(0, n.elementType(0), matmulDims(n, n.dims(0), n.dims(1))); }

void matmulInteger(NodeInference &n) {
  n.set(0, IntegerType::get(n.node.getContext(), 32), matmulDims(n, n.dims(0), n.dims(1)));
}

// x, its scale, its zero point, y, its scale, its zero point, the result's scale, its zero point
void qLinearMatmul(NodeInference &n) { n.set(0, n.elementType(7), matmulDims(n, n.dims(0), n.dims(3))); }

void matmulToFloat(NodeInference &n) {
  n.set(0, Float32Type::get(n.node.getContext()), matmulDims(n, n.dims(0), n.dims(1)));
}

void fusedMatmul(NodeInference &n) {
  bool batch = n.node.getInt("transBatchA", 0) || n.node.getInt("transBatchB", 0);
  n.set(0, n.elementType(0),
        batch ? std::nullopt
              : matmulDims(n, n.dims(0), n.dims(1), n.node.getInt("transA", 0), n.node.getInt("transB", 0)));
}

void gemm(NodeInference &n) {
  const Dims *a = n.dims(0), *b = n.dims(1);
  if ((a && a->size() != 2) || (b && b->size() != 2))
    return n.fail("multiplies tensors that are no matrices");
  std::optional<Dims> result = matmulDims(n, a, b, n.node.getInt("transA", 0), n.node.getInt("transB", 0));
  if (const Dims *c = n.dims(2); c && result)
    n.broadcast(*result, *c);
  n.set(0, n.elementType(0), std::move(result));
}

// Explicit terms of one letter an axis; an ellipsis is left unknown.
void einsum(NodeInference &n) {
  std::string equation;
  for (char c : n.node.getString("equation", ""))
    if (c != ' ')
      equation += c;
  auto [left, right] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (StringRef(equation).contains('.') || !StringRef(equation).contains("->") || terms.size() != n.getNumInputs())
    return n.set(0, n.elementType(0), std::nullopt);
  std::map<char, SymbolicSize> sizes;
  for (auto [i, term] : llvm::enumerate(terms)) {
    const Dims *input = n.dims(i);
    if (!input)
      return n.set(0, n.elementType(0), std::nullopt);
    if (input->size() != term.size())
      return n.fail("has the term '" + term + "' for an input of rank " + llvm::Twine(uint64_t(input->size())));
    for (auto [letter, dim] : llvm::zip(term, *input)) {
      auto [entry, isNew] = sizes.try_emplace(letter, dim);
      if (!isNew)
        entry->second = n.broadcastDim(entry->second, dim);
    }
  }
  Dims result;
  for (char letter : right) {
    auto it = sizes.find(letter);
    if (it == sizes.end())
      return n.fail(llvm::Twine("has the letter '") + llvm::Twine(letter) + "' in its result but in no term");
    result.push_back(it->second);
  }
  n.set(0, n.elementType(0), std::move(result));
}

// A[…, K] and a packed matrix of N rows: […, N]
void packedMatmul(NodeInference &n) {
  const Dims *input = n.dims(0);
  int64_t K = n.node.getInt("K", 0), N = n.node.getInt("N", 0);
  if (!input || K <= 0 || N <= 0 || input->empty())
    return n.set(0, n.elementType(0), std::nullopt);
  Dims result = *input;
  n.equal(result.back(), K);
  result.back() = N;
  n.set(0, n.elementType(0), std::move(result));
}

// Rows of a packed table: data, indices, scales. uint8 holds 8 / bits codes a byte along the last axis.
void gatherBlockQuantized(NodeInference &n) {
  const Dims *data = n.dims(0), *indices = n.dims(1);
  if (!data || !indices)
    return n.set(0, n.elementType(2), std::nullopt);
  std::optional<int64_t> axis = n.axis(n.node.getInt("gather_axis", 0), data->size());
  if (!axis)
    return;
  Dims result(data->begin(), data->begin() + *axis);
  result.append(indices->begin(), indices->end());
  result.append(data->begin() + *axis + 1, data->end());
  int64_t bits = n.node.getInt("bits", 4);
  Type type = n.elementType(0);
  if (type && type.isUnsignedInteger(8) && bits > 0 && 8 % bits == 0 && !result.empty())
    result.back() *= 8 / bits;
  n.set(0, n.elementType(2), std::move(result));
}

void likeFirst(NodeInference &n) { n.set(0, n.elementType(0), n.dims(0)); }

} // namespace

ArrayRef<RuleRow> hadron::onnx::getMatmulRules() {
  static const RuleRow rows[] = {
      {"", "MatMul", matmul},
      {"", "MatMulInteger", matmulInteger},
      {"", "QLinearMatMul", qLinearMatmul},
      {"", "Gemm", gemm},
      {"", "Einsum", einsum},
      {"com.microsoft", "FusedMatMul", fusedMatmul},
      {"com.microsoft", "MatMulNBits", packedMatmul},
      {"com.microsoft", "MatMulBnb4", packedMatmul},
      {"com.microsoft", "GatherBlockQuantized", gatherBlockQuantized},
      {"com.microsoft", "DynamicQuantizeMatMul", matmulToFloat},
      {"com.microsoft", "MatMulIntegerToFloat", matmulToFloat},
      {"com.microsoft", "MoE", likeFirst},
      {"com.microsoft", "QMoE", likeFirst},
  };
  return rows;
}
