// Hadamard transforms in graphs: operators, and products with constant Hadamard matrices, whatever their scale, signs
// and construction. They are found before anything else could fold them into a neighbouring weight.
#include "Build.h"
#include "Constants.h"
#include "OpTable.h"
#include "Patterns.h"

#include "hadron/Support/Hadamard.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;
using hadron::onnx::NodeOp;

//===------------------------------------------------------------------------------------------------------------===//
// Operators
//===------------------------------------------------------------------------------------------------------------===//

namespace {

LogicalResult convertFWHT(Raiser &r) {
  Tensor x = r.in(0);
  auto rotation = cast<RotationAttr>(r.node.getAttribute("rotation"));
  bool inverse = static_cast<bool>(r.node.getAttribute("inverse"));
  SymbolicSize width = product(ArrayRef(x.dims).take_back(rotation.getSpan()));
  if (!x.isFloat() || x.rank() < static_cast<int64_t>(rotation.getSpan()) || !width.getConstant())
    return r.error("expected a last axis of a known size");
  if (std::string reason = rotation.whyNot(*width.getConstant()); !reason.empty())
    return r.error(reason);
  Tensor result = x;
  result.splat = {};
  result.value =
      FWHTOp::create(r.builder, r.loc, r.value(x), rotation, r.builder.getF64FloatAttr(r.node.getFloat("scale", 1)),
                     inverse ? r.builder.getUnitAttr() : UnitAttr());
  r.out(0, result);
  return success();
}

/// What a pattern has not raised: the attributes are not what this operator allows, or its signs are no constant.
LogicalResult convertUnknownTransform(Raiser &r) {
  return r.error("expected a block that is a power of two and divides the last axis, and constant signs of +1 and -1");
}

constexpr OpRow rows[] = {
    {kMicrosoft, "FusedHadamardTransform", 0, kLatest, convertUnknownTransform, "block_size"},
    {"qti_aisw", "HadamardTransform", 0, kLatest, convertUnknownTransform, "rank scale"},
    {kRaised, "FWHT", 0, kLatest, convertFWHT, "inverse rotation scale"},
};

//===------------------------------------------------------------------------------------------------------------===//
// Rotations
//===------------------------------------------------------------------------------------------------------------===//

/// Signs as an attribute; null where all are +1.
Attribute signsOf(MLIRContext *context, ArrayRef<int8_t> signs) {
  if (llvm::all_of(signs, [](int8_t sign) { return sign > 0; }))
    return {};
  std::vector<uint8_t> packed((signs.size() + 7) / 8);
  for (auto [i, sign] : llvm::enumerate(signs))
    if (sign < 0)
      packed[i / 8] |= 1 << (i % 8);
  StringAttr bits = StringAttr::get(context, llvm::toHex(packed, /*LowerCase=*/true));
  return SignsAttr::get(context, signs.size(), StringAttr(), 0, 0, bits);
}

Attribute transformOf(MLIRContext *context, const HadamardTransform &transform) {
  if (transform.m == 1)
    return WHTAttr::get(context, transform.size());
  return HadamardAttr::get(context, transform.m, StringAttr::get(context, transform.table),
                           int64_t(1) << transform.log2, transform.transposed);
}

NodeOp makeFWHT(PatternRewriter &rewriter, Location loc, Value x, Type type, ArrayRef<Attribute> factors, double scale,
                int64_t span = 1) {
  // 1/sqrt(n) rounded to f32 and times sqrt(n) is 1, so that what is orthonormal cancels against its inverse.
  if (std::abs(scale - 1) < 1e-6)
    scale = 1;
  auto rotation = RotationAttr::get(rewriter.getContext(), factors, span);
  return createNode(
      rewriter, loc, kRaised, "FWHT", x,
      {rewriter.getNamedAttr("rotation", rotation), rewriter.getNamedAttr("scale", rewriter.getF64FloatAttr(scale))},
      type);
}

/// A constant matrix C of size n (C^T when `transposed`) that acts on columns: y = scale * R x, R orthonormal.
struct ConstantRotation {
  SmallVector<Attribute> factors;
  double scale;
  int64_t size;
};

std::optional<ConstantRotation> rotationOf(Value matrix, bool transposed) {
  while (NodeOp transpose = definedBy(matrix, "Transpose")) {
    if (!hasRank(matrix, 2) || permutationOf(transpose) != ArrayRef<int64_t>{1, 0})
      return std::nullopt;
    matrix = transpose.getInput(0);
    transposed = !transposed;
  }
  if (!hasRank(matrix, 2) || !isa<FloatType>(elementTypeOf(matrix)))
    return std::nullopt;
  Sizes dims = dimsOf(matrix);
  auto size = dims[0].getConstant();
  if (!size || dims[0] != dims[1] || *size < 4 || *size > 8192 || !splitOrder(*size))
    return std::nullopt;
  int64_t n = *size;
  // A few elements tell nearly every other matrix apart.
  auto sample = readConstant(matrix, 0, std::min<int64_t>(n, 16));
  if (!sample || (*sample)[0] == 0 ||
      llvm::any_of(*sample, [&](double x) { return !(std::abs(std::abs(x / (*sample)[0]) - 1) < 1e-2); }))
    return std::nullopt;
  auto elements = readConstant(matrix, 0, n * n);
  if (!elements)
    return std::nullopt;
  if (transposed)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j)
        std::swap((*elements)[i * n + j], (*elements)[j * n + i]);
  auto recognized = recognizeTransform(*elements, n, /*tolerance=*/1e-2);
  if (!recognized)
    return std::nullopt;
  ConstantRotation rotation{{}, recognized->scale * std::sqrt(static_cast<double>(n)), n};
  MLIRContext *context = matrix.getContext();
  for (Attribute factor : {signsOf(context, recognized->pre), transformOf(context, recognized->transform),
                           signsOf(context, recognized->post)})
    if (factor)
      rotation.factors.push_back(factor);
  return rotation;
}

RotationAttr rotationAttr(NodeOp fwht) { return cast<RotationAttr>(fwht.getAttribute("rotation")); }

/// The block of a plain Walsh-Hadamard transform; 0 for every other rotation.
int64_t plainBlock(ArrayRef<Attribute> factors) {
  auto wht = factors.size() == 1 ? dyn_cast<WHTAttr>(factors[0]) : WHTAttr();
  return wht ? wht.getBlock() : 0;
}

//===------------------------------------------------------------------------------------------------------------===//
// Patterns
//===------------------------------------------------------------------------------------------------------------===//

/// x C = FWHT(x): rows of x are multiplied by C^T. C x is the same on the other axis.
LogicalResult recognizeProduct(NodeOp product, PatternRewriter &rewriter) {
  Value x = product.getInput(0), result = product.getResult(0);
  if (auto rotation = rotationOf(product.getInput(1), /*transposed=*/true);
      rotation && x.getType() == result.getType()) {
    rewriter.replaceOp(product,
                       makeFWHT(rewriter, product.getLoc(), x, result.getType(), rotation->factors, rotation->scale));
    return success();
  }
  // H_a (X H_b) with X [..., a, b]: H_ab on both axes taken as one, since H_a (x) H_b = H_ab.
  Value y = product.getInput(1);
  if (y.getType() != result.getType())
    return failure();
  auto left = rotationOf(x, /*transposed=*/false);
  NodeOp right = left ? raisedBy(y, "FWHT") : NodeOp();
  if (!right || rotationAttr(right).getSpan() != 1 || right.getAttribute("inverse"))
    return failure();
  int64_t a = plainBlock(left->factors), b = plainBlock(rotationAttr(right).getFactors());
  if (!a || !b || !dimsOf(y).back().isConstant(b))
    return failure();
  rewriter.replaceOp(product, makeFWHT(rewriter, product.getLoc(), right.getInput(0), result.getType(),
                                       Attribute(WHTAttr::get(rewriter.getContext(), a * b)),
                                       left->scale * right.getFloat("scale", 1), /*span=*/2));
  return success();
}

/// alpha x C' = FWHT(x)
LogicalResult recognizeGemm(NodeOp gemm, PatternRewriter &rewriter) {
  if (gemm.getInput(2) || gemm.getInt("transA", 0) || gemm.getInput(0).getType() != gemm.getResult(0).getType())
    return failure();
  auto rotation = rotationOf(gemm.getInput(1), /*transposed=*/!gemm.getInt("transB", 0));
  if (!rotation)
    return failure();
  rewriter.replaceOp(gemm, makeFWHT(rewriter, gemm.getLoc(), gemm.getInput(0), gemm.getResult(0).getType(),
                                    rotation->factors, rotation->scale * gemm.getFloat("alpha", 1)));
  return success();
}

/// A convolution of size one is a product along the channels.
LogicalResult recognizeConv(NodeOp conv, PatternRewriter &rewriter) {
  Value x = conv.getInput(0), weight = conv.getInput(1);
  auto only = [&](StringRef name, int64_t value) {
    auto list = conv.getInts(name);
    return !list || llvm::all_of(*list, [&](int64_t entry) { return entry == value; });
  };
  if (conv.getInput(2) || conv.getInt("group", 1) != 1 || !only("strides", 1) || !only("pads", 0) ||
      !only("dilations", 1) || x.getType() != conv.getResult(0).getType() ||
      !weight.getDefiningOp<onnx::InitializerOp>())
    return failure();
  auto type = cast<onnx::OnnxTensorType>(weight.getType());
  if (!hasRank(x, type.getRank()) || type.getRank() < 3 ||
      !llvm::all_of(ArrayRef(dimsOf(weight)).drop_front(2),
                    [](const SymbolicSize &size) { return size.isConstant(1); }))
    return failure();
  Value matrix = createNode(rewriter, conv.getLoc(), "", "Reshape", weight, {},
                            tensorLike(weight, ArrayRef(dimsOf(weight)).take_front(2)), 5)
                     .getResult(0);
  auto rotation = rotationOf(matrix, /*transposed=*/false);
  if (!rotation)
    return failure();
  SmallVector<int64_t> last = {0}, back = {0, static_cast<int64_t>(type.getRank()) - 1};
  for (int64_t i = 2; i < static_cast<int64_t>(type.getRank()); ++i) {
    last.push_back(i);
    back.push_back(i - 1);
  }
  last.push_back(1);
  Value moved = createTranspose(rewriter, conv.getLoc(), x, last).getResult(0);
  NodeOp transform = makeFWHT(rewriter, conv.getLoc(), moved, moved.getType(), rotation->factors, rotation->scale);
  rewriter.replaceOp(conv, createTranspose(rewriter, conv.getLoc(), transform.getResult(0), back));
  return success();
}

/// Reshape(FWHT(Reshape(x))) = FWHT(x) where the reshapes cut the last axis into blocks and join them again.
LogicalResult mergeBlocks(NodeOp outer, PatternRewriter &rewriter) {
  NodeOp fwht = raisedBy(outer.getInput(0), "FWHT");
  NodeOp inner = fwht ? definedBy(fwht.getInput(0), "Reshape") : NodeOp();
  Value x = inner ? inner.getInput(0) : Value();
  if (!x || x.getType() != outer.getResult(0).getType() || fwht.getAttribute("inverse"))
    return failure();
  Sizes dims = dimsOf(x), cut = dimsOf(fwht.getResult(0));
  int64_t span = rotationAttr(fwht).getSpan();
  auto width = dims.empty() ? std::nullopt : dims.back().getConstant();
  // The transform's axes lie within the last axis of x, and so does what is cut off before them.
  if (!width || static_cast<int64_t>(cut.size()) < span)
    return failure();
  auto block = product(ArrayRef(cut).take_back(span)).getConstant();
  SymbolicSize outerCount = product(ArrayRef(dims).drop_back());
  if (!block || *block < 1 || *width % *block ||
      product(ArrayRef(cut).drop_back(span)) != outerCount * (*width / *block))
    return failure();
  rewriter.replaceOp(outer, makeFWHT(rewriter, outer.getLoc(), x, x.getType(), rotationAttr(fwht).getFactors(),
                                     fwht.getFloat("scale", 1)));
  return success();
}

/// The signs (null: all +) of a constant vector of +s and -s; their magnitude goes into `scale`.
std::optional<Attribute> signVector(Value value, const SymbolicSize &width, double &scale) {
  auto size = width.getConstant();
  if (!size || *size > 65536 || !isConstantVector(value, width))
    return std::nullopt;
  auto numbers = readConstant(value, 0, *size);
  if (!numbers || (*numbers)[0] == 0)
    return std::nullopt;
  double magnitude = std::abs((*numbers)[0]);
  std::vector<int8_t> signs;
  for (double number : *numbers) {
    if (std::abs(std::abs(number) - magnitude) > 1e-3 * magnitude)
      return std::nullopt;
    signs.push_back(number < 0 ? -1 : 1);
  }
  scale *= magnitude;
  return signsOf(value.getContext(), signs);
}

/// FWHT(x) * c = FWHT(x), and with signs: FWHT(x) * d
LogicalResult absorbAfter(NodeOp mul, PatternRewriter &rewriter) {
  for (unsigned i : {0, 1}) {
    NodeOp fwht = raisedBy(mul.getInput(i), "FWHT");
    if (!fwht || fwht.getAttribute("inverse") || fwht.getResult(0).getType() != mul.getResult(0).getType())
      continue;
    double scale = fwht.getFloat("scale", 1);
    SmallVector<Attribute> factors = llvm::to_vector(rotationAttr(fwht).getFactors());
    if (auto number = scalarOf(mul.getInput(1 - i)))
      scale *= *number;
    else if (auto signs = rotationAttr(fwht).getSpan() == 1
                              ? signVector(mul.getInput(1 - i), dimsOf(mul.getResult(0)).back(), scale)
                              : std::nullopt) {
      if (*signs)
        factors.push_back(*signs);
    } else
      continue;
    rewriter.replaceOp(mul, makeFWHT(rewriter, mul.getLoc(), fwht.getInput(0), mul.getResult(0).getType(), factors,
                                     scale, rotationAttr(fwht).getSpan()));
    return success();
  }
  return failure();
}

/// FWHT(x * d) and FWHT(x * c)
LogicalResult absorbBefore(NodeOp fwht, PatternRewriter &rewriter) {
  NodeOp mul = definedBy(fwht.getInput(0), "Mul");
  if (!mul || fwht.getAttribute("inverse"))
    return failure();
  for (unsigned i : {0, 1}) {
    if (mul.getInput(i).getType() != fwht.getResult(0).getType())
      continue;
    double scale = fwht.getFloat("scale", 1);
    SmallVector<Attribute> factors;
    if (auto number = scalarOf(mul.getInput(1 - i)))
      scale *= *number;
    else if (auto signs = rotationAttr(fwht).getSpan() == 1
                              ? signVector(mul.getInput(1 - i), dimsOf(fwht.getResult(0)).back(), scale)
                              : std::nullopt) {
      if (*signs)
        factors.push_back(*signs);
    } else
      continue;
    llvm::append_range(factors, rotationAttr(fwht).getFactors());
    rewriter.replaceOp(fwht, makeFWHT(rewriter, fwht.getLoc(), mul.getInput(i), fwht.getResult(0).getType(), factors,
                                      scale, rotationAttr(fwht).getSpan()));
    return success();
  }
  return failure();
}

bool isBlock(int64_t block, Value x) {
  auto type = cast<onnx::OnnxTensorType>(x.getType());
  auto width = type.hasRank() && type.getRank() ? type.getDim(type.getRank() - 1).getConstant() : std::nullopt;
  return width && block > 1 && block <= (1 << 20) && llvm::isPowerOf2_64(block) && *width % block == 0;
}

/// com.microsoft.FusedHadamardTransform: signs first, then independent orthonormal blocks.
LogicalResult raiseFused(NodeOp node, PatternRewriter &rewriter) {
  Value x = node.getInput(0);
  int64_t block = node.getInt("block_size", 1024);
  if (!x || !isBlock(block, x) || x.getType() != node.getResult(0).getType())
    return failure();
  SmallVector<Attribute> factors;
  double scale = 1;
  if (Value given = node.getInput(1)) {
    Sizes dims = dimsOf(given);
    if (dims.size() != 1)
      return failure();
    auto signs = signVector(given, dims[0], scale);
    if (!signs)
      return failure();
    if (*signs)
      factors.push_back(*signs);
  }
  if (scale != 1)
    return failure();
  factors.push_back(WHTAttr::get(rewriter.getContext(), block));
  rewriter.replaceOp(node, makeFWHT(rewriter, node.getLoc(), x, node.getResult(0).getType(), factors, 1));
  return success();
}

/// qti_aisw.HadamardTransform: scale * H of entries +1 and -1, on groups of `rank`
LogicalResult raiseQualcomm(NodeOp node, PatternRewriter &rewriter) {
  Value x = node.getInput(0);
  int64_t block = node.getInt("rank", 0);
  if (!x || !isBlock(block, x) || x.getType() != node.getResult(0).getType())
    return failure();
  double scale = node.getFloat("scale", 1) * std::sqrt(static_cast<double>(block));
  rewriter.replaceOp(node, makeFWHT(rewriter, node.getLoc(), x, node.getResult(0).getType(),
                                    Attribute(WHTAttr::get(rewriter.getContext(), block)), scale));
  return success();
}

} // namespace

ArrayRef<OpRow> raising::hadamardOps() { return rows; }

void raising::populateHadamardPatterns(RewritePatternSet &patterns) {
  addPattern<recognizeProduct>(patterns, "", "MatMul");
  addPattern<recognizeGemm>(patterns, "", "Gemm");
  addPattern<recognizeConv>(patterns, "", "Conv");
  addPattern<mergeBlocks>(patterns, "", "Reshape");
  addPattern<absorbAfter>(patterns, "", "Mul");
  addPattern<absorbBefore>(patterns, kRaised, "FWHT");
  addPattern<raiseFused>(patterns, kMicrosoft, "FusedHadamardTransform");
  addPattern<raiseQualcomm>(patterns, "qti_aisw", "HadamardTransform");
}
