// Constructions of Hadamard matrices. Nothing is pasted but the Williamson half rows, which are search results.
#include "hadron/Support/Hadamard.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace llvm;

namespace hadron {
namespace {

using Matrix = std::vector<int8_t>;

/// GF(q), q = p^degree, degree ≤ 3: elements are numbers whose base-p digits are the coefficients of a polynomial
/// modulo the irreducible monic polynomial with the smallest such number.
class Field {
public:
  static std::optional<Field> create(int64_t q) {
    for (int64_t p = 2; p <= q; ++p)
      if (q % p == 0) { // the smallest divisor of q is its prime
        int degree = 0;
        for (int64_t rest = q; rest > 1; rest /= p, ++degree)
          if (rest % p)
            return std::nullopt;
        return degree <= 3 ? std::optional<Field>(Field(p, degree, q)) : std::nullopt;
      }
    return std::nullopt;
  }

  /// The quadratic character of a − b: 0, +1 for squares, −1.
  int chi(int64_t a, int64_t b) const {
    int64_t difference = 0;
    for (int64_t scale = 1; scale < q; scale *= p, a /= p, b /= p)
      difference += ((a % p - b % p + p) % p) * scale;
    return character[difference];
  }

private:
  Field(int64_t p, int degree, int64_t q) : p(p), degree(degree), q(q), character(q, -1) {
    // Degree 2 or 3: irreducible is the same as without a root.
    while (degree > 1 && hasRoot())
      ++modulus;
    character[0] = 0;
    for (int64_t x = 1; x < q; ++x)
      character[multiply(x, x)] = 1;
  }

  int64_t digit(int64_t value, int i) const {
    while (i-- > 0)
      value /= p;
    return value % p;
  }

  bool hasRoot() const {
    return any_of(seq<int64_t>(0, p), [&](int64_t x) {
      int64_t value = 1;
      for (int i = degree; i-- > 0;)
        value = (value * x + digit(modulus, i)) % p;
      return value == 0;
    });
  }

  int64_t multiply(int64_t a, int64_t b) const {
    int64_t product[6] = {};
    for (int i = 0; i < degree; ++i)
      for (int j = 0; j < degree; ++j)
        product[i + j] += digit(a, i) * digit(b, j);
    for (int i = 2 * degree - 2; i >= degree; --i)
      for (int j = 0; j < degree; ++j)
        product[i - degree + j] += (p - digit(modulus, j)) * (product[i] % p);
    int64_t result = 0;
    for (int i = degree; i-- > 0;)
      result = result * p + product[i] % p;
    return result;
  }

  int64_t p;
  int degree;
  int64_t q, modulus = 0;
  std::vector<int> character;
};

Matrix sylvester(int64_t order) {
  Matrix h(order * order);
  for (int64_t i = 0; i < order; ++i)
    for (int64_t j = 0; j < order; ++j)
      h[i * order + j] = popcount(static_cast<uint64_t>(i & j)) % 2 ? -1 : 1;
  return h;
}

/// Order q + 1, q ≡ 3 mod 4: I + S with S skew. Row 0 is + − − …, column 0 is +, elsewhere chi(i − j).
Matrix paley1(int64_t order) {
  auto field = Field::create(order - 1);
  Matrix h(order * order, 1);
  for (int64_t j = 1; j < order; ++j)
    h[j] = -1;
  for (int64_t i = 1; i < order; ++i)
    for (int64_t j = 1; j < order; ++j)
      if (i != j)
        h[i * order + j] = field->chi(i - 1, j - 1);
  return h;
}

/// Order 2(q + 1), q ≡ 1 mod 4, from the symmetric conference matrix C (diagonal 0, border +, chi(j − i)); symmetric.
/// Blocks: [C+I, C−I; C−I, −C−I]. Interleaved: entry (i, j) of C becomes a 2 × 2 block, c [+ +; + −] off the diagonal
/// and
/// [+ −; − −] on it: the same matrix with rows and columns 0, q+1, 1, q+2, … .
Matrix paley2(int64_t order, bool interleaved) {
  int64_t half = order / 2;
  auto field = Field::create(half - 1);
  Matrix h(order * order);
  for (int64_t i = 0; i < half; ++i)
    for (int64_t j = 0; j < half; ++j) {
      int c = i == j ? 0 : (i == 0 || j == 0 ? 1 : field->chi(j - 1, i - 1));
      int one = i == j;
      int block[2][2] = {{c + one, c - one}, {c - one, -c - one}};
      for (int r = 0; r < 2; ++r)
        for (int s = 0; s < 2; ++s)
          h[interleaved ? (2 * i + r) * order + 2 * j + s : (r * half + i) * order + s * half + j] = block[r][s];
    }
  return h;
}

/// Half rows of symmetric circulants A, B, C, D with A² + B² + C² + D² = 4n I.
struct WilliamsonRows {
  int n;
  StringRef rows[4];
};
const WilliamsonRows kWilliamson[] = {
    {5, {"+--", "+--", "++-", "+-+"}},
    {7, {"+---", "++--", "+-+-", "+--+"}},
    {13, {"+-+--++", "+---+++", "++-+--+", "+----+-"}},
    {23, {"+--+-+-+++++", "+--++-+-+-++", "+++---++--++", "+--+--+++---"}},
    {29, {"++--+--+-+++-++", "++++-++-+---+++", "+-+---++--+-+++", "+++---++--+-+--"}},
    {39, {"+++--+-+-----+--++--", "++++---+--++----+-+-", "+++--++-+---+-+--+--", "+---++-+-+-----+++-+"}},
    {43, {"+---++--++++-+-+++-++-", "++-++++++----+-+--++-+", "+++-+-++--+-+-++++-+--", "++---++++-+--+--++----"}},
};

/// Order 4n: [A B C D; −B A −D C; −C D A −B; −D −C B A].
Matrix williamson(int64_t order) {
  static constexpr int kBlock[4][4] = {{1, 2, 3, 4}, {-2, 1, -4, 3}, {-3, 4, 1, -2}, {-4, -3, 2, 1}};
  const auto *found = find_if(kWilliamson, [&](const WilliamsonRows &rows) { return 4 * rows.n == order; });
  int n = found->n;
  Matrix h(order * order);
  for (int64_t i = 0; i < order; ++i)
    for (int64_t j = 0; j < order; ++j) {
      int block = kBlock[i / n][j / n], shift = (j % n - i % n + n) % n;
      int value = found->rows[std::abs(block) - 1][std::min(shift, n - shift)] == '+' ? 1 : -1;
      h[i * order + j] = block < 0 ? -value : value;
    }
  return h;
}

/// Orders beyond this are not built: H_m is applied as a dense matrix.
constexpr int64_t kLargestOrder = 1024;

bool exists(StringRef name, int64_t order) {
  if (order < 1 || order > kLargestOrder)
    return false;
  if (name == "sylvester")
    return isPowerOf2_64(order);
  if (name == "paley1")
    return order % 4 == 0 && Field::create(order - 1);
  if (name == "paley2" || name == "paley2i")
    return order % 8 == 4 && Field::create(order / 2 - 1);
  return name == "williamson" && any_of(kWilliamson, [&](const WilliamsonRows &rows) { return 4 * rows.n == order; });
}

std::optional<Matrix> construct(StringRef name, int64_t order) {
  if (!exists(name, order))
    return std::nullopt;
  if (name == "sylvester")
    return sylvester(order);
  if (name == "paley1")
    return paley1(order);
  return name == "williamson" ? williamson(order) : paley2(order, name == "paley2i");
}

Matrix kronecker(const Matrix &a, int64_t m, const Matrix &b, int64_t n) {
  Matrix h(m * n * m * n);
  for (int64_t i = 0; i < m * n; ++i)
    for (int64_t j = 0; j < m * n; ++j)
      h[i * m * n + j] = a[(i / n) * m + j / n] * b[(i % n) * n + j % n];
  return h;
}

/// Orders whose default is not the first construction that gives them.
const std::pair<int64_t, StringRef> kDefaults[] = {{28, "paley2"}, {40, "sylvester:2*paley1:20"}, {52, "williamson"}};

/// One matrix up to signs of rows and columns: first row and first column all +. `rows` and `columns` are those signs.
struct Normalized {
  std::vector<int8_t> rows, columns;
  Normalized(function_ref<int(int64_t, int64_t)> sign, int64_t n) : rows(n), columns(n) {
    for (int64_t i = 0; i < n; ++i) {
      columns[i] = sign(0, i);
      rows[i] = sign(i, 0) * sign(0, 0);
    }
  }
};

} // namespace

std::optional<std::vector<int8_t>> hadamardMatrix(int64_t order, StringRef table) {
  SmallVector<StringRef> factors;
  table.split(factors, '*');
  Matrix result{1};
  int64_t size = 1;
  for (StringRef factor : factors) {
    auto [name, digits] = factor.split(':');
    int64_t factorOrder = order;
    if (digits.empty() ? factors.size() > 1 : digits.getAsInteger(10, factorOrder))
      return std::nullopt;
    auto matrix = construct(name, factorOrder);
    if (!matrix || size * factorOrder > order)
      return std::nullopt;
    result = kronecker(result, size, *matrix, factorOrder);
    size *= factorOrder;
  }
  return size == order ? std::optional(result) : std::nullopt;
}

std::vector<std::string> knownTables(int64_t order) {
  std::vector<std::string> tables;
  for (auto [m, table] : kDefaults)
    if (m == order)
      tables.push_back(table.str());
  for (StringRef name : {"sylvester", "paley1", "paley2", "williamson", "paley2i"})
    if (!is_contained(tables, name) && exists(name, order))
      tables.push_back(name.str());
  return tables;
}

std::optional<std::string> defaultTable(int64_t order) {
  std::vector<std::string> tables = knownTables(order);
  return tables.empty() ? std::nullopt : std::optional(tables.front());
}

std::optional<std::pair<int64_t, int>> splitOrder(int64_t n) {
  if (n < 1)
    return std::nullopt;
  for (int log2 = countr_zero(static_cast<uint64_t>(n)); log2 >= 0; --log2)
    if (int64_t m = n >> log2; m == 1 || (m % 4 == 0 && defaultTable(m)))
      return std::pair(m, log2);
  return std::nullopt;
}

void applyTransform(MutableArrayRef<double> x, const HadamardTransform &transform) {
  int64_t inner = int64_t(1) << transform.log2, m = transform.m;
  assert(static_cast<int64_t>(x.size()) == m * inner && "length of the vector is not the size of the transform");
  for (int64_t stride = 1; stride < inner; stride *= 2)
    for (int64_t i = 0; i < m * inner; ++i)
      if (!(i & stride)) {
        double a = x[i], b = x[i + stride];
        x[i] = a + b;
        x[i + stride] = a - b;
      }
  if (m == 1)
    return;
  auto h = hadamardMatrix(m, transform.table);
  assert(h && "no such table");
  std::vector<double> column(m);
  for (int64_t t = 0; t < inner; ++t) {
    for (int64_t j = 0; j < m; ++j)
      column[j] = x[j * inner + t];
    for (int64_t i = 0; i < m; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < m; ++j)
        sum += (transform.transposed ? (*h)[j * m + i] : (*h)[i * m + j]) * column[j];
      x[i * inner + t] = sum;
    }
  }
}

std::optional<RecognizedTransform> recognizeTransform(ArrayRef<double> matrix, int64_t n, double tolerance) {
  if (n < 1 || static_cast<int64_t>(matrix.size()) != n * n)
    return std::nullopt;
  double scale = std::abs(matrix[0]);
  if (!std::isfinite(scale) || scale == 0)
    return std::nullopt;
  if (any_of(matrix, [&](double c) { return !(std::abs(std::abs(c) - scale) <= tolerance * scale); }))
    return std::nullopt;
  Normalized found([&](int64_t i, int64_t j) { return matrix[i * n + j] < 0 ? -1 : 1; }, n);

  // Every way to write n as m·2^k, every table of m, and its transpose.
  for (int log2 = countr_zero(static_cast<uint64_t>(n)); log2 >= 0; --log2) {
    int64_t m = n >> log2, inner = int64_t(1) << log2;
    if (m != 1 && m % 4 != 0)
      continue;
    for (const std::string &table : m == 1 ? std::vector<std::string>{""} : knownTables(m)) {
      if (table == "sylvester")
        continue; // m = 1 was that
      Matrix h = m == 1 ? Matrix{1} : *hadamardMatrix(m, table);
      for (bool transposed : {false, true}) {
        auto entry = [&](int64_t i, int64_t j) {
          int64_t a = i / inner, b = j / inner;
          int sylvesterSign = popcount(static_cast<uint64_t>((i % inner) & (j % inner))) % 2 ? -1 : 1;
          return sylvesterSign * h[transposed ? b * m + a : a * m + b];
        };
        Normalized known(entry, n);
        RecognizedTransform result{{m, table, log2, transposed}, scale, found.columns, found.rows};
        for (int64_t i = 0; i < n; ++i) {
          result.pre[i] *= known.columns[i];
          result.post[i] *= known.rows[i];
        }
        auto rowMatches = [&](int64_t i) {
          for (int64_t j = 0; j < n; ++j)
            if ((matrix[i * n + j] < 0) != (result.post[i] * result.pre[j] * entry(i, j) < 0))
              return false;
          return true;
        };
        if (all_of(seq<int64_t>(0, n), rowMatches))
          return result;
        if (m == 1)
          break; // symmetric
      }
    }
  }
  return std::nullopt;
}

} // namespace hadron
