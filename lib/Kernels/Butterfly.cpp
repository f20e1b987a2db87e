// Plans of the butterfly network and the three algebras that walk them: counting, f64, MLIR.
#include "hadron/Kernels/Butterfly.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

/// H_m with m up to this is straight-line code; beyond it a loop over a table of which sums to add.
constexpr int64_t kUnrolledOrder = 28;

int64_t roundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/// The largest divisor of `count` that is a multiple of `unit` and at most `limit` (`unit` if there is none).
int64_t tileSize(int64_t count, int64_t unit, int64_t limit) {
  for (int64_t size = limit / unit * unit; size > unit; size -= unit)
    if (count % size == 0)
      return size;
  return unit;
}

struct CountAlgebra {
  using Value = char;
  int64_t width, additions = 0;
  Value add(Value, Value) { return additions += width, 0; }
  Value sub(Value, Value) { return additions += width, 0; }
  Value lanes(Value, int) { return additions += width, 0; }
  Value negate(Value) { return 0; }
};

struct F64Algebra {
  using Value = llvm::SmallVector<double, 16>;
  template <class Operation>
  Value map(const Value &a, const Value &b, Operation operation) {
    Value result;
    for (auto [x, y] : llvm::zip_equal(a, b))
      result.push_back(operation(x, y));
    return result;
  }
  Value add(const Value &a, const Value &b) {
    return map(a, b, [](double x, double y) { return x + y; });
  }
  Value sub(const Value &a, const Value &b) {
    return map(a, b, [](double x, double y) { return x - y; });
  }
  Value negate(const Value &a) {
    return map(a, a, [](double x, double) { return -x; });
  }
  Value lanes(const Value &a, int distance) {
    Value result(a.size());
    for (int i = 0; i < static_cast<int>(a.size()); ++i)
      result[i] = i & distance ? a[i ^ distance] - a[i] : a[i] + a[i ^ distance];
    return result;
  }
};

struct IRAlgebra {
  using Value = mlir::Value;
  Pieces &p;
  Value add(Value a, Value b) { return p.addF(a, b); }
  Value sub(Value a, Value b) { return p.subF(a, b); }
  Value negate(Value a) { return arith::NegFOp::create(p.b, p.loc, a); }

  /// One permutation within the register, and one operation that negates every lane whose bit is set and adds.
  /// Multiplying by ±1 is exact, so the fused form has the bits of the plain one.
  Value lanes(Value v, int distance) {
    int64_t count = cast<VectorType>(v.getType()).getNumElements();
    SmallVector<int64_t> partner;
    SmallVector<float> factor;
    SmallVector<int32_t> flip;
    for (int64_t i = 0; i < count; ++i) {
      partner.push_back(i ^ distance);
      factor.push_back(i & distance ? -1 : 1);
      flip.push_back(i & distance ? INT32_MIN : 0);
    }
    Value other = vector::ShuffleOp::create(p.b, p.loc, v, v, partner);
    if (p.target.fma)
      return p.mulAdd(v, constant(p.f32s(count), ArrayRef<float>(factor)), other);
    Value bits = p.bitXor(p.bitcast(v, p.ints(32, count)), constant(p.ints(32, count), ArrayRef<int32_t>(flip)));
    return p.addF(other, p.bitcast(bits, p.f32s(count)));
  }

  template <class T>
  Value constant(VectorType type, ArrayRef<T> values) {
    return arith::ConstantOp::create(p.b, p.loc, DenseElementsAttr::get(type, values));
  }
};

/// Valid lanes of the registers of a tile: only the last register of a row can be partial.
struct Tail {
  int64_t begin, valid;
};
Tail tailOf(const ButterflyPlan &plan, const ButterflyPass &pass) {
  return {plan.width / pass.lanes * pass.lanes, plan.width % pass.lanes};
}

/// The loop form of denseStage: so many groups at a time that their sums and the running outputs stay in the L1 cache,
/// and so many outputs at a time that the latency of an addition is hidden. The offsets of these outputs' sums are one
/// word.
constexpr int64_t kGroups = 15, kRows = 4;

/// Byte offsets into the 16 signed sums of a group, u16[kRows] for every group of every kRows outputs, chunk after
/// chunk of kGroups groups: an internal constant of the module.
Value sumOffsets(Pieces &p, const ButterflyPlan &plan, int64_t registerBytes) {
  auto module = p.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  const HadamardTransform &t = plan.transform;
  std::string name =
      "hadamard." + std::to_string(t.m) + "." + t.table + (t.transposed ? ".t." : ".") + std::to_string(registerBytes);
  if (!module.lookupSymbol<LLVM::GlobalOp>(name)) {
    SmallVector<int16_t> offsets;
    for (int64_t first = 0; first < t.m / 4; first += kGroups)
      for (int64_t row = 0; row < t.m; row += kRows)
        for (int64_t group = first; group < std::min(first + kGroups, t.m / 4); ++group)
          for (int64_t i = row; i < row + kRows; ++i) {
            auto [index, negative] = signedSum(plan.dense, t.m, i, group);
            offsets.push_back((index + 8 * negative) * registerBytes);
          }
    OpBuilder::InsertionGuard guard(p.b);
    p.b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(p.b.getI16Type(), offsets.size());
    auto values = DenseElementsAttr::get(RankedTensorType::get({int64_t(offsets.size())}, p.b.getI16Type()),
                                         ArrayRef<int16_t>(offsets));
    LLVM::GlobalOp::create(p.b, p.loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, values,
                           /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(p.b, p.loc, p.pointer(), name);
}

/// denseStage with loops: the 16 signed sums of each group go to scratch, then every output adds one of each group.
Pieces::Values emitDenseLoop(Pieces &p, const ButterflyPlan &plan, const ButterflyPass &pass, Value start,
                             PassAccess access, ValueRange state) {
  int64_t m = plan.transform.m, groups = m / 4, bytes = pass.lanes * 4;
  IRAlgebra algebra{p};
  Value scratch = p.stack(kGroups * 16 * bytes), outputs = p.stack(m * bytes), table = sumOffsets(p, plan, bytes);
  Pieces::Values result(state);
  for (int64_t first = 0; first < groups; first += kGroups) {
    int64_t count = std::min(kGroups, groups - first);
    bool last = first + count == groups;
    p.loop(p.i64(0), p.i64(count), 1, [&](Value group) {
      SmallVector<Value> z;
      for (int64_t j = 0; j < 4; ++j) {
        Value offset = p.add(start, p.mul(p.add(p.mul(p.add(group, first), 4), j), pass.stride));
        z.push_back(access.load(offset, pass.lanes, pass.lanes));
      }
      Value to = p.at(scratch, p.mul(group, 16 * bytes));
      for (auto [index, sum] : llvm::enumerate(fourSums<IRAlgebra>(algebra, z))) {
        p.store(sum, p.at(to, index * bytes));
        p.store(algebra.negate(sum), p.at(to, (index + 8) * bytes));
      }
    });
    result = p.loop(p.i64(0), p.i64(m), kRows, result, [&](Value row, ValueRange carried) {
      Pieces::Values next(carried);
      Value sums[kRows], running = p.at(outputs, p.mul(row, bytes));
      for (int64_t i = 0; i < kRows && first; ++i)
        sums[i] = p.load(p.f32s(pass.lanes), p.at(running, i * bytes));
      Value entries = p.at(p.at(table, first * m * 2), p.mul(row, count * 2));
      for (int64_t group = 0; group < count; ++group) {
        Value word = p.load(p.b.getI64Type(), p.at(entries, group * kRows * 2));
        for (int64_t i = 0; i < kRows; ++i) {
          Value offset = p.bitAnd(p.shiftRight(word, 16 * i), p.i64(0xffff));
          Value sum = p.load(p.f32s(pass.lanes), p.at(p.at(scratch, group * 16 * bytes), offset));
          sums[i] = sums[i] ? p.addF(sums[i], sum) : sum;
        }
      }
      for (int64_t i = 0; i < kRows; ++i)
        if (last)
          access.store(sums[i], p.add(start, p.mul(p.add(row, i), pass.stride)), pass.lanes, next);
        else
          p.store(sums[i], p.at(running, i * bytes));
      return next;
    });
  }
  return result;
}

} // namespace

int64_t ButterflyPlan::additions() const {
  int64_t total = 0;
  for (const ButterflyPass &pass : passes) {
    CountAlgebra count{pass.lanes};
    SmallVector<char> tile(pass.registers);
    if (pass.dense)
      denseStage(count, MutableArrayRef(tile), dense);
    else
      tileStages(count, MutableArrayRef(tile), pass.laneBits, pass.registerBits);
    total += count.additions * (width / (pass.registers * pass.lanes));
    total += pass.registerBits ? 0 : (width % (pass.registers * pass.lanes)) * pass.laneBits;
  }
  return total;
}

ButterflyPlan planCopy(int64_t width, int64_t lanes, int64_t registers) {
  ButterflyPlan plan;
  plan.width = width;
  ButterflyPass pass;
  pass.lanes = pass.stride = pass.innerEnd = lanes;
  pass.registers = tileSize(std::max<int64_t>(width / lanes, 1), 1, registers / 8);
  pass.outerStep = pass.registers * lanes;
  plan.passes.push_back(pass);
  return plan;
}

ButterflyPlan planButterfly(const HadamardTransform &transform, int64_t width, int64_t lanes, int64_t registers) {
  assert(width % transform.size() == 0 && "blocks must fill the row");
  ButterflyPlan plan = planCopy(width, lanes, registers);
  plan.transform = transform;
  int64_t inner = int64_t(1) << transform.log2;
  int laneBits = std::min(transform.log2, static_cast<int>(llvm::Log2_64(lanes)));
  // Half of the registers hold the tile; the rest is for what is loaded with it and for constants.
  int maxBits = llvm::Log2_64(registers / 2), bits = transform.log2 - laneBits;
  int passes = std::max(1, (bits + maxBits - 1) / maxBits);
  for (int index = 0, done = 0; index < passes; ++index) {
    ButterflyPass pass = plan.passes.front();
    pass.registerBits = (bits - done + passes - index - 1) / (passes - index);
    pass.laneBits = index == 0 ? laneBits : 0;
    pass.stride = lanes << done;
    pass.innerEnd = pass.stride;
    pass.registers = int64_t(1) << pass.registerBits;
    if (index == 0) // several blocks to a tile while there is room
      pass.registers = tileSize(std::max<int64_t>(width / lanes, 1), pass.registers, registers / 2);
    pass.outerStep = pass.registers * pass.stride;
    done += pass.registerBits;
    if (index == 0)
      plan.passes.clear();
    plan.passes.push_back(pass);
  }
  if (transform.m == 1)
    return plan;

  assert(transform.m % 4 == 0 && "orders of Hadamard matrices");
  auto h = hadamardMatrix(transform.m, transform.table);
  assert(h && "no such table");
  plan.dense = *h;
  if (transform.transposed)
    for (int64_t i = 0; i < transform.m; ++i)
      for (int64_t j = 0; j < transform.m; ++j)
        plan.dense[j * transform.m + i] = (*h)[i * transform.m + j];
  ButterflyPass pass;
  pass.dense = true;
  pass.lanes = std::min(lanes, inner);
  pass.registers = transform.m;
  pass.stride = pass.innerEnd = inner;
  pass.outerStep = transform.size();
  plan.passes.push_back(pass);
  if (pass.lanes < lanes) // back to whole registers for whoever reads the result
    plan.passes.push_back(planCopy(width, lanes, registers).passes.front());
  return plan;
}

void evaluateButterfly(const ButterflyPlan &plan, MutableArrayRef<double> row) {
  F64Algebra algebra;
  for (const ButterflyPass &pass : plan.passes) {
    SmallVector<double> padded(roundUp(plan.width, pass.lanes));
    llvm::copy(row, padded.begin());
    auto tile = [&](int64_t start, int64_t registers) {
      SmallVector<F64Algebra::Value> values;
      for (int64_t i = 0; i < registers; ++i)
        values.emplace_back(&padded[start + i * pass.stride], &padded[start + i * pass.stride] + pass.lanes);
      if (pass.dense)
        denseStage(algebra, MutableArrayRef(values), plan.dense);
      else
        tileStages(algebra, MutableArrayRef(values), pass.laneBits, pass.registerBits);
      for (int64_t i = 0; i < registers; ++i)
        llvm::copy(values[i], &padded[start + i * pass.stride]);
    };
    Tail tail = tailOf(plan, pass);
    for (int64_t outer = 0; outer < tail.begin; outer += pass.outerStep)
      for (int64_t inner = 0; inner < pass.innerEnd; inner += pass.lanes)
        tile(outer + inner, pass.registers);
    if (tail.valid)
      tile(tail.begin, 1);
    std::copy_n(padded.begin(), plan.width, row.begin());
  }
}

Pieces::Values emitButterflyPass(Pieces &p, const ButterflyPlan &plan, size_t index, PassAccess access,
                                 ValueRange state) {
  const ButterflyPass &pass = plan.passes[index];
  IRAlgebra algebra{p};
  auto tile = [&](Value start, int64_t registers, int64_t valid, ValueRange carried) {
    if (pass.dense && pass.registers > kUnrolledOrder)
      return emitDenseLoop(p, plan, pass, start, access, carried);
    Pieces::Values next(carried);
    SmallVector<Value> offsets, values;
    for (int64_t i = 0; i < registers; ++i) {
      offsets.push_back(p.add(start, i * pass.stride));
      values.push_back(access.load(offsets.back(), pass.lanes, valid));
    }
    if (pass.dense)
      denseStage(algebra, MutableArrayRef(values), plan.dense);
    else
      tileStages(algebra, MutableArrayRef(values), pass.laneBits, pass.registerBits);
    for (int64_t i = 0; i < registers; ++i)
      access.store(values[i], offsets[i], valid, next);
    return next;
  };

  Tail tail = tailOf(plan, pass);
  Pieces::Values result(state);
  if (tail.begin)
    result = p.loop(p.i64(0), p.i64(tail.begin), pass.outerStep, result, [&](Value outer, ValueRange carried) {
      if (pass.innerEnd == pass.lanes)
        return tile(outer, pass.registers, pass.lanes, carried);
      return p.loop(p.i64(0), p.i64(pass.innerEnd), pass.lanes, carried, [&](Value inner, ValueRange innermost) {
        return tile(p.add(outer, inner), pass.registers, pass.lanes, innermost);
      });
    });
  if (tail.valid)
    result = tile(p.i64(tail.begin), 1, tail.valid, result);
  return result;
}

} // namespace hadron::kernels
