// Every table is a Hadamard matrix; transforms agree with dense products; constants are recognised.
#include "hadron/Support/Hadamard.h"

#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace hadron;

namespace {

const int64_t kOrders[] = {12, 20, 28, 36, 40, 44, 52, 60, 68, 76, 84, 100, 108, 116, 124, 140, 148, 156, 172};

/// H Hᵀ = m I, exactly.
bool isHadamard(const std::vector<int8_t> &h, int64_t m) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < m; ++j) {
      int64_t product = 0;
      for (int64_t t = 0; t < m; ++t)
        product += h[i * m + t] * h[j * m + t];
      if (product != (i == j ? m : 0))
        return false;
    }
  return h.size() == static_cast<size_t>(m * m);
}

std::vector<double> dense(const HadamardTransform &t) {
  int64_t n = t.size(), inner = int64_t(1) << t.log2;
  auto h = t.m == 1 ? std::vector<int8_t>{1} : *hadamardMatrix(t.m, t.table);
  std::vector<double> matrix(n * n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int64_t a = i / inner, b = j / inner;
      int parity = __builtin_popcountll((i % inner) & (j % inner)) & 1;
      matrix[i * n + j] = (parity ? -1 : 1) * h[t.transposed ? b * t.m + a : a * t.m + b];
    }
  return matrix;
}

TEST(Hadamard, EveryNeededOrderHasADefaultTable) {
  for (int64_t m : kOrders) {
    auto table = defaultTable(m);
    ASSERT_TRUE(table) << m;
    EXPECT_TRUE(isHadamard(*hadamardMatrix(m, *table), m)) << m << " " << *table;
  }
}

TEST(Hadamard, EveryKnownTableIsHadamard) {
  size_t tables = 0;
  for (int64_t m = 1; m <= 260; ++m)
    for (const std::string &table : knownTables(m)) {
      ++tables;
      EXPECT_TRUE(isHadamard(*hadamardMatrix(m, table), m)) << m << " " << table;
    }
  EXPECT_GT(tables, 60u);
}

TEST(Hadamard, DefaultsAreThoseOfCommonLibraries) {
  for (int64_t m : {12, 20, 60, 108, 140})
    EXPECT_EQ(defaultTable(m), "paley1");
  for (int64_t m : {28, 36, 100, 124, 148})
    EXPECT_EQ(defaultTable(m), "paley2");
  for (int64_t m : {52, 116, 156, 172})
    EXPECT_EQ(defaultTable(m), "williamson");
  EXPECT_EQ(defaultTable(40), "sylvester:2*paley1:20");
}

TEST(Hadamard, Paley1RowsAndSkewness) {
  auto h = *hadamardMatrix(12, "paley1");
  EXPECT_EQ(std::vector<int8_t>(h.begin(), h.begin() + 12),
            (std::vector<int8_t>{1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}));
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 12; ++j)
      EXPECT_EQ(h[i * 12 + j] + h[j * 12 + i], i == j ? 2 : 0);
}

TEST(Hadamard, Paley2IsSymmetricInBothLayouts) {
  for (const char *table : {"paley2", "paley2i"}) {
    auto h = *hadamardMatrix(28, table);
    for (int i = 0; i < 28; ++i)
      for (int j = 0; j < 28; ++j)
        EXPECT_EQ(h[i * 28 + j], h[j * 28 + i]);
  }
}

TEST(Hadamard, ProductsNameEveryOrder) {
  EXPECT_TRUE(isHadamard(*hadamardMatrix(144, "paley1:12*paley1:12"), 144));
  EXPECT_FALSE(hadamardMatrix(144, "paley1*paley1"));
  EXPECT_FALSE(hadamardMatrix(24, "paley1:12*paley1:12"));
  EXPECT_FALSE(hadamardMatrix(12, "paley3"));
  EXPECT_FALSE(hadamardMatrix(12, ""));
  EXPECT_FALSE(hadamardMatrix(12, "paley1:x"));
  EXPECT_FALSE(hadamardMatrix(13, "paley1"));
  EXPECT_FALSE(hadamardMatrix(-4, "paley1"));
}

TEST(Hadamard, SplitOrder) {
  EXPECT_EQ(splitOrder(4096), std::pair(int64_t(1), 12));
  EXPECT_EQ(splitOrder(576), std::pair(int64_t(36), 4));
  EXPECT_EQ(splitOrder(1536), std::pair(int64_t(12), 7));
  EXPECT_EQ(splitOrder(2560), std::pair(int64_t(20), 7));
  EXPECT_EQ(splitOrder(11008), std::pair(int64_t(172), 6));
  EXPECT_EQ(splitOrder(18944), std::pair(int64_t(148), 7));
  EXPECT_FALSE(splitOrder(4 * 9973));
  EXPECT_FALSE(splitOrder(12292));
  EXPECT_FALSE(splitOrder(3));
  EXPECT_FALSE(splitOrder(0));
}

TEST(Hadamard, TransformIsTheDenseProduct) {
  std::mt19937 random(1);
  for (HadamardTransform t :
       {HadamardTransform{1, "", 0}, HadamardTransform{1, "", 7}, HadamardTransform{12, "paley1", 0},
        HadamardTransform{12, "paley1", 3, true}, HadamardTransform{28, "paley2", 4}}) {
    int64_t n = t.size();
    std::vector<double> x(n), expected(n), matrix = dense(t);
    for (double &value : x)
      value = static_cast<int>(random() % 201) - 100;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        expected[i] += matrix[i * n + j] * x[j];
    applyTransform(x, t);
    EXPECT_EQ(x, expected) << n;
  }
}

TEST(Hadamard, TransposeInverts) {
  for (int64_t m : kOrders) {
    HadamardTransform t{m, *defaultTable(m), 1};
    std::vector<double> x(t.size()), original;
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<double>(i * 37 % 101) - 50;
    original = x;
    applyTransform(x, t);
    t.transposed = true;
    applyTransform(x, t);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(x[i], original[i] * t.size());
  }
}

TEST(Recognize, TransformsWithSignsAndScale) {
  std::mt19937 random(2);
  for (HadamardTransform t : {HadamardTransform{1, "", 0}, HadamardTransform{1, "", 1}, HadamardTransform{1, "", 8},
                              HadamardTransform{12, "paley1", 3}, HadamardTransform{20, "paley1", 2, true},
                              HadamardTransform{20, "williamson", 0}, HadamardTransform{36, "paley2", 4},
                              HadamardTransform{12, "paley2i", 1}, HadamardTransform{40, "sylvester:2*paley1:20", 0}})
    for (bool plain : {true, false}) {
      int64_t n = t.size();
      std::vector<double> matrix = dense(t);
      std::vector<int> pre(n, 1), post(n, 1);
      for (int64_t i = 0; i < n && !plain; ++i) {
        pre[i] = random() % 2 ? 1 : -1;
        post[i] = random() % 2 ? 1 : -1;
      }
      double scale = 1 / std::sqrt(static_cast<double>(n));
      for (int64_t i = 0; i < n * n; ++i)
        matrix[i] *= scale * post[i / n] * pre[i % n];
      auto found = recognizeTransform(matrix, n);
      ASSERT_TRUE(found) << t.m << " " << t.table << " " << t.log2;
      EXPECT_DOUBLE_EQ(found->scale, scale);
      std::vector<double> again = dense(found->transform);
      for (int64_t i = 0; i < n * n; ++i)
        ASSERT_DOUBLE_EQ(again[i] * found->scale * found->post[i / n] * found->pre[i % n], matrix[i]);
      if (plain && t.m == 1) {
        EXPECT_EQ(found->pre, std::vector<int8_t>(n, 1));
        EXPECT_EQ(found->post, std::vector<int8_t>(n, 1));
      }
    }
}

TEST(Recognize, RoundedToHalfPrecisionStillPasses) {
  std::vector<double> matrix = dense({1, "", 6});
  for (size_t i = 0; i < matrix.size(); ++i)
    matrix[i] *= 0.125 * (1 + (i % 3) * 1e-4);
  EXPECT_TRUE(recognizeTransform(matrix, 64));
}

TEST(Recognize, LargeMatrices) {
  std::vector<double> matrix = dense({1, "", 11});
  EXPECT_TRUE(recognizeTransform(matrix, 2048));
  matrix[2047 * 2048 + 2047] *= -1;
  EXPECT_FALSE(recognizeTransform(matrix, 2048));
}

TEST(Recognize, RefusesEverythingElse) {
  std::vector<double> matrix = dense({1, "", 4}), blocks(16 * 16), other = matrix, uneven = matrix;
  other[5 * 16 + 7] *= -1;
  uneven[5 * 16 + 7] *= 1.5;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j)
      blocks[i * 16 + j] = i / 8 == j / 8 ? matrix[i * 16 + j] : 0;
  EXPECT_FALSE(recognizeTransform(other, 16));
  EXPECT_FALSE(recognizeTransform(uneven, 16));
  EXPECT_FALSE(recognizeTransform(blocks, 16));
  EXPECT_FALSE(recognizeTransform(std::vector<double>(16, 0.0), 4));
  EXPECT_FALSE(recognizeTransform(std::vector<double>(16, NAN), 4));
  EXPECT_FALSE(recognizeTransform(std::vector<double>(16, 1.0), 4));
  EXPECT_FALSE(recognizeTransform(matrix, 15));
}

} // namespace
