// Attention against f64 loops: grouped heads, masks, windows, lengths, types, sizes around blocks and registers.
#include "LinalgHarness.h"

#include "hadron/Kernels/Attention.h"
#include <cmath>

using namespace hadron::kernels;
using namespace hadron::test;

namespace {

std::unique_ptr<CompiledKernel> compile(const AttentionSpec &spec) {
  Kernel kernel;
  kernel.name = "attention";
  kernel.slotIsIndex = attentionSlots(spec);
  auto body = [&](Body &b) { return emitAttention(spec, b); };
  auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
    return emitAttentionWork(spec, b, loc, slots);
  };
  kernel.emitBody = body;
  kernel.emitWork = work;
  return std::make_unique<CompiledKernel>(kernel);
}

/// Numbers stored as a float kind, readable as double.
struct Numbers {
  FloatKind kind;
  Guarded<char> bytes;
  Numbers(FloatKind kind, size_t n, const std::function<float(size_t)> &f) : kind(kind), bytes(n * byteSize(kind)) {
    for (size_t i = 0; i < n; ++i)
      set(i, f(i));
  }
  void set(size_t i, float x) {
    if (kind == FloatKind::F32)
      std::memcpy(bytes.data() + 4 * i, &x, 4);
    else if (kind == FloatKind::F16) {
      _Float16 h = static_cast<_Float16>(x);
      std::memcpy(bytes.data() + 2 * i, &h, 2);
    } else {
      uint32_t u;
      std::memcpy(&u, &x, 4);
      uint16_t h = static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
      std::memcpy(bytes.data() + 2 * i, &h, 2);
    }
  }
  double operator[](size_t i) const {
    if (kind == FloatKind::F32) {
      float x;
      std::memcpy(&x, bytes.data() + 4 * i, 4);
      return x;
    }
    if (kind == FloatKind::F16) {
      _Float16 h;
      std::memcpy(&h, bytes.data() + 2 * i, 2);
      return static_cast<double>(h);
    }
    uint16_t h;
    std::memcpy(&h, bytes.data() + 2 * i, 2);
    uint32_t u = static_cast<uint32_t>(h) << 16;
    float x;
    std::memcpy(&x, &u, 4);
    return x;
  }
};

struct Shape {
  int64_t b, s, past, t;
};

size_t rowOf(HeadLayout layout, int64_t b, int64_t s, int64_t h, int64_t S, int64_t H) {
  return layout == HeadLayout::BSHD ? (b * S + s) * H + h : (b * H + h) * S + s;
}

void check(const AttentionSpec &spec, std::initializer_list<Shape> shapes) {
  auto kernel = compile(spec);
  for (const Shape &shape : shapes) {
    const int64_t B = shape.b, S = shape.s, past = shape.past, T = shape.t;
    SCOPED_TRACE("b " + std::to_string(B) + " s " + std::to_string(S) + " past " + std::to_string(past) + " t " +
                 std::to_string(T));
    int64_t H = spec.queryHeads, G = H / spec.kvHeads, d = spec.headDim, dv = spec.valueDim, capacity = T + 3;
    Numbers q(spec.query, B * S * H * d, [](size_t i) { return 2 * noise(i); });
    // Behind T the cache holds NaN: nothing there may matter.
    auto cacheValue = [&](int64_t size, uint32_t seed) {
      return [=](size_t i) { return static_cast<int64_t>(i / size) % capacity < T ? noise(i, seed) : NAN; };
    };
    Numbers k(spec.cache, B * spec.kvHeads * capacity * d, cacheValue(d, 1)),
        v(spec.cache, B * spec.kvHeads * capacity * dv, cacheValue(dv, 2));
    int64_t mb = spec.maskBatch ? B : 1, mh = spec.maskHead ? H : 1, ms = spec.maskQuery ? S : 1;
    bool boolean = spec.mask == AttentionMask::Bool;
    auto maskAt = [](size_t i) { return i % 7 == 3 ? -INFINITY : noise(i, 5); };
    Numbers additive(spec.mask == AttentionMask::F16 ? FloatKind::F16 : FloatKind::F32, boolean ? 0 : mb * mh * ms * T,
                     maskAt);
    Guarded<int8_t> conditions(boolean ? mb * mh * ms * T : 0,
                               [](size_t i) { return static_cast<int8_t>(i % 3 != 1); });
    // Lengths from T down to 1, also below S: prompts that are padded on the right. The first batch sees everything.
    Guarded<int32_t> lengths(B, [&](size_t b) { return static_cast<int32_t>(std::max<int64_t>(1, T - 5 * b)); });
    Numbers out(spec.output, B * S * H * dv, [](size_t) { return 0.0f; });

    std::vector<int64_t> slots{
        B, S, T, capacity, past, address(q.bytes.data()), address(k.bytes.data()), address(v.bytes.data())};
    if (spec.mask != AttentionMask::None)
      slots.push_back(boolean ? address(conditions.data()) : address(additive.bytes.data()));
    if (spec.lengths)
      slots.push_back(address(lengths.data()));
    slots.push_back(address(out.bytes.data()));

    std::vector<double> want(B * S * H * dv, 0);
    for (int64_t b = 0; b < B; ++b)
      for (int64_t i = 0; i < S; ++i)
        for (int64_t h = 0; h < H; ++h) {
          int64_t length = spec.lengths ? std::min<int64_t>(T, lengths[b]) : T;
          int64_t position = spec.lengths ? std::max<int64_t>(lengths[b] - S, 0) + i : past + i;
          std::vector<double> s(T, -INFINITY);
          double max = -INFINITY, sum = 0;
          size_t cacheRow = (b * spec.kvHeads + h / G) * capacity;
          for (int64_t j = 0; j < length; ++j) {
            if ((spec.causal && j > position) || (spec.window >= 0 && position - j >= spec.window))
              continue;
            size_t m =
                (((spec.maskBatch ? b : 0) * mh + (spec.maskHead ? h : 0)) * ms + (spec.maskQuery ? i : 0)) * T + j;
            double dot = 0;
            for (int64_t e = 0; e < d; ++e)
              dot += q[rowOf(spec.queryLayout, b, i, h, S, H) * d + e] * k[(cacheRow + j) * d + e];
            dot *= spec.scale;
            if (spec.softcap != 0)
              dot = spec.softcap * std::tanh(dot / spec.softcap);
            if (boolean && !conditions[m])
              continue;
            if (!boolean && spec.mask != AttentionMask::None)
              dot += additive[m];
            s[j] = dot;
            max = std::max(max, dot);
          }
          if (max == -INFINITY)
            continue;
          double *row = &want[rowOf(spec.outputLayout, b, i, h, S, H) * dv];
          for (int64_t j = 0; j < T; ++j)
            sum += std::exp(s[j] - max);
          for (int64_t j = 0; j < length; ++j)
            for (int64_t e = 0; e < dv; ++e)
              row[e] += std::exp(s[j] - max) / sum * v[(cacheRow + j) * dv + e];
        }

    double tolerance = spec.output == FloatKind::F32 ? 3e-6 : spec.output == FloatKind::F16 ? 6e-4 : 5e-3;
    for (size_t isa = 0; isa < kernel->names.size(); ++isa) {
      SCOPED_TRACE(kernel->names[isa]);
      std::vector<char> first;
      for (int64_t pieces : {1, 2, 5}) {
        std::memset(out.bytes.data(), 0xff, out.bytes.size());
        kernel->run(isa, slots, pieces);
        std::vector<char> now(out.bytes.data(), out.bytes.data() + out.bytes.size());
        if (first.empty())
          first = now;
        EXPECT_TRUE(first == now) << pieces << " pieces give other bits";
      }
      for (size_t i = 0; i < want.size(); ++i) {
        expectNear(out[i], want[i], tolerance, "out", i);
        if (testing::Test::HasFailure())
          return;
      }
    }
  }
}

AttentionSpec heads(int64_t q, int64_t kv, int64_t d) {
  AttentionSpec spec;
  spec.queryHeads = q, spec.kvHeads = kv, spec.headDim = spec.valueDim = d;
  spec.scale = 1 / std::sqrt(static_cast<float>(d));
  return spec;
}

TEST(Attention, Grouped) {
  AttentionSpec spec = heads(9, 3, 64);
  spec.causal = true;
  check(spec,
        {{1, 1, 0, 1}, {1, 1, 5, 6}, {2, 7, 5, 12}, {1, 33, 0, 33}, {1, 1, 299, 300}, {1, 2, 127, 129}, {0, 1, 0, 1}});
}

TEST(Attention, EachHeadItsOwn) { check(heads(2, 2, 32), {{2, 7, 0, 70}, {1, 1, 0, 64}, {1, 33, 0, 1}}); }

TEST(Attention, OddDimensions) {
  AttentionSpec spec = heads(4, 1, 80);
  spec.valueDim = 40;
  spec.queryLayout = HeadLayout::BHSD;
  spec.causal = true;
  check(spec, {{2, 5, 3, 8}, {1, 1, 80, 81}});
  spec = heads(2, 1, 19);
  spec.valueDim = 7;
  check(spec, {{2, 3, 0, 66}});
}

TEST(Attention, Half) {
  AttentionSpec spec = heads(8, 2, 128);
  spec.causal = true;
  spec.cache = FloatKind::F16;
  spec.outputLayout = HeadLayout::BHSD;
  check(spec, {{1, 1, 100, 101}, {2, 7, 0, 7}});
  spec.query = spec.output = FloatKind::F16;
  check(spec, {{1, 2, 5, 7}});
  spec.query = spec.output = spec.cache = FloatKind::BF16;
  check(spec, {{1, 2, 60, 62}});
  spec = heads(1, 1, 256);
  check(spec, {{1, 2, 0, 67}});
}

TEST(Attention, WindowAndCap) {
  AttentionSpec spec = heads(4, 2, 32);
  spec.causal = true;
  spec.window = 9;
  check(spec, {{1, 33, 5, 38}, {1, 1, 250, 251}, {2, 2, 70, 72}});
  spec.softcap = 3;
  check(spec, {{1, 7, 5, 12}});
  spec.window = 0; // nothing is visible: zeros
  check(spec, {{1, 3, 5, 8}});
}

TEST(Attention, Masks) {
  for (AttentionMask mask : {AttentionMask::F32, AttentionMask::F16, AttentionMask::Bool})
    for (int broadcast = 0; broadcast < 8; broadcast += 3) {
      AttentionSpec spec = heads(4, 2, 32);
      spec.mask = mask;
      spec.maskBatch = broadcast & 1, spec.maskHead = broadcast & 2, spec.maskQuery = broadcast & 4;
      spec.causal = broadcast == 3;
      check(spec, {{2, 5, 66, 71}, {2, 2, 0, 2}});
    }
}

TEST(Attention, Lengths) {
  AttentionSpec spec = heads(6, 3, 64);
  spec.causal = true;
  spec.lengths = true;
  check(spec, {{3, 1, 0, 77}, {4, 7, 0, 23}, {4, 9, 0, 9}});
  spec.causal = false;
  check(spec, {{3, 2, 0, 130}});
}

TEST(Attention, Append) {
  for (HeadLayout layout : {HeadLayout::BSHD, HeadLayout::BHSD})
    for (bool withLengths : {false, true}) {
      AppendSpec spec{3, 20, FloatKind::F32, FloatKind::F16, layout, withLengths};
      Kernel kernel;
      kernel.name = "append";
      kernel.slotIsIndex = appendSlots(spec);
      auto body = [&](Body &b) { return emitAppend(spec, b); };
      auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
        return emitAppendWork(spec, b, loc, slots);
      };
      kernel.emitBody = body;
      kernel.emitWork = work;
      CompiledKernel compiled(kernel);
      int64_t B = 2, S = 3, capacity = 11, past = 4;
      Guarded<float> rows(B * S * 3 * 20, [](size_t i) { return noise(i); });
      Guarded<int32_t> lengths(B, [](size_t b) { return b ? 11 : 5; });
      Guarded<_Float16> cache(B * 3 * capacity * 20);
      std::vector<int64_t> slots{B, S, capacity, past, address(rows.data())};
      if (withLengths)
        slots.push_back(address(lengths.data()));
      slots.push_back(address(cache.data()));
      for (size_t isa = 0; isa < compiled.names.size(); ++isa) {
        for (size_t i = 0; i < cache.size(); ++i)
          cache[i] = 7;
        compiled.run(isa, slots, 4);
        for (int64_t b = 0; b < B; ++b)
          for (int64_t h = 0; h < 3; ++h)
            for (int64_t p = 0; p < capacity; ++p)
              for (int64_t e = 0; e < 20; ++e) {
                int64_t s = p - (withLengths ? std::max<int64_t>(lengths[b] - S, 0) : past);
                float want =
                    s >= 0 && s < S
                        ? static_cast<float>(static_cast<_Float16>(rows[rowOf(layout, b, s, h, S, 3) * 20 + e]))
                        : 7;
                EXPECT_EQ(static_cast<float>(cache[((b * 3 + h) * capacity + p) * 20 + e]), want)
                    << compiled.names[isa];
              }
      }
    }
}

} // namespace
