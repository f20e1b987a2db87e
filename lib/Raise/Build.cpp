// Elementwise maps, generated tensors, reductions.
#include "Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace hadron;
using namespace hadron::raising;

namespace {

Value emptyTensor(Raiser &r, ArrayRef<SymbolicSize> dims, Type element) {
  RankedTensorType type = r.tensorType(dims, element);
  return tensor::EmptyOp::create(r.builder, r.loc, type, r.dynamicSizes(dims));
}

SmallVector<utils::IteratorType> parallel(int64_t rank) {
  return SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel);
}

/// The map from indices of a result of sizes `dims` to those of an operand that is broadcast to it.
AffineMap broadcastMap(MLIRContext *context, ArrayRef<SymbolicSize> from, ArrayRef<SymbolicSize> dims) {
  SmallVector<AffineExpr> exprs;
  int64_t offset = static_cast<int64_t>(dims.size()) - static_cast<int64_t>(from.size());
  for (auto [i, size] : llvm::enumerate(from)) {
    bool repeated = size.isConstant(1) && !dims[offset + i].isConstant(1);
    exprs.push_back(repeated ? getAffineConstantExpr(0, context) : getAffineDimExpr(offset + i, context));
  }
  return AffineMap::get(dims.size(), 0, exprs, context);
}

} // namespace

Tensor raising::map(Raiser &r, ArrayRef<Tensor> operands, ArrayRef<SymbolicSize> dims, Type element, Body body) {
  MLIRContext *context = r.builder.getContext();
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (const Tensor &operand : operands)
    if (operand.rank() > static_cast<int64_t>(dims.size())) {
      (void)r.error("an operand has more axes than the result");
      return {emptyTensor(r, dims, element), Sizes(dims), element};
    }
  for (const Tensor &operand : operands)
    if (!operand.splat) {
      inputs.push_back(operand.value);
      maps.push_back(broadcastMap(context, operand.dims, dims));
    }
  maps.push_back(AffineMap::getMultiDimIdentityMap(dims.size(), context));
  Value empty = emptyTensor(r, dims, element);
  auto generic = linalg::GenericOp::create(
      r.builder, r.loc, TypeRange{empty.getType()}, inputs, ValueRange{empty}, maps, parallel(dims.size()),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        SmallVector<Value> elements;
        unsigned next = 0;
        for (const Tensor &operand : operands)
          elements.push_back(operand.splat ? arith::ConstantOp::create(b, loc, operand.splat) : args[next++]);
        linalg::YieldOp::create(b, loc, body(b, loc, elements));
      });
  return {generic.getResult(0), Sizes(dims), element};
}

Type raising::wide(Type element) {
  return isa<Float16Type, BFloat16Type>(element) ? Type(Float32Type::get(element.getContext())) : element;
}

Tensor raising::mapWide(Raiser &r, ArrayRef<Tensor> operands, ArrayRef<SymbolicSize> dims, Type element, Body body) {
  return map(r, operands, dims, element, [&](OpBuilder &b, Location loc, ValueRange args) {
    SmallVector<Value> widened;
    for (Value arg : args)
      widened.push_back(castScalar(b, loc, arg, false, wide(arg.getType()), false));
    Value result = body(b, loc, widened);
    return isa<FloatType>(element) ? castScalar(b, loc, result, false, element, false) : result;
  });
}

Tensor raising::generate(Raiser &r, ArrayRef<SymbolicSize> dims, Type element, Body body) {
  Value empty = emptyTensor(r, dims, element);
  auto generic =
      linalg::GenericOp::create(r.builder, r.loc, TypeRange{empty.getType()}, ValueRange{}, ValueRange{empty},
                                ArrayRef{AffineMap::getMultiDimIdentityMap(dims.size(), r.builder.getContext())},
                                parallel(dims.size()), [&](OpBuilder &b, Location loc, ValueRange) {
                                  SmallVector<Value> indices;
                                  for (unsigned i = 0; i < dims.size(); ++i)
                                    indices.push_back(linalg::IndexOp::create(b, loc, i));
                                  linalg::YieldOp::create(b, loc, body(b, loc, indices));
                                });
  return {generic.getResult(0), Sizes(dims), element};
}

Value raising::elementAt(OpBuilder &b, Location loc, Value tensor, ValueRange indices) {
  return tensor::ExtractOp::create(b, loc, tensor, indices);
}

Tensor raising::fold(Raiser &r, ArrayRef<Operand> operands, ArrayRef<SymbolicSize> loops, unsigned kept, TypedAttr init,
                     Body body) {
  MLIRContext *context = r.builder.getContext();
  SmallVector<utils::IteratorType> iterators = parallel(loops.size());
  for (size_t i = kept; i < loops.size(); ++i)
    iterators[i] = utils::IteratorType::reduction;
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (const Operand &operand : operands) {
    SmallVector<AffineExpr> exprs;
    for (int64_t loop : operand.loops)
      exprs.push_back(loop < 0 ? getAffineConstantExpr(0, context) : getAffineDimExpr(loop, context));
    inputs.push_back(r.value(operand.tensor));
    maps.push_back(AffineMap::get(loops.size(), 0, exprs, context));
  }
  maps.push_back(AffineMap::get(
      loops.size(), 0, ArrayRef(AffineMap::getMultiDimIdentityMap(loops.size(), context).getResults()).take_front(kept),
      context));
  Value empty = emptyTensor(r, loops.take_front(kept), init.getType());
  Value start = arith::ConstantOp::create(r.builder, r.loc, init);
  Value filled = linalg::FillOp::create(r.builder, r.loc, start, empty).getResult(0);
  auto generic = linalg::GenericOp::create(
      r.builder, r.loc, TypeRange{filled.getType()}, inputs, ValueRange{filled}, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, body(b, loc, args)); });
  return {generic.getResult(0), Sizes(loops.take_front(kept)), init.getType()};
}

Tensor raising::reduce(Raiser &r, const Tensor &input, ArrayRef<int64_t> axes, TypedAttr init, Body combine) {
  // The loops of kept axes first.
  Sizes loops;
  SmallVector<int64_t> loopOf(input.rank());
  for (bool reduced : {false, true})
    for (int64_t i = 0; i < input.rank(); ++i)
      if (llvm::is_contained(axes, i) == reduced) {
        loopOf[i] = loops.size();
        loops.push_back(input.dims[i]);
      }
  Tensor result = fold(r, Operand{input, loopOf}, loops, input.rank() - axes.size(), init, combine);
  result.isUnsigned = input.isUnsigned;
  return result;
}

Tensor raising::splat(Raiser &r, double number, ArrayRef<SymbolicSize> dims, Type element) {
  return {Value(), Sizes(dims), element, false, numberAttr(element, number)};
}

Tensor raising::converted(Raiser &r, const Tensor &input, Type element, bool isUnsigned) {
  if (input.element == element && (input.isUnsigned == isUnsigned || !element.isInteger())) {
    Tensor same = input;
    same.isUnsigned = isUnsigned;
    return same;
  }
  bool sameBits = input.element == element; // i8 and ui8
  Tensor result =
      sameBits ? input : map(r, input, input.dims, element, [&](OpBuilder &b, Location loc, ValueRange args) {
        return castScalar(b, loc, args[0], input.isUnsigned, element, isUnsigned);
      });
  result.isUnsigned = isUnsigned;
  return result;
}
