// Products: with constant matrices as hadron.matmul, of two activations as linalg.
#include "Build.h"
#include "OpTable.h"
#include "Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

/// numpy.matmul of two tensors of at least two axes, accumulated in `accumulator`.
Tensor contract(Raiser &r, const Tensor &a, const Tensor &b, ArrayRef<SymbolicSize> batch, Type accumulator) {
  int64_t count = batch.size();
  Sizes loops(batch);
  loops.push_back(a.dims[a.rank() - 2]);
  loops.push_back(b.dims.back());
  loops.push_back(a.dims.back());
  auto loopsOf = [&](const Tensor &x, int64_t second, int64_t last) {
    SmallVector<int64_t> result;
    for (int64_t i = 0; i + 2 < x.rank(); ++i) {
      int64_t loop = count - (x.rank() - 2) + i;
      result.push_back(x.dims[i].isConstant(1) && !batch[loop].isConstant(1) ? -1 : loop);
    }
    result.push_back(second);
    result.push_back(last);
    return result;
  };
  return fold(r, {Operand{a, loopsOf(a, count, count + 2)}, Operand{b, loopsOf(b, count + 2, count + 1)}}, loops,
              count + 2, numberAttr(accumulator, 0), [&](OpBuilder &builder, Location loc, ValueRange e) -> Value {
                Value x = castScalar(builder, loc, e[0], a.isUnsigned, accumulator, false);
                Value y = castScalar(builder, loc, e[1], b.isUnsigned, accumulator, false);
                return add(builder, loc, e[2], mul(builder, loc, x, y));
              });
}

Type accumulatorOf(Type element) { return wide(element); }

Tensor matmulOf(Raiser &r, Tensor a, Tensor b, ArrayRef<SymbolicSize> dims, Type accumulator) {
  bool vectorA = a.rank() == 1, vectorB = b.rank() == 1;
  if (vectorA)
    a = reshape(r, a, {1, a.dims[0]});
  if (vectorB)
    b = reshape(r, b, {b.dims[0], 1});
  Sizes batch(dims.drop_back(2 - vectorA - vectorB));
  return reshape(r, contract(r, a, b, batch, accumulator), dims);
}

/// MatMul, and Linear: MatMul with a bias.
LogicalResult convertMatMul(Raiser &r) {
  if (r.in(0).isFloat())
    if (Value weight = weightOf(r, r.node.getInput(1), /*transposed=*/false)) {
      Tensor x = r.in(0);
      if (x.rank() == 1)
        x = reshape(r, x, {1, x.dims[0]});
      Value bias = r.has(2) ? r.value(r.in(2)) : Value();
      r.out(0, reshape(r, matmul(r, x, weight, bias), r.outDims()));
      return success();
    }
  Tensor a = r.in(0), b = r.in(1);
  Sizes dims = r.outDims();
  int64_t axes = std::max<int64_t>({a.rank(), b.rank(), 2}) - (a.rank() == 1) - (b.rank() == 1);
  if (a.rank() == 0 || b.rank() == 0 || static_cast<int64_t>(dims.size()) != axes)
    return r.error("expected operands of at least one axis");
  Tensor result = converted(r, matmulOf(r, a, b, dims, accumulatorOf(a.element)), a.element, a.isUnsigned);
  if (r.has(2))
    result = mapWide(r, {result, r.in(2)}, dims, a.element,
                     [](OpBuilder &b, Location loc, ValueRange e) { return add(b, loc, e[0], e[1]); });
  r.out(0, result);
  return success();
}

/// alpha A' B' + beta C
LogicalResult convertGemm(Raiser &r) {
  Tensor a = r.in(0);
  double alpha = r.node.getFloat("alpha", 1), beta = r.node.getFloat("beta", 1);
  bool transA = r.node.getInt("transA", 0), transB = r.node.getInt("transB", 0);
  Sizes dims = r.outDims();
  if (a.rank() != 2)
    return r.error("expected matrices");
  if (transA)
    a = transpose(r, a, {1, 0});
  Tensor product;
  Value weight = a.isFloat() ? weightOf(r, r.node.getInput(1), transB) : Value();
  if (weight) {
    Value bias;
    if (r.has(2) && alpha == 1 && beta == 1) {
      Tensor c = r.in(2);
      if (raising::product(c.dims) == dims.back() && c.rank() && c.dims.back() == dims.back())
        bias = r.value(reshape(r, c, {dims.back()}));
    }
    product = matmul(r, a, weight, bias);
    if (bias) {
      r.out(0, product);
      return success();
    }
  } else {
    Tensor b = r.in(1);
    if (b.rank() != 2)
      return r.error("expected matrices");
    if (transB)
      b = transpose(r, b, {1, 0});
    product = contract(r, a, b, {}, accumulatorOf(a.element));
  }
  SmallVector<Tensor> operands = {product};
  if (r.has(2) && beta != 0)
    operands.push_back(r.in(2));
  if (operands.size() == 1 && alpha == 1) {
    r.out(0, converted(r, product, a.element, a.isUnsigned));
    return success();
  }
  r.out(0, mapWide(r, operands, dims, a.element, [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
          Value result = e[0];
          if (alpha != 1)
            result = mul(b, loc, result, number(b, loc, result.getType(), alpha));
          if (e.size() > 1) {
            Value c = beta == 1 ? e[1] : mul(b, loc, e[1], number(b, loc, e[1].getType(), beta));
            result = add(b, loc, result, castScalar(b, loc, c, a.isUnsigned, result.getType(), false));
          }
          return result;
        }));
  return success();
}

/// (A - a0) (B - b0) in i32
LogicalResult convertMatMulInteger(Raiser &r) {
  Type i32 = r.builder.getI32Type();
  auto centered = [&](unsigned input, unsigned zero, bool rows) {
    Tensor x = r.in(input);
    if (!r.has(zero))
      return converted(r, x, i32, false);
    Tensor point = r.in(zero);
    if (point.rank() == 1 && rows && !point.dims[0].isConstant(1))
      point = reshape(r, point, {point.dims[0], 1});
    return map(r, {x, point}, x.dims, i32, [&](OpBuilder &b, Location loc, ValueRange e) -> Value {
      return arith::SubIOp::create(b, loc, castScalar(b, loc, e[0], x.isUnsigned, i32, false),
                                   castScalar(b, loc, e[1], point.isUnsigned, i32, false));
    });
  };
  if (r.in(0).rank() == 0 || r.in(1).rank() == 0)
    return r.error("expected operands of at least one axis");
  r.out(0, matmulOf(r, centered(0, 2, true), centered(1, 3, false), r.outDims(), i32));
  return success();
}

/// A sum over the letters that the result does not have.
LogicalResult convertEinsum(Raiser &r) {
  std::string equation;
  for (char c : r.node.getString("equation", ""))
    if (c != ' ')
      equation += c;
  auto [left, right] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (equation.find('.') != std::string::npos || terms.size() != r.node.getInputs().size())
    return r.error("equation '" + Twine(equation) + "' is not supported");
  std::string output = right.str();
  if (equation.find("->") == std::string::npos)
    for (char c = 'A'; c <= 'z'; ++c)
      if (left.count(c) == 1)
        output += c;
  std::string letters = output;
  Sizes loops = r.outDims();
  SmallVector<Operand> operands;
  if (loops.size() != output.size())
    return r.error("equation '" + Twine(equation) + "' does not fit its result");
  for (auto [i, term] : llvm::enumerate(terms)) {
    Operand operand{r.in(i), {}};
    if (term.size() != static_cast<size_t>(operand.tensor.rank()))
      return r.error("equation '" + Twine(equation) + "' does not fit its inputs");
    for (auto [axis, letter] : llvm::enumerate(term)) {
      size_t at = letters.find(letter);
      if (at == std::string::npos) {
        at = letters.size();
        letters += letter;
        loops.push_back(operand.tensor.dims[axis]);
      }
      operand.loops.push_back(
          operand.tensor.dims[axis].isConstant(1) && !loops[at].isConstant(1) ? -1 : static_cast<int64_t>(at));
    }
    operands.push_back(operand);
  }
  Type element = r.outElement(), accumulator = accumulatorOf(element);
  Tensor sum = fold(r, operands, loops, output.size(), numberAttr(accumulator, 0),
                    [&](OpBuilder &b, Location loc, ValueRange e) {
                      Value product;
                      for (Value factor : e.drop_back()) {
                        Value x = castScalar(b, loc, factor, false, accumulator, false);
                        product = product ? mul(b, loc, product, x) : x;
                      }
                      return add(b, loc, e.back(), product);
                    });
  r.out(0, converted(r, sum, element, operands.front().tensor.isUnsigned));
  return success();
}

constexpr OpRow rows[] = {
    {"", "Einsum", 12, kLatest, convertEinsum, "equation"},
    {"", "Gemm", 7, kLatest, convertGemm, "alpha beta transA transB", 2},
    {"", "MatMul", 1, kLatest, convertMatMul, "", 2},
    {"", "MatMulInteger", 10, kLatest, convertMatMulInteger, "", 2},
    {kRaised, "Linear", 0, kLatest, convertMatMul, "", 2},
};

} // namespace

ArrayRef<OpRow> raising::productOps() { return rows; }
