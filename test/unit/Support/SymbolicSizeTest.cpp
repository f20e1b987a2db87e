#include "hadron/Support/SymbolicSize.h"

#include <gtest/gtest.h>

using namespace hadron;

namespace {

SymbolicSize size(llvm::StringRef text) {
  std::optional<SymbolicSize> parsed = SymbolicSize::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text.str();
  return parsed.value_or(SymbolicSize::invalid());
}

TEST(SymbolicSize, CanonicalText) {
  EXPECT_EQ(size("past + 1 + seq*2*batch").str(), "2*batch*seq + past + 1");
  EXPECT_EQ(size("seq + past").str(), size("past + seq").str());
  EXPECT_EQ(size("(a + b)*(a - b)").str(), "a*a - b*b");
  EXPECT_EQ(size("a - a").str(), "0");
  EXPECT_EQ(size("-a + 3").str(), "-a + 3");
  EXPECT_EQ(size("- 2*a").str(), "-2*a");
  EXPECT_EQ(size("0*a + 7").str(), "7");
  EXPECT_EQ(size("-9223372036854775808").getConstant(), INT64_MIN);
  EXPECT_EQ(SymbolicSize(INT64_MIN).str(), "-9223372036854775808");
  EXPECT_EQ(size("past_key.0$x").getSymbol(), "past_key.0$x");
}

TEST(SymbolicSize, TextThatIsNoSize) {
  for (const char *text : {"", "a b", "a +", "a//2", "a/2", "2a", "(a", "a)", "Max(a, b)", "a + + b",
                           "9223372036854775808", "a*9223372036854775807*9", "?", "batch size"})
    EXPECT_FALSE(SymbolicSize::parse(text)) << text;
  EXPECT_FALSE(SymbolicSize::parse(std::string(100000, '(')));
}

TEST(SymbolicSize, Arithmetic) {
  SymbolicSize a = SymbolicSize::symbol("a"), b = SymbolicSize::symbol("b");
  EXPECT_EQ((a + b) * (a + b), a * a + SymbolicSize(2) * a * b + b * b);
  EXPECT_EQ(-(a - b), b - a);
  EXPECT_EQ((a + 1 - a).getConstant(), 1);
  EXPECT_EQ((a * 3).getConstant(), std::nullopt);
  EXPECT_EQ((a + a).getSymbol(), std::nullopt);
  EXPECT_EQ((b * a + a).getSymbols(), (std::vector<std::string>{"a", "b"}));
}

TEST(SymbolicSize, ExactDivision) {
  EXPECT_EQ(size("192*batch*past + 192*batch*seq").dividedBy(size("3*batch*64")), size("past + seq"));
  EXPECT_EQ(size("576*batch*(past + seq)").dividedBy(size("past + seq")), size("576*batch"));
  EXPECT_EQ(size("(a + b)*(b + c)*(c + 2)").dividedBy(size("b + c")), size("(a + b)*(c + 2)"));
  EXPECT_EQ(size("a*a").dividedBy(size("a")), size("a"));
  EXPECT_EQ(size("0").dividedBy(size("a")), size("0"));
  EXPECT_FALSE(size("a + 1").dividedBy(size("a")));
  EXPECT_FALSE(size("3*a").dividedBy(size("2")));
  EXPECT_FALSE(size("a").dividedBy(size("0")));
  EXPECT_FALSE(SymbolicSize(INT64_MIN).dividedBy(SymbolicSize(-1)));
}

TEST(SymbolicSize, SubstituteAndEvaluate) {
  EXPECT_EQ(size("batch*total + total").substitute({{"total", size("past + seq")}}),
            size("batch*past + batch*seq + past + seq"));
  // All at once: a and b change places.
  EXPECT_EQ(size("a - b").substitute({{"a", size("b")}, {"b", size("a")}}), size("b - a"));
  auto valueOf = [](llvm::StringRef name) -> std::optional<int64_t> {
    return name == "a" ? std::optional<int64_t>(5) : name == "huge" ? std::optional<int64_t>(INT64_MAX) : std::nullopt;
  };
  EXPECT_EQ(size("3*a*a + 2").evaluate(valueOf), 77);
  EXPECT_EQ(size("a + b").evaluate(valueOf), std::nullopt);
  EXPECT_EQ(size("2*huge").evaluate(valueOf), std::nullopt);
}

TEST(SymbolicSize, Ordering) {
  EXPECT_TRUE(size("seq").isCoefficientwiseAtMost(size("past + seq")));
  EXPECT_TRUE(size("0").isCoefficientwiseAtMost(size("a*b")));
  EXPECT_FALSE(size("past + seq").isCoefficientwiseAtMost(size("seq")));
  EXPECT_FALSE(size("a").isCoefficientwiseAtMost(size("b")));
}

TEST(SymbolicSize, Overflow) {
  SymbolicSize big(INT64_MAX), a = SymbolicSize::symbol("a");
  EXPECT_FALSE((big + 1).isValid());
  EXPECT_FALSE((big * a * 2).isValid());
  EXPECT_FALSE(((big + 1) - 1).isValid()) << "the invalid size is kept";
  EXPECT_NE(big + 1, big + 1);
  EXPECT_FALSE((big + 1).getConstant());
  // Polynomials do not grow without end.
  SymbolicSize product(1);
  for (char c = 'a'; c <= 'z'; ++c)
    product *= SymbolicSize::symbol(std::string(1, c)) + 1;
  EXPECT_FALSE(product.isValid());
}

} // namespace
