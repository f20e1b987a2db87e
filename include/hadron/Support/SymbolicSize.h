// SymbolicSize: the size of a tensor's dimension as a sum of products of named symbols with integer coefficients,
// printed `2*batch*seq + past + 1`. Two sizes are equal exactly when their texts are.
//
// Arithmetic is checked: a coefficient that leaves int64, or a polynomial that grows past a fixed number of terms,
// gives the invalid size, which every operation keeps (like a NaN), so one isValid() at the end of a computation is
// enough.
#ifndef HADRON_SUPPORT_SYMBOLICSIZE_H
#define HADRON_SUPPORT_SYMBOLICSIZE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hadron {

class SymbolicSize {
public:
  /// The symbols of one product, sorted, repeated as often as they occur; empty for the constant term.
  using Product = std::vector<std::string>;
  /// Graded lexicographic: higher degree first. It is the printing order, and a monomial order, which division needs.
  struct ProductOrder {
    bool operator()(const Product &a, const Product &b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  using Terms = std::map<Product, int64_t, ProductOrder>;

  SymbolicSize(int64_t constant = 0);
  static SymbolicSize symbol(llvm::StringRef name);
  static SymbolicSize invalid();

  /// Reads a sum of products, also with parentheses; nothing when the text is not one. Division is not part of the
  /// language.
  static std::optional<SymbolicSize> parse(llvm::StringRef text);
  /// Is this text a symbol's name? [A-Za-z_][A-Za-z0-9_.$]*
  static bool isSymbolName(llvm::StringRef text);

  std::string str() const;

  bool isValid() const { return valid; }
  /// The value when no symbol occurs.
  std::optional<int64_t> getConstant() const;
  bool isConstant(int64_t value) const { return getConstant() == value; }
  /// The name when this is one symbol and nothing else.
  std::optional<std::string> getSymbol() const;
  /// The distinct symbols, sorted.
  std::vector<std::string> getSymbols() const;
  const Terms &getTerms() const & { return terms; }
  const Terms &getTerms() const && = delete; // a range-for over a temporary's terms would dangle

  SymbolicSize operator+(const SymbolicSize &other) const;
  SymbolicSize operator-(const SymbolicSize &other) const;
  SymbolicSize operator*(const SymbolicSize &other) const;
  SymbolicSize operator-() const { return SymbolicSize(0) - *this; }
  SymbolicSize &operator+=(const SymbolicSize &other) { return *this = *this + other; }
  SymbolicSize &operator-=(const SymbolicSize &other) { return *this = *this - other; }
  SymbolicSize &operator*=(const SymbolicSize &other) { return *this = *this * other; }
  /// The quotient when it is a sum of products with integer coefficients and there is no remainder.
  std::optional<SymbolicSize> dividedBy(const SymbolicSize &divisor) const;

  /// Replaces symbols, all at once.
  SymbolicSize substitute(const std::map<std::string, SymbolicSize> &values) const;
  /// The value for these values of the symbols; nothing when one is unknown or int64 is left.
  std::optional<int64_t> evaluate(llvm::function_ref<std::optional<int64_t>(llvm::StringRef)> valueOf) const;

  /// Is every coefficient at most the other's? Then this <= other whatever the symbols are, as long as none is
  /// negative.
  bool isCoefficientwiseAtMost(const SymbolicSize &other) const;

  /// Invalid sizes equal nothing.
  bool operator==(const SymbolicSize &other) const { return valid && other.valid && terms == other.terms; }
  bool operator!=(const SymbolicSize &other) const { return !(*this == other); }

private:
  void add(const Product &product, int64_t coefficient);

  Terms terms; // no zero coefficients
  bool valid = true;
};

} // namespace hadron

#endif // HADRON_SUPPORT_SYMBOLICSIZE_H
