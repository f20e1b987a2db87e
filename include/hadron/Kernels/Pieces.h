// Small composable pieces of CPU kernel bodies: addresses, typed loads and stores of 1-D vectors, conversions, dot
// products, reductions, loops. Vectors may be wider than a register: LLVM cuts them, so that one emitter serves every
// vector length.
#ifndef HADRON_KERNELS_PIECES_H
#define HADRON_KERNELS_PIECES_H

#include "hadron/Kernels/Body.h"
#include "hadron/Kernels/FloatKind.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallVector.h"

namespace hadron::kernels {

/// Builds operations at the insertion point of `b`. Sizes, offsets and loop counters are i64. A scalar is written f32,
/// a vector with its number of lanes; element-wise functions take both.
class Pieces {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  Pieces(mlir::OpBuilder &builder, mlir::Location loc, const cpu::Target &target)
      : b(builder), loc(loc), target(target) {}
  explicit Pieces(const Body &body) : Pieces(body.builder, body.loc, body.target) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  const cpu::Target &target;

  // Types.
  mlir::VectorType vector(mlir::Type element, int64_t lanes) const { return mlir::VectorType::get({lanes}, element); }
  mlir::VectorType f32s(int64_t lanes) const { return vector(b.getF32Type(), lanes); }
  mlir::VectorType ints(unsigned bits, int64_t lanes) const { return vector(b.getIntegerType(bits), lanes); }
  mlir::Type pointer() const { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }

  // Constants. `lanes` 0: a scalar.
  Value i64(int64_t value);
  Value i32(int32_t value);
  Value f32(float value, int64_t lanes = 0);
  Value integer(int64_t value, unsigned bits, int64_t lanes = 0);
  /// Lanes [0, valid) are true; for selects (memory: loadFirst, storeFirst).
  Value mask(int64_t valid, int64_t lanes);

  // Index arithmetic on i64; constants fold.
  Value add(Value x, Value y) { return b.createOrFold<mlir::arith::AddIOp>(loc, x, y); }
  Value add(Value x, int64_t y) { return add(x, i64(y)); }
  Value sub(Value x, Value y) { return b.createOrFold<mlir::arith::SubIOp>(loc, x, y); }
  Value mul(Value x, Value y) { return b.createOrFold<mlir::arith::MulIOp>(loc, x, y); }
  Value mul(Value x, int64_t y) { return mul(x, i64(y)); }
  Value div(Value x, int64_t y) { return b.createOrFold<mlir::arith::DivUIOp>(loc, x, i64(y)); }
  Value rem(Value x, int64_t y) { return b.createOrFold<mlir::arith::RemUIOp>(loc, x, i64(y)); }
  Value ceilDiv(Value x, int64_t y) { return div(add(x, y - 1), y); }
  Value min(Value x, Value y) { return b.createOrFold<mlir::arith::MinSIOp>(loc, x, y); }
  Value less(Value x, Value y) {
    return b.createOrFold<mlir::arith::CmpIOp>(loc, mlir::arith::CmpIPredicate::slt, x, y);
  }
  Value equal(Value x, Value y) {
    return b.createOrFold<mlir::arith::CmpIOp>(loc, mlir::arith::CmpIPredicate::eq, x, y);
  }

  // Integer lanes.
  Value bitAnd(Value x, Value y) { return b.createOrFold<mlir::arith::AndIOp>(loc, x, y); }
  Value bitOr(Value x, Value y) { return b.createOrFold<mlir::arith::OrIOp>(loc, x, y); }
  Value bitXor(Value x, Value y) { return b.createOrFold<mlir::arith::XOrIOp>(loc, x, y); }
  Value shiftLeft(Value x, int64_t bits);
  Value shiftRight(Value x, int64_t bits); // logical
  Value shiftRightSigned(Value x, int64_t bits);
  Value toF32(Value signedInteger);
  /// Same bits, another type.
  Value bitcast(Value x, mlir::Type type);

  // f32 lanes. mulAdd: a b + c, fused where the target has FMA, else two roundings (never a libm call).
  Value addF(Value x, Value y);
  Value subF(Value x, Value y);
  Value mulF(Value x, Value y);
  Value mulAdd(Value x, Value y, Value z);
  Value broadcast(Value scalar, int64_t lanes);

  // Memory. Byte offsets; `alignment` in bytes, 0: that of the element.
  Value at(Value base, Value byteOffset);
  Value at(Value base, int64_t byteOffset);
  Value load(mlir::Type type, Value address, unsigned alignment = 0);
  void store(Value value, Value address, unsigned alignment = 0);
  /// A store past the caches, to an address that is a multiple of the vector's size. Ends with storeFence.
  void storeStreaming(Value value, Value address);
  void storeFence();
  /// Lanes [0, valid) of memory, zero in the others; `valid` is known here, so no lane is ever tested at run time.
  Value loadFirst(mlir::VectorType type, Value address, int64_t valid);
  void storeFirst(Value value, Value address, int64_t valid);
  /// The same with a mask in a register (i1 lanes), computed at run time: for constant masks use the two above.
  Value loadMasked(mlir::VectorType type, Value address, Value mask);
  void storeMasked(Value value, Value address, Value mask);
  /// Lane i is true where i < valid (i64); any value is allowed, lanes beyond the vector do not matter.
  Value maskBelow(Value valid, int64_t lanes);
  /// A prefetch for one read, into all caches.
  void prefetch(Value address);
  /// `bytes` of scratch, allocated once at the entry of the function.
  Value stack(int64_t bytes, int64_t alignment = 64);

  // f32 lanes in memory as any float kind: f32 ← f16/bf16 exactly; f16/bf16 ← f32 rounded once, to nearest even.
  // lanes 0: a scalar. valid < lanes: as loadFirst and storeFirst.
  Value loadFloat(FloatKind kind, Value address, int64_t lanes, int64_t valid = -1, unsigned alignment = 0);
  void storeFloat(FloatKind kind, Value value, Value address, int64_t valid = -1, unsigned alignment = 0);
  Value loadFloatMasked(FloatKind kind, Value address, int64_t lanes, Value mask);
  void storeFloatMasked(FloatKind kind, Value value, Value address, Value mask);
  /// The bits of f16/bf16 (i16 lanes) ↔ f32. Baseline x86-64 has no F16C: integer arithmetic there.
  Value widen(FloatKind kind, Value bits);
  Value narrow(FloatKind kind, Value value);

  // Integer dot products; 4 bytes, or 2 words, make one i32 lane.
  /// acc + Σ over the pairs of the sums of 4 products of unsigned by signed bytes (i8 lanes: 4 times those of acc).
  /// Exact. `maxUnsigned`: what no unsigned byte exceeds; decides whether vpmaddubsw, which saturates, may be used.
  Value dot4(Value acc, mlir::ArrayRef<Value> unsignedBytes, mlir::ArrayRef<Value> signedBytes, int maxUnsigned);
  /// acc + Σ of 2 products of signed words (i16 lanes: 2 times those of acc). Exact unless all four are -32768.
  Value dot2(Value acc, Value wordsA, Value wordsB);

  // Reductions over the lanes of a vector (any number of lanes).
  Value reduceAddF(Value x);
  Value reduceMaxF(Value x); // numbers only
  Value reduceAddI(Value x);

  // Lanes [first, first + lanes) of x.
  Value slice(Value x, int64_t first, int64_t lanes);

  // Structure. Bodies return the values that the next iteration starts from.
  using LoopBody = llvm::function_ref<Values(Value i, mlir::ValueRange state)>;
  Values loop(Value begin, Value end, int64_t step, mlir::ValueRange init, LoopBody body);
  void loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value i)> body);
  void ifThen(Value condition, llvm::function_ref<void()> then);
  Values ifElse(Value condition, mlir::TypeRange results, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  void ifElse(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);

private:
  /// Applies an x86 intrinsic to vectors of any number of bytes, one register at a time. Names for 16, 32, 64 bytes.
  Value intrinsic(llvm::ArrayRef<llvm::StringRef> names, mlir::VectorType result, mlir::ValueRange operands);
};

} // namespace hadron::kernels

#endif // HADRON_KERNELS_PIECES_H
