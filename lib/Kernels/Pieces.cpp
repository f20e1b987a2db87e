// Constants, lanes, memory and structure of kernel bodies.
#include "hadron/Kernels/Pieces.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace hadron::kernels {

// Constants.

Value Pieces::integer(int64_t value, unsigned bits, int64_t lanes) {
  Type element = b.getIntegerType(bits);
  auto scalar = IntegerAttr::get(element, APInt(bits, value, /*isSigned=*/true, /*implicitTrunc=*/true));
  if (!lanes)
    return arith::ConstantOp::create(b, loc, scalar);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector(element, lanes), Attribute(scalar)));
}

Value Pieces::i64(int64_t value) { return integer(value, 64); }
Value Pieces::i32(int32_t value) { return integer(value, 32); }

Value Pieces::f32(float value, int64_t lanes) {
  FloatAttr scalar = b.getF32FloatAttr(value);
  if (!lanes)
    return arith::ConstantOp::create(b, loc, scalar);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(f32s(lanes), Attribute(scalar)));
}

Value Pieces::mask(int64_t valid, int64_t lanes) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), std::min(valid, lanes), true);
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(ints(1, lanes), ArrayRef<bool>(bits)));
}

// Lanes.

namespace {
/// The constant `bits` with the type of `x`.
Value shiftAmount(Pieces &p, Value x, int64_t bits) {
  auto type = dyn_cast<VectorType>(x.getType());
  return p.integer(bits, getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth(), type ? type.getNumElements() : 0);
}
} // namespace

Value Pieces::shiftLeft(Value x, int64_t bits) {
  return bits ? b.createOrFold<arith::ShLIOp>(loc, x, shiftAmount(*this, x, bits)) : x;
}
Value Pieces::shiftRight(Value x, int64_t bits) {
  return bits ? b.createOrFold<arith::ShRUIOp>(loc, x, shiftAmount(*this, x, bits)) : x;
}
Value Pieces::shiftRightSigned(Value x, int64_t bits) {
  return bits ? b.createOrFold<arith::ShRSIOp>(loc, x, shiftAmount(*this, x, bits)) : x;
}

Value Pieces::toF32(Value x) {
  auto type = dyn_cast<VectorType>(x.getType());
  return arith::SIToFPOp::create(b, loc, type ? Type(f32s(type.getNumElements())) : Type(b.getF32Type()), x);
}

Value Pieces::bitcast(Value x, Type type) {
  if (x.getType() == type)
    return x;
  if (isa<VectorType>(type))
    return vector::BitCastOp::create(b, loc, cast<VectorType>(type), x);
  return arith::BitcastOp::create(b, loc, type, x);
}

Value Pieces::addF(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
Value Pieces::subF(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
Value Pieces::mulF(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }

Value Pieces::mulAdd(Value x, Value y, Value z) {
  if (target.fma)
    return LLVM::FMAOp::create(b, loc, x, y, z);
  // llvm.fma without the instruction is one call of fmaf per lane.
  return addF(mulF(x, y), z);
}

Value Pieces::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(b, loc, vector(scalar.getType(), lanes), scalar);
}

Value Pieces::slice(Value x, int64_t first, int64_t lanes) {
  if (first == 0 && lanes == cast<VectorType>(x.getType()).getNumElements())
    return x;
  return vector::ExtractStridedSliceOp::create(b, loc, x, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{lanes},
                                               ArrayRef<int64_t>{1});
}

// Memory.

Value Pieces::at(Value base, Value byteOffset) {
  if (IntegerAttr constant; matchPattern(byteOffset, m_Constant(&constant)) && constant.getInt() == 0)
    return base;
  return LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{byteOffset},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value Pieces::at(Value base, int64_t byteOffset) { return byteOffset ? at(base, i64(byteOffset)) : base; }

namespace {
unsigned alignmentOf(Type type, unsigned alignment) {
  if (alignment)
    return alignment;
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat() ? std::max(1u, element.getIntOrFloatBitWidth() / 8) : 8;
}
} // namespace

Value Pieces::load(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(b, loc, type, address, alignmentOf(type, alignment));
}

void Pieces::store(Value value, Value address, unsigned alignment) {
  LLVM::StoreOp::create(b, loc, value, address, alignmentOf(value.getType(), alignment));
}

void Pieces::storeStreaming(Value value, Value address) {
  auto type = cast<VectorType>(value.getType());
  unsigned bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  LLVM::StoreOp::create(b, loc, value, address, bytes, /*isVolatile=*/false, /*isNonTemporal=*/true);
}

void Pieces::storeFence() {
  LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.x86.sse.sfence"), ValueRange());
}

// In parts of 8, 4, 2, 1 lanes: LLVM 22 compiles a masked store of truncated lanes with a constant one-lane mask to a
// store of the wide lane, which writes past it.
Value Pieces::loadFirst(VectorType type, Value address, int64_t valid) {
  int64_t lanes = type.getNumElements(), bytes = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  if (valid >= lanes)
    return load(type, address);
  Value whole = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  for (int64_t first = 0, part = llvm::PowerOf2Ceil(lanes); part; part /= 2) {
    if (!(valid & part))
      continue;
    Value one = load(vector(type.getElementType(), part), at(address, first * bytes), alignmentOf(type, 0));
    whole = vector::InsertStridedSliceOp::create(b, loc, one, whole, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{1});
    first += part;
  }
  return whole;
}

void Pieces::storeFirst(Value value, Value address, int64_t valid) {
  auto type = cast<VectorType>(value.getType());
  int64_t lanes = type.getNumElements(), bytes = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  if (valid >= lanes)
    return store(value, address);
  for (int64_t first = 0, part = llvm::PowerOf2Ceil(lanes); part; part /= 2) {
    if (!(valid & part))
      continue;
    store(slice(value, first, part), at(address, first * bytes), alignmentOf(type, 0));
    first += part;
  }
}

Value Pieces::loadMasked(VectorType type, Value address, Value mask) {
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(b, loc, type, address, mask, zero, b.getI32IntegerAttr(alignmentOf(type, 0)),
                                    nullptr);
}

void Pieces::storeMasked(Value value, Value address, Value mask) {
  LLVM::MaskedStoreOp::create(b, loc, value, address, mask, b.getI32IntegerAttr(alignmentOf(value.getType(), 0)));
}

Value Pieces::maskBelow(Value valid, int64_t lanes) {
  Value bound = arith::TruncIOp::create(b, loc, b.getI32Type(), min(valid, i64(lanes)));
  SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  Value iota = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(ints(32, lanes), ArrayRef<int32_t>(numbers)));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, iota, broadcast(bound, lanes));
}

void Pieces::prefetch(Value address) { LLVM::Prefetch::create(b, loc, address, /*rw=*/0, /*hint=*/3, /*cache=*/1); }

Value Pieces::stack(int64_t bytes, int64_t alignment) {
  Operation *parent = b.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<LLVM::LLVMFuncOp>(parent);
  if (!function)
    function = parent->getParentOfType<LLVM::LLVMFuncOp>();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(b, loc, pointer(), b.getI8Type(), i64(bytes), alignment);
}

Value Pieces::loadFloat(FloatKind kind, Value address, int64_t lanes, int64_t valid, unsigned alignment) {
  Type element = kind == FloatKind::F32 ? Type(b.getF32Type()) : Type(b.getI16Type());
  if (!lanes)
    return widen(kind, load(element, address, alignment));
  if (valid >= 0 && valid < lanes)
    return widen(kind, loadFirst(vector(element, lanes), address, valid));
  return widen(kind, load(vector(element, lanes), address, alignment));
}

void Pieces::storeFloat(FloatKind kind, Value value, Value address, int64_t valid, unsigned alignment) {
  auto type = dyn_cast<VectorType>(value.getType());
  Value bits = narrow(kind, value);
  if (type && valid >= 0 && valid < type.getNumElements())
    storeFirst(bits, address, valid);
  else
    store(bits, address, alignment);
}

Value Pieces::loadFloatMasked(FloatKind kind, Value address, int64_t lanes, Value mask) {
  return widen(kind, loadMasked(kind == FloatKind::F32 ? f32s(lanes) : ints(16, lanes), address, mask));
}

void Pieces::storeFloatMasked(FloatKind kind, Value value, Value address, Value mask) {
  storeMasked(narrow(kind, value), address, mask);
}

// Reductions.

Value Pieces::reduceAddF(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x, arith::FastMathFlags::reassoc);
}
Value Pieces::reduceMaxF(Value x) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, x,
                                     arith::FastMathFlags::reassoc | arith::FastMathFlags::nnan |
                                         arith::FastMathFlags::nsz);
}
Value Pieces::reduceAddI(Value x) { return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, x); }

// Structure.

Pieces::Values Pieces::loop(Value begin, Value end, int64_t step, ValueRange init, LoopBody body) {
  auto op = scf::ForOp::create(b, loc, begin, end, i64(step), init);
  OpBuilder::InsertionGuard guard(b);
  if (init.empty())
    b.setInsertionPoint(op.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(op.getBody());
  Values next = body(op.getInductionVar(), op.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, loc, next);
  return Values(op.getResults());
}

void Pieces::loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(begin, end, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return Values{};
  });
}

Pieces::Values Pieces::ifElse(Value condition, TypeRange results, llvm::function_ref<Values()> then,
                              llvm::function_ref<Values()> otherwise) {
  auto op = scf::IfOp::create(b, loc, results, condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  for (auto [block, build] : {std::pair(op.thenBlock(), then), std::pair(op.elseBlock(), otherwise)}) {
    b.setInsertionPointToEnd(block);
    Values values = build();
    scf::YieldOp::create(b, loc, values);
  }
  return Values(op.getResults());
}

void Pieces::ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  ifElse(condition, TypeRange{}, [&] { return then(), Values{}; }, [&] { return otherwise(), Values{}; });
}

void Pieces::ifThen(Value condition, llvm::function_ref<void()> then) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  then();
}

} // namespace hadron::kernels
