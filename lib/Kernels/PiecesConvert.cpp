// Conversions between float kinds, and integer dot products: what differs between instruction sets.
#include "hadron/Kernels/Pieces.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// Splats with the shape of `like`.
struct Same {
  Pieces &p;
  int64_t lanes;
  Same(Pieces &p, Value like) : p(p), lanes(0) {
    if (auto type = dyn_cast<VectorType>(like.getType()))
      lanes = type.getNumElements();
  }
  Type type(Type element) const { return lanes ? Type(p.vector(element, lanes)) : element; }
  Type f32() const { return type(p.b.getF32Type()); }
  Type i32() const { return type(p.b.getI32Type()); }
  Type i16() const { return type(p.b.getI16Type()); }
  Value word(uint32_t bits) const { return p.integer(static_cast<int32_t>(bits), 32, lanes); }
  Value compare(arith::CmpIPredicate predicate, Value x, uint32_t bits) const {
    return arith::CmpIOp::create(p.b, p.loc, predicate, x, word(bits));
  }
  Value select(Value condition, Value x, Value y) const { return arith::SelectOp::create(p.b, p.loc, condition, x, y); }
};

/// f16 bits in the low half of each i32 lane → f32. The exponent is moved by a product with 2^112, which is exact and
/// turns subnormal f16 into normal f32; infinities and NaN get their exponent afterwards.
Value widenF16(Pieces &p, Value bits) {
  Same s(p, bits);
  Value magnitude = p.bitAnd(bits, s.word(0x7fff));
  Value scaled = p.mulF(p.bitcast(p.shiftLeft(magnitude, 13), s.f32()), p.f32(0x1p112f, s.lanes));
  Value special = s.compare(arith::CmpIPredicate::sgt, magnitude, 0x7bff);
  Value exponent = s.select(special, s.word(0x7f800000), s.word(0));
  Value sign = p.shiftLeft(p.bitAnd(bits, s.word(0x8000)), 16);
  return p.bitcast(p.bitOr(p.bitOr(p.bitcast(scaled, s.i32()), exponent), sign), s.f32());
}

/// f32 → f16 bits in i32 lanes, to nearest even. Normal results: add half of the last kept place less one, plus its
/// lowest bit, then cut. Subnormal results: the FPU rounds when 0.5 is added, whose last place is f16's smallest
/// number.
Value narrowF16(Pieces &p, Value value) {
  Same s(p, value);
  Value word = p.bitcast(value, s.i32());
  Value sign = p.bitAnd(word, s.word(0x80000000));
  Value magnitude = p.bitXor(word, sign);
  Value odd = p.bitAnd(p.shiftRight(magnitude, 13), s.word(1));
  Value normal = p.shiftRight(p.add(p.add(magnitude, s.word(0xc8000fff)), odd), 13);
  Value sum = p.addF(p.bitcast(magnitude, s.f32()), p.f32(0.5f, s.lanes));
  Value subnormal = p.sub(p.bitcast(sum, s.i32()), s.word(0x3f000000));
  Value isNaN = s.compare(arith::CmpIPredicate::sgt, magnitude, 0x7f800000);
  Value special = s.select(isNaN, s.word(0x7e00), s.word(0x7c00));
  Value finite = s.select(s.compare(arith::CmpIPredicate::slt, magnitude, 0x38800000), subnormal, normal);
  Value half = s.select(s.compare(arith::CmpIPredicate::sgt, magnitude, 0x477fffff), special, finite);
  return p.bitOr(half, p.shiftRight(sign, 16));
}

/// f32 → bf16 bits in i32 lanes, to nearest even; NaN stays NaN.
Value narrowBF16(Pieces &p, Value value) {
  Same s(p, value);
  Value word = p.bitcast(value, s.i32());
  Value odd = p.bitAnd(p.shiftRight(word, 16), s.word(1));
  Value rounded = p.shiftRight(p.add(p.add(word, s.word(0x7fff)), odd), 16);
  Value isNaN = arith::CmpFOp::create(p.b, p.loc, arith::CmpFPredicate::UNO, value, value);
  return s.select(isNaN, p.bitOr(p.shiftRight(word, 16), s.word(0x40)), rounded);
}

} // namespace

Value Pieces::widen(FloatKind kind, Value bits) {
  if (kind == FloatKind::F32)
    return bits;
  Same s(*this, bits);
  if (kind == FloatKind::F16 && target.f16c)
    return arith::ExtFOp::create(b, loc, s.f32(), bitcast(bits, s.type(b.getF16Type())));
  Value words = arith::ExtUIOp::create(b, loc, s.i32(), bits);
  return kind == FloatKind::F16 ? widenF16(*this, words) : bitcast(shiftLeft(words, 16), s.f32());
}

Value Pieces::narrow(FloatKind kind, Value value) {
  if (kind == FloatKind::F32)
    return value;
  Same s(*this, value);
  if (kind == FloatKind::F16 && target.f16c)
    return bitcast(arith::TruncFOp::create(b, loc, s.type(b.getF16Type()), value), s.i16());
  Value words = kind == FloatKind::F16 ? narrowF16(*this, value) : narrowBF16(*this, value);
  return arith::TruncIOp::create(b, loc, s.i16(), words);
}

Value Pieces::intrinsic(ArrayRef<StringRef> names, VectorType result, ValueRange operands) {
  int64_t bytes = result.getNumElements() * result.getElementTypeBitWidth() / 8;
  int64_t part = std::min<int64_t>(bytes, target.vectorBytes);
  int64_t count = bytes / part, lanes = result.getNumElements() / count;
  StringRef which = names[llvm::Log2_64(part / 16)];
  Type partType = vector(result.getElementType(), lanes);
  Value whole;
  for (int64_t i = 0; i < count; ++i) {
    Values parts;
    for (Value operand : operands) {
      int64_t n = cast<VectorType>(operand.getType()).getNumElements() / count;
      parts.push_back(slice(operand, i * n, n));
    }
    Value one = LLVM::CallIntrinsicOp::create(b, loc, partType, b.getStringAttr(which), parts).getResult(0);
    if (count == 1)
      return one;
    if (!whole)
      whole = arith::ConstantOp::create(b, loc, b.getZeroAttr(result));
    whole =
        vector::InsertStridedSliceOp::create(b, loc, one, whole, ArrayRef<int64_t>{i * lanes}, ArrayRef<int64_t>{1});
  }
  return whole;
}

Value Pieces::dot2(Value acc, Value wordsA, Value wordsB) {
  auto type = cast<VectorType>(acc.getType());
  if (target.vnni)
    return intrinsic({"llvm.x86.avx512.vpdpwssd.128", "llvm.x86.avx512.vpdpwssd.256", "llvm.x86.avx512.vpdpwssd.512"},
                     type, {acc, wordsA, wordsB});
  return add(acc, intrinsic({"llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512"}, type,
                            {wordsA, wordsB}));
}

Value Pieces::dot4(Value acc, ArrayRef<Value> unsignedBytes, ArrayRef<Value> signedBytes, int maxUnsigned) {
  auto type = cast<VectorType>(acc.getType());
  VectorType words = ints(16, type.getNumElements() * 2);
  // What i16 holds of vpmaddubsw's sums of two products, each at least -128 maxUnsigned.
  size_t fits = 32767 / (2 * 128 * maxUnsigned);
  Value pairs;
  for (size_t i = 0; i < unsignedBytes.size(); ++i) {
    Value u = unsignedBytes[i], s = signedBytes[i];
    if (target.vnni) {
      acc = intrinsic({"llvm.x86.avx512.vpdpbusd.128", "llvm.x86.avx512.vpdpbusd.256", "llvm.x86.avx512.vpdpbusd.512"},
                      type, {acc, u, s});
    } else if (target.avx2 && fits > 0) {
      Value product =
          intrinsic({"llvm.x86.ssse3.pmadd.ub.sw.128", "llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.avx512.pmaddubs.w.512"},
                    words, {u, s});
      pairs = pairs ? add(pairs, product) : product;
      if ((i + 1) % fits == 0 || i + 1 == unsignedBytes.size()) {
        acc = dot2(acc, pairs, integer(1, 16, words.getNumElements()));
        pairs = Value();
      }
    } else {
      // Bytes 0, 2 and bytes 1, 3 as words: no shuffles, and the splat's part leaves the loop with it.
      u = bitcast(u, words), s = bitcast(s, words);
      acc = dot2(acc, bitAnd(u, integer(0xff, 16, words.getNumElements())), shiftRightSigned(shiftLeft(s, 8), 8));
      acc = dot2(acc, shiftRight(u, 8), shiftRightSigned(s, 8));
    }
  }
  return acc;
}

} // namespace hadron::kernels
