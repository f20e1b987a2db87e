// Few rows: every weight is read once, decoded in registers, and multiplied with R rows.
//
//   for tile in item:                               16 outputs; weights of a tile are one stream
//     for R rows at a time (largest first):
//       for group of inputs:                        dense weights: one group
//         acc = Σ x[r][k] · code[k]                 several independent accumulators
//         total[r] += scale ∘ (acc - zero Σ x[r])   Σ x per group once per call (f32), or given (int8)
//       finish(row, tile, total)
//
// Codes with f32 rows: code bits at position b of a word, masked but not shifted, are code · 2^b as an integer, and
// exact in f32; accumulators per position are put together by exact products with 2^-b after the group. That saves most
// shifts.
#include "MatmulBody.h"

using namespace mlir;

namespace hadron::kernels {
namespace {

using Values = Pieces::Values;
constexpr int64_t kTile = WeightLayout::kTile;
/// Inputs of one iteration; every group but the last is a multiple.
constexpr int64_t kStep = 16;
/// How far ahead a stream of weights is prefetched: some 200 ns at 15 GB/s.
constexpr int64_t kPrefetchBytes = 3072;

class Direct {
public:
  explicit Direct(MatmulBody &body) : mb(body), p(body.p), layout(body.layout) {}
  void emit();

private:
  MatmulBody &mb;
  Pieces &p;
  const WeightLayout &layout;
  bool ahead = false; // prefetch
  Value rows;         // f32 [M][rowStride / 4]; int8: the rows of q
  int64_t rowStride = 0;
  Value negatedSums; // f32 [M][groups], -Σ x (symmetric: -zero Σ x)

  void prepareRows();
  void sumGroup(Value row, Value group, int64_t inputs);
  Values product(int64_t R, Value row, Value tileAddress);
  Values productDense(int64_t R, ArrayRef<Value> x, Value tileAddress);
  void group(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs, Values &totals);
  Values groupFloat(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs);
  Values groupInt8(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs);
  Values steps(int64_t inputs, Values init, llvm::function_ref<void(Value, int64_t, Values &)> step);
  void prefetch(Value address, int64_t bytes) {
    for (int64_t line = 0; ahead && line < bytes; line += 64)
      p.prefetch(p.at(address, kPrefetchBytes + line));
  }
  Values rowAddresses(int64_t R, Value row) {
    Values x;
    for (int64_t r = 0; r < R; ++r)
      x.push_back(p.at(rows, p.mul(p.add(row, r), rowStride)));
    return x;
  }
  Value zeros() { return p.f32(0, kTile); }
  /// The f32 at sums[row][group], in all lanes.
  Value sumOf(Value base, Type type, Value row, Value group) {
    Value address = p.at(base, p.mul(p.add(p.mul(row, layout.groups()), group), 4));
    return p.load(type, address);
  }
};

/// The largest power of two that is at most x (1 for less).
int64_t powerBelow(int64_t x) { return x < 1 ? 1 : int64_t(1) << llvm::Log2_64(x); }

void Direct::emit() {
  prepareRows();
  auto tiles = [&](llvm::function_ref<void(Value)> body) {
    p.loop(mb.begin, mb.end, 1, [&](Value item) {
      Value first = p.mul(item, mb.blocks.directTiles);
      p.loop(first, p.min(p.add(first, mb.blocks.directTiles), p.i64(mb.blocks.tiles)), 1, body);
    });
  };
  int64_t most = p.target.avx512 ? 4 : 2;
  Value sums = p.stack(MatmulBlocks::kDirectRows * mb.spec.weights() * 64);
  auto sumAt = [&](Value row, int64_t weight) {
    return p.at(p.at(sums, p.mul(row, mb.spec.weights() * 64)), weight * 64);
  };
  auto productsOf = [&](int64_t R, Value row, Value tile) {
    for (auto [w, weight] : llvm::enumerate(mb.weights))
      for (auto [r, sum] : llvm::enumerate(product(R, row, mb.tileAddress(weight, tile))))
        p.store(sum, sumAt(p.add(row, r), w), 64);
  };
  p.ifElse(
      p.equal(mb.m, p.i64(1)),
      [&] {
        ahead = true;
        tiles([&](Value tile) {
          Values products;
          for (Value weight : mb.weights)
            products.push_back(product(1, p.i64(0), mb.tileAddress(weight, tile))[0]);
          mb.finish(p.i64(0), tile, products);
        });
      },
      [&] {
        ahead = false;
        tiles([&](Value tile) {
          Value whole = p.mul(p.div(mb.m, most), most);
          p.loop(p.i64(0), whole, most, [&](Value row) { productsOf(most, row, tile); });
          for (int64_t R = most / 2; R >= 1; R /= 2) {
            Value done = p.mul(p.div(mb.m, 2 * R), 2 * R);
            p.ifThen(p.less(p.add(done, R - 1), mb.m), [&] { productsOf(R, done, tile); });
          }
          // Once for all rows: an epilogue is long code.
          p.loop(p.i64(0), mb.m, 1, [&](Value row) {
            Values products;
            for (int64_t w = 0; w < mb.spec.weights(); ++w)
              products.push_back(p.load(p.f32s(kTile), sumAt(row, w), 64));
            mb.finish(row, tile, products);
          });
        });
      });
}

// Rows as f32, and their sums over groups.

void Direct::prepareRows() {
  int64_t K = layout.K();
  rows = mb.x;
  if (mb.int8()) {
    rowStride = int8RowBytes(K);
    return;
  }
  FloatKind kind = mb.spec.activationType;
  rowStride = K * 4;
  if (kind != FloatKind::F32) {
    rowStride = llvm::alignTo(K, kTile) * 4;
    rows = p.stack(MatmulBlocks::kDirectRows * rowStride);
    p.loop(p.i64(0), mb.m, 1, [&](Value row) {
      Value from = p.at(mb.x, p.mul(row, K * byteSize(kind))), to = p.at(rows, p.mul(row, rowStride));
      auto convert = [&](Value k, int64_t valid) {
        Value x = p.loadFloat(kind, p.at(from, p.mul(k, byteSize(kind))), kTile, valid);
        p.store(x, p.at(to, p.mul(k, 4)), 64);
      };
      p.loop(p.i64(0), p.i64(K / kTile * kTile), kTile, [&](Value k) { convert(k, -1); });
      if (K % kTile)
        convert(p.i64(K / kTile * kTile), K % kTile);
    });
  }
  if (layout.format().isDense())
    return;
  negatedSums = p.stack(MatmulBlocks::kDirectRows * layout.groups() * 4);
  p.loop(p.i64(0), mb.m, 1, [&](Value row) {
    int64_t whole = K / layout.group();
    p.loop(p.i64(0), p.i64(whole), 1, [&](Value g) { sumGroup(row, g, layout.group()); });
    if (K % layout.group())
      sumGroup(row, p.i64(whole), K % layout.group());
  });
}

void Direct::sumGroup(Value row, Value group, int64_t inputs) {
  Value from = p.at(rows, p.add(p.mul(row, rowStride), p.mul(group, layout.group() * 4)));
  int64_t whole = inputs / kTile * kTile;
  Value acc = p.loop(p.i64(0), p.i64(whole), kTile, {zeros()}, [&](Value k, ValueRange acc) -> Values {
    return {p.addF(acc[0], p.loadFloat(FloatKind::F32, p.at(from, p.mul(k, 4)), kTile))};
  })[0];
  if (inputs % kTile)
    acc = p.addF(acc, p.loadFloat(FloatKind::F32, p.at(from, whole * 4), kTile, inputs % kTile));
  float factor = layout.format().zero == ZeroPoint::Symmetric ? -layout.symmetricZero() : -1;
  Value sum = p.mulF(p.reduceAddF(acc), p.f32(factor));
  p.store(sum, p.at(negatedSums, p.mul(p.add(p.mul(row, layout.groups()), group), 4)));
}

// One tile.

Values Direct::product(int64_t R, Value row, Value tileAddress) {
  if (layout.format().isDense())
    return productDense(R, rowAddresses(R, row), tileAddress);
  int64_t whole = layout.K() / layout.group();
  Values totals = p.loop(p.i64(0), p.i64(whole), 1, Values(R, zeros()), [&](Value g, ValueRange state) {
    Values totals(state);
    group(R, row, tileAddress, g, layout.group(), totals);
    return totals;
  });
  if (layout.K() % layout.group())
    group(R, row, tileAddress, p.i64(whole), layout.K() % layout.group(), totals);
  if (mb.spec.activation == Activation::Int8Row)
    for (auto [r, total] : llvm::enumerate(totals)) {
      Value scale = p.load(p.b.getF32Type(), p.at(mb.scales, p.mul(p.add(row, r), 4)));
      total = p.mulF(total, p.broadcast(scale, kTile));
    }
  return totals;
}

Values Direct::productDense(int64_t R, ArrayRef<Value> x, Value tileAddress) {
  constexpr int64_t unroll = 8;
  int64_t chains = std::max<int64_t>(1, 8 / (R * mb.tileRegisters())), whole = layout.K() / unroll * unroll;
  auto multiply = [&](Value weights, ArrayRef<Value> x, int64_t u, Values &acc) {
    Value w = p.loadFloat(layout.format().type, p.at(weights, u * layout.rowBytes()), kTile, -1, layout.rowBytes());
    for (int64_t r = 0; r < R; ++r) {
      Value &a = acc[u % chains * R + r];
      a = p.mulAdd(p.broadcast(p.loadFloat(FloatKind::F32, p.at(x[r], u * 4), 0), kTile), w, a);
    }
  };
  Values acc = p.loop(p.i64(0), p.i64(whole), unroll, Values(R * chains, zeros()), [&](Value k, ValueRange state) {
    Values acc(state), xk;
    for (Value row : x)
      xk.push_back(p.at(row, p.mul(k, 4)));
    Value weights = p.at(tileAddress, p.mul(k, layout.rowBytes()));
    prefetch(weights, unroll * layout.rowBytes());
    for (int64_t u = 0; u < unroll; ++u)
      multiply(weights, xk, u, acc);
    return acc;
  });
  for (int64_t k = whole; k < layout.K(); ++k)
    multiply(tileAddress, x, k, acc);
  for (int64_t n = chains; n > 1; n /= 2)
    for (int64_t i = 0; i < n / 2 * R; ++i)
      acc[i] = p.addF(acc[i], acc[i + n / 2 * R]);
  acc.resize(R);
  return acc;
}

// One group of integer codes.

void Direct::group(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs, Values &totals) {
  Values sums =
      mb.int8() ? groupInt8(R, row, tileAddress, group, inputs) : groupFloat(R, row, tileAddress, group, inputs);
  Value scale = mb.scaleVector(tileAddress, group);
  for (int64_t r = 0; r < R; ++r) {
    Value s = scale;
    if (mb.spec.activation == Activation::Int8Group)
      s = p.mulF(s, p.broadcast(sumOf(mb.scales, p.b.getF32Type(), p.add(row, r), group), kTile));
    totals[r] = p.mulAdd(sums[r], s, totals[r]);
  }
}

/// Runs `step(k, inputs, acc)` over the inputs of a group in steps of kStep; the last step may be shorter.
Values Direct::steps(int64_t inputs, Values acc, llvm::function_ref<void(Value, int64_t, Values &)> step) {
  int64_t whole = inputs / kStep * kStep;
  if (whole <= 2 * kStep) {
    for (int64_t k = 0; k < whole; k += kStep)
      step(p.i64(k), kStep, acc);
  } else {
    acc = p.loop(p.i64(0), p.i64(whole), kStep, acc, [&](Value k, ValueRange state) {
      Values acc(state);
      step(k, kStep, acc);
      return acc;
    });
  }
  if (inputs % kStep)
    step(p.i64(whole), inputs % kStep, acc);
  return acc;
}

Values Direct::groupFloat(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs) {
  int64_t bits = layout.format().bits, perWord = layout.codesPerWord();
  // Positions of a window of a word have accumulators of their own, as many as registers allow.
  int64_t positions = std::min(powerBelow(p.target.vectorRegisters / 2 / (R * mb.tileRegisters())), 16 / bits);
  int64_t window = positions * bits, copies = std::max<int64_t>(1, 4 / (R * positions * mb.tileRegisters()));
  Value k0 = p.mul(group, layout.group());
  Values x;
  for (Value address : rowAddresses(R, row))
    x.push_back(p.at(address, p.mul(k0, 4)));
  Value codes = mb.packed(tileAddress).codes(group);

  Values init(copies * positions * R, zeros());
  Values negated;
  for (int64_t r = 0; r < R; ++r) {
    negated.push_back(p.broadcast(sumOf(negatedSums, p.b.getF32Type(), p.add(row, r), group), kTile));
    if (layout.format().zero == ZeroPoint::Symmetric)
      init[r] = negated[r];
  }
  Values acc = steps(inputs, init, [&](Value k, int64_t count, Values &acc) {
    Value words = p.at(codes, p.mul(k, WeightLayout::kWordBytes / perWord));
    Values xk;
    for (Value row : x)
      xk.push_back(p.at(row, p.mul(k, 4)));
    prefetch(words, kStep / perWord * WeightLayout::kWordBytes);
    for (int64_t word = 0; word * perWord < count; ++word) {
      Value w = p.load(p.ints(32, kTile), p.at(words, word * WeightLayout::kWordBytes), 64);
      for (int64_t bit = 0; bit < 32; bit += bits) {
        int64_t input = word * perWord + bit % 8 / bits * 4 + bit / 8; // of layout.bitOf
        if (input >= count)
          continue;
        int64_t position = bit % window / bits;
        Value shifted = p.shiftRight(w, bit - bit % window);
        Value code = p.toF32(p.bitAnd(shifted, p.integer(((1 << bits) - 1) << (position * bits), 32, kTile)));
        for (int64_t r = 0; r < R; ++r) {
          Value &a = acc[(word % copies * positions + position) * R + r];
          a = p.mulAdd(p.broadcast(p.loadFloat(FloatKind::F32, p.at(xk[r], input * 4), 0), kTile), code, a);
        }
      }
    }
  });

  Values sums;
  Value zero = layout.format().zero == ZeroPoint::Symmetric ? Value() : mb.zeroVector(tileAddress, group);
  if (layout.format().zero == ZeroPoint::U8)
    zero = p.toF32(zero);
  for (int64_t r = 0; r < R; ++r) {
    Value sum;
    for (int64_t position = 0; position < positions; ++position) {
      Value part = acc[position * R + r];
      for (int64_t copy = 1; copy < copies; ++copy)
        part = p.addF(part, acc[(copy * positions + position) * R + r]);
      sum = position ? p.mulAdd(part, p.f32(std::ldexp(1.0f, -position * bits), kTile), sum) : part;
    }
    sums.push_back(zero ? p.mulAdd(zero, negated[r], sum) : sum);
  }
  return sums;
}

Values Direct::groupInt8(int64_t R, Value row, Value tileAddress, Value group, int64_t inputs) {
  int64_t bits = layout.format().bits, perWord = layout.codesPerWord();
  int max = (1 << bits) - 1;
  // vpdpbusd has a latency of 4 or 5; the other sequences end in an addition of latency 1. Short groups overlap anyway.
  int64_t chains = p.target.vnni ? std::clamp<int64_t>(powerBelow(inputs / 32), 1, 4) : 1;
  Value k0 = p.mul(group, layout.group());
  Values q;
  for (Value address : rowAddresses(R, row))
    q.push_back(p.at(address, k0));
  Value codes = mb.packed(tileAddress).codes(group);
  Type bytes = p.ints(8, 4 * kTile);

  Values init(chains * R, p.integer(0, 32, kTile));
  Values acc = steps(inputs, init, [&](Value k, int64_t count, Values &acc) {
    Value words = p.at(codes, p.mul(k, WeightLayout::kWordBytes / perWord));
    prefetch(words, kStep / perWord * WeightLayout::kWordBytes);
    SmallVector<Values> fours(R); // codes and activations, four inputs each
    Values weights;
    for (int64_t word = 0; word * perWord < count; ++word) {
      Value w = p.load(p.ints(32, kTile), p.at(words, word * WeightLayout::kWordBytes), 64);
      for (int64_t slot = 0; slot * bits < 8; ++slot) {
        if (word * perWord + slot * 4 >= count)
          continue;
        Value code = p.shiftRight(w, slot * bits);
        if (bits < 8)
          code = p.bitAnd(code, p.integer(MatmulBody::everyByte(max), 32, kTile));
        weights.push_back(p.bitcast(code, bytes));
        for (int64_t r = 0; r < R; ++r) {
          Value four = p.load(p.b.getI32Type(), p.at(p.at(q[r], k), word * perWord + slot * 4));
          fours[r].push_back(p.bitcast(p.broadcast(four, kTile), bytes));
        }
      }
    }
    for (int64_t r = 0; r < R; ++r) {
      if (chains == 1) {
        acc[r] = p.dot4(acc[r], weights, fours[r], max);
        continue;
      }
      for (auto [i, weight] : llvm::enumerate(weights)) {
        Value &a = acc[i % chains * R + r];
        a = p.dot4(a, weight, fours[r][i], max);
      }
    }
  });

  Values sums;
  for (int64_t r = 0; r < R; ++r) {
    Value dot = acc[r];
    for (int64_t chain = 1; chain < chains; ++chain)
      dot = p.add(dot, acc[chain * R + r]);
    Value sum = sumOf(mb.sums, p.b.getI32Type(), p.add(row, r), group);
    switch (layout.format().zero) {
    case ZeroPoint::Symmetric:
      sums.push_back(p.toF32(p.sub(dot, p.broadcast(p.shiftLeft(sum, bits - 1), kTile))));
      break;
    case ZeroPoint::U8:
      sums.push_back(p.toF32(p.sub(dot, p.mul(mb.zeroVector(tileAddress, group), p.broadcast(sum, kTile)))));
      break;
    case ZeroPoint::Float: {
      Value negated = p.toF32(p.broadcast(p.sub(p.i32(0), sum), kTile));
      sums.push_back(p.mulAdd(mb.zeroVector(tileAddress, group), negated, p.toF32(dot)));
      break;
    }
    }
  }
  return sums;
}

} // namespace

void emitMatmulDirect(MatmulBody &body) { Direct(body).emit(); }

} // namespace hadron::kernels
