// Rotary embedding against f64: both pairings, both layouts, partial rotation, both kinds of tables.
#include "hadron/Kernels/Rotary.h"

#include "FloatBits.h"
#include "KernelHarness.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace hadron::kernels;
using hadron::test::Tensor;

namespace {

constexpr int64_t kPositions = 50;

void check(const RotarySpec &spec, int64_t batches, int64_t length) {
  auto emit = [&](Body &body) { return emitRotary(body, spec); };
  hadron::test::CompiledKernel kernel({"rotary", rotarySlots(spec), emit, rotaryWork});
  int64_t H = spec.heads, d = spec.headSize, half = spec.dim() / 2, tokens = batches * length;
  int64_t tableRows = spec.positions ? kPositions : tokens;
  Tensor x(spec.type, tokens * H * d), cosine(spec.tableType, tableRows * half), sine(spec.tableType, tableRows * half);
  for (size_t i = 0; i < x.size(); ++i)
    x.set(i, static_cast<double>(i * 7919 % 2001) / 500 - 2);
  for (int64_t i = 0; i < tableRows * half; ++i) {
    cosine.set(i, std::cos(0.37 * i));
    sine.set(i, std::sin(0.37 * i));
  }
  std::vector<int64_t> positions(tokens);
  for (int64_t t = 0; t < tokens; ++t)
    positions[t] = t * 31 % kPositions;
  if (spec.tableRows && tokens > 1) {
    positions[0] = kPositions + 1000000;
    positions[1] = -1;
  }
  auto place = [&](RotarySpec::Layout layout, int64_t b, int64_t s, int64_t h) {
    return layout == RotarySpec::Layout::BSHD ? ((b * length + s) * H + h) * d : ((b * H + h) * length + s) * d;
  };
  for (size_t isa = 0; isa < kernel.names.size(); ++isa) {
    SCOPED_TRACE(kernel.names[isa] + " H=" + std::to_string(H) + " d=" + std::to_string(d));
    Tensor y(spec.type, x.size()), pieces = y;
    std::vector<int64_t> slots{batches, length, x.slot(), cosine.slot(), sine.slot()};
    if (spec.positions)
      slots.push_back(hadron::test::address(positions.data()));
    slots.push_back(y.slot());
    kernel.run(isa, slots);
    slots.back() = pieces.slot();
    kernel.run(isa, slots, 3);
    EXPECT_TRUE(y == pieces && y.marginsIntact());
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < H; ++h) {
        int64_t from = place(spec.input, t / length, t % length, h), to = place(spec.output, t / length, t % length, h);
        int64_t row = spec.positions ? positions[t] : t;
        if (spec.tableRows && (row < 0 || row >= kPositions))
          row = kPositions - 1;
        for (int64_t i = 0; i < half; ++i) {
          int64_t first = spec.interleaved ? 2 * i : i, second = spec.interleaved ? 2 * i + 1 : i + half;
          double a = x[from + first], b = x[from + second], c = cosine[row * half + i], s = sine[row * half + i];
          double unit = spec.type == FloatKind::F32 ? 0x1p-23 : spec.type == FloatKind::F16 ? 0x1p-10 : 0x1p-7;
          double bound = unit * (std::abs(a) + std::abs(b)) + 1e-7;
          ASSERT_NEAR(y[to + first], a * c - b * s, bound);
          ASSERT_NEAR(y[to + second], b * c + a * s, bound);
        }
        for (int64_t i = 2 * half; i < d; ++i)
          ASSERT_EQ(y[to + i], x[from + i]);
      }
  }
}

TEST(Rotary, PairingsLayoutsAndSizes) {
  for (int64_t d : {2, 6, 32, 64, 80, 128})
    for (bool interleaved : {false, true})
      for (auto [input, output] : {std::pair(RotarySpec::Layout::BSHD, RotarySpec::Layout::BSHD),
                                   std::pair(RotarySpec::Layout::BSHD, RotarySpec::Layout::BHSD),
                                   std::pair(RotarySpec::Layout::BHSD, RotarySpec::Layout::BHSD)}) {
        RotarySpec spec;
        spec.heads = 3;
        spec.headSize = d;
        spec.interleaved = interleaved;
        spec.input = input;
        spec.output = output;
        check(spec, 2, 5);
      }
}

TEST(Rotary, PartOfTheHead) {
  for (FloatKind kind : {FloatKind::F32, FloatKind::F16, FloatKind::BF16})
    for (bool interleaved : {false, true}) {
      RotarySpec spec;
      spec.heads = 2;
      spec.headSize = 100;
      spec.rotaryDim = 34;
      spec.interleaved = interleaved;
      spec.type = spec.tableType = kind;
      check(spec, 1, 7);
    }
}

TEST(Rotary, TablesPerToken) {
  RotarySpec spec;
  spec.heads = 9;
  spec.headSize = 64;
  spec.positions = false;
  check(spec, 2, 3);
  check(spec, 1, 1);
  check(spec, 1, 0);
}

TEST(Rotary, PositionsOutsideTheTable) {
  RotarySpec spec;
  spec.heads = 2;
  spec.headSize = 64;
  spec.tableRows = kPositions;
  check(spec, 1, 4);
}

} // namespace
