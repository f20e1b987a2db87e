// Embedding lookup against unpackRow: the same arithmetic, so the same bits after rounding to the output type.
#include "hadron/Kernels/Embedding.h"
#include "MatmulCase.h"

#include <gtest/gtest.h>

using namespace hadron::kernels;
using namespace hadron::test;

namespace {

void check(WeightFormat format, int64_t K, int64_t N, FloatKind output, int idBits) {
  std::mt19937 random(K + N);
  Weights table(format, K, N, random, Style::Plain);
  EmbeddingSpec spec{K, N, format, output, idBits};
  auto emit = [&](Body &body) { return emitEmbedding(body, spec); };
  auto work = [&](mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::Value> slots) {
    return embeddingWork(b, loc, spec, slots);
  };
  CompiledKernel kernel({"embedding", embeddingSlots(spec), emit, work});
  const std::vector<int64_t> ids = {0, N - 1, -1, -N, N / 2, N, -N - 1, int64_t(1) << 30, 3 % N, -(int64_t(1) << 31)};
  Bytes packedIds(ids.size() * 8);
  for (auto [i, id] : llvm::enumerate(ids))
    idBits == 64 ? packedIds.as<int64_t>()[i] = id : packedIds.as<int32_t>()[i] = id;
  int64_t size = byteSize(output);
  for (int64_t m : {int64_t(0), int64_t(1), int64_t(ids.size())})
    for (size_t isa = 0; isa < kernel.names.size(); ++isa) {
      Bytes y(m * K * size + 64, 0xa5);
      kernel.run(isa, {m, address(packedIds.data), address(table.packed.data), address(y.data)}, 3);
      std::string where = format.str() + " " + kernel.names[isa] + " K=" + std::to_string(K);
      std::vector<float> row(K);
      for (int64_t i = 0; i < m; ++i) {
        int64_t id = ids[i] < 0 ? ids[i] + N : ids[i];
        std::fill(row.begin(), row.end(), 0);
        if (id >= 0 && id < N)
          table.layout.unpackRow({table.packed.data, table.packed.size}, id, row);
        for (int64_t k = 0; k < K; ++k)
          ASSERT_EQ(readFloat(output, y.data, i * K + k), decodeFloat(output, encodeFloat(output, row[k])))
              << where << " id " << ids[i] << " element " << k;
      }
      for (int64_t i = 0; i < 64; ++i)
        ASSERT_EQ(y.data[m * K * size + i], 0xa5) << where << ": wrote past the result";
    }
}

TEST(Embedding, Dense) {
  check(WeightFormat::dense(FloatKind::F32), 576, 33, FloatKind::F32, 64);
  check(WeightFormat::dense(FloatKind::F16), 37, 16, FloatKind::F16, 32);
  check(WeightFormat::dense(FloatKind::BF16), 1, 5, FloatKind::BF16, 64);
}

TEST(Embedding, Codes) {
  check(WeightFormat::integer(4, 32, ZeroPoint::Symmetric, FloatKind::F16), 576, 33, FloatKind::F32, 64);
  check(WeightFormat::integer(8, 16, ZeroPoint::U8, FloatKind::F32), 83, 47, FloatKind::F16, 32);
  check(WeightFormat::integer(2, 0, ZeroPoint::Float, FloatKind::BF16), 50, 7, FloatKind::BF16, 64);
  check(WeightFormat::integer(8, 0, ZeroPoint::Symmetric, FloatKind::F32), 65, 20, FloatKind::F32, 64);
  check(WeightFormat::integer(4, 64, ZeroPoint::U8, FloatKind::F16), 75, 20, FloatKind::F32, 64);
}

} // namespace
