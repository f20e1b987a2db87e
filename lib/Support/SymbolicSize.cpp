#include "hadron/Support/SymbolicSize.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace hadron;
using llvm::StringRef;

// Sizes of real graphs have a handful of terms. The limits keep a hostile graph ((a + b) * (c + d) * …) from growing
// polynomials without end.
static constexpr size_t maxTerms = 256;
static constexpr size_t maxDegree = 16;

SymbolicSize::SymbolicSize(int64_t constant) {
  if (constant)
    terms[{}] = constant;
}

SymbolicSize SymbolicSize::symbol(StringRef name) {
  SymbolicSize size;
  size.terms[{name.str()}] = 1;
  return size;
}

SymbolicSize SymbolicSize::invalid() {
  SymbolicSize size;
  size.valid = false;
  return size;
}

bool SymbolicSize::isSymbolName(StringRef text) {
  if (text.empty() || !(llvm::isAlpha(text.front()) || text.front() == '_'))
    return false;
  return llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$'; });
}

void SymbolicSize::add(const Product &product, int64_t coefficient) {
  auto [it, isNew] = terms.try_emplace(product, 0);
  if (__builtin_add_overflow(it->second, coefficient, &it->second) || terms.size() > maxTerms ||
      product.size() > maxDegree) {
    *this = invalid();
    return;
  }
  if (it->second == 0)
    terms.erase(it);
}

SymbolicSize SymbolicSize::operator+(const SymbolicSize &other) const {
  if (!valid || !other.valid)
    return invalid();
  SymbolicSize sum = *this;
  for (const auto &[product, coefficient] : other.terms)
    if (sum.add(product, coefficient); !sum.valid)
      break;
  return sum;
}

SymbolicSize SymbolicSize::operator*(const SymbolicSize &other) const {
  if (!valid || !other.valid)
    return invalid();
  SymbolicSize result;
  for (const auto &[a, ca] : terms)
    for (const auto &[b, cb] : other.terms) {
      Product product;
      std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(product));
      int64_t coefficient;
      if (__builtin_mul_overflow(ca, cb, &coefficient))
        return invalid();
      if (result.add(product, coefficient); !result.valid)
        return invalid();
    }
  return result;
}

SymbolicSize SymbolicSize::operator-(const SymbolicSize &other) const { return *this + other * SymbolicSize(-1); }

// Long division: as long as the leading product of the rest is a multiple of the divisor's leading product, subtract
// that multiple. With a monomial order this finds the quotient whenever there is one.
std::optional<SymbolicSize> SymbolicSize::dividedBy(const SymbolicSize &divisor) const {
  if (!valid || !divisor.valid || divisor.terms.empty())
    return std::nullopt;
  const auto &[leadProduct, leadCoefficient] = *divisor.terms.begin();
  SymbolicSize rest = *this, quotient;
  while (!rest.terms.empty()) {
    const auto &[product, coefficient] = *rest.terms.begin();
    if (!std::includes(product.begin(), product.end(), leadProduct.begin(), leadProduct.end()))
      return std::nullopt;
    // INT64_MIN / -1 does not fit.
    if ((coefficient == INT64_MIN && leadCoefficient == -1) || coefficient % leadCoefficient != 0)
      return std::nullopt;
    SymbolicSize multiple;
    Product factor;
    std::set_difference(product.begin(), product.end(), leadProduct.begin(), leadProduct.end(),
                        std::back_inserter(factor));
    multiple.terms[factor] = coefficient / leadCoefficient;
    quotient += multiple;
    rest -= divisor * multiple;
    if (!rest.valid || !quotient.valid)
      return std::nullopt;
  }
  return quotient;
}

std::optional<int64_t> SymbolicSize::getConstant() const {
  if (!valid)
    return std::nullopt;
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

std::optional<std::string> SymbolicSize::getSymbol() const {
  if (valid && terms.size() == 1 && terms.begin()->first.size() == 1 && terms.begin()->second == 1)
    return terms.begin()->first.front();
  return std::nullopt;
}

std::vector<std::string> SymbolicSize::getSymbols() const {
  std::vector<std::string> names;
  for (const auto &term : terms)
    names.insert(names.end(), term.first.begin(), term.first.end());
  llvm::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

SymbolicSize SymbolicSize::substitute(const std::map<std::string, SymbolicSize> &values) const {
  if (!valid)
    return invalid();
  SymbolicSize result;
  for (const auto &[product, coefficient] : terms) {
    SymbolicSize term(coefficient);
    for (const std::string &name : product) {
      auto it = values.find(name);
      term *= it == values.end() ? symbol(name) : it->second;
    }
    result += term;
  }
  return result;
}

std::optional<int64_t> SymbolicSize::evaluate(llvm::function_ref<std::optional<int64_t>(StringRef)> valueOf) const {
  if (!valid)
    return std::nullopt;
  int64_t sum = 0;
  for (const auto &[product, coefficient] : terms) {
    int64_t term = coefficient;
    for (const std::string &name : product) {
      std::optional<int64_t> value = valueOf(name);
      if (!value || __builtin_mul_overflow(term, *value, &term))
        return std::nullopt;
    }
    if (__builtin_add_overflow(sum, term, &sum))
      return std::nullopt;
  }
  return sum;
}

bool SymbolicSize::isCoefficientwiseAtMost(const SymbolicSize &other) const {
  SymbolicSize difference = other - *this;
  return difference.valid && llvm::all_of(difference.terms, [](const auto &term) { return term.second >= 0; });
}

std::string SymbolicSize::str() const {
  if (!valid)
    return "<overflow>";
  if (terms.empty())
    return "0";
  std::string text;
  for (const auto &[product, coefficient] : terms) {
    bool negative = coefficient < 0;
    if (text.empty())
      text = negative ? "-" : "";
    else
      text += negative ? " - " : " + ";
    uint64_t magnitude = negative ? -static_cast<uint64_t>(coefficient) : coefficient;
    if (magnitude != 1 || product.empty())
      text += std::to_string(magnitude) + (product.empty() ? "" : "*");
    text += llvm::join(product, "*");
  }
  return text;
}

namespace {
// sum := ['-'] product (('+' | '-') product)*    product := factor ('*' factor)*    factor := integer | name | '(' sum
// ')'
class SizeParser {
public:
  explicit SizeParser(StringRef text) : rest(text) {}

  std::optional<SymbolicSize> parse() {
    std::optional<SymbolicSize> size = parseSum();
    rest = rest.ltrim();
    return size && size->isValid() && rest.empty() ? size : std::nullopt;
  }

private:
  bool consume(char c) {
    rest = rest.ltrim();
    return rest.consume_front(StringRef(&c, 1));
  }

  std::optional<SymbolicSize> parseSum() {
    // The magnitude of INT64_MIN is no int64: Slice uses it for "from the start", so it must print and parse.
    rest = rest.ltrim();
    if (rest.trim() == "-9223372036854775808" && depth == 0) {
      rest = "";
      return SymbolicSize(INT64_MIN);
    }
    bool negative = consume('-');
    SymbolicSize sum;
    for (;;) {
      std::optional<SymbolicSize> product = parseProduct();
      if (!product)
        return std::nullopt;
      sum = negative ? sum - *product : sum + *product;
      if (consume('+'))
        negative = false;
      else if (consume('-'))
        negative = true;
      else
        return sum;
    }
  }

  std::optional<SymbolicSize> parseProduct() {
    SymbolicSize product(1);
    do {
      std::optional<SymbolicSize> factor = parseFactor();
      if (!factor)
        return std::nullopt;
      product *= *factor;
    } while (consume('*'));
    return product;
  }

  std::optional<SymbolicSize> parseFactor() {
    if (consume('(')) {
      if (++depth > maxDepth)
        return std::nullopt;
      std::optional<SymbolicSize> sum = parseSum();
      --depth;
      return sum && consume(')') ? sum : std::nullopt;
    }
    rest = rest.ltrim();
    StringRef word = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$'; });
    rest = rest.drop_front(word.size());
    if (SymbolicSize::isSymbolName(word))
      return SymbolicSize::symbol(word);
    int64_t value;
    if (word.getAsInteger(10, value))
      return std::nullopt;
    return SymbolicSize(value);
  }

  static constexpr int maxDepth = 64;
  StringRef rest;
  int depth = 0;
};
} // namespace

std::optional<SymbolicSize> SymbolicSize::parse(StringRef text) { return SizeParser(text).parse(); }
