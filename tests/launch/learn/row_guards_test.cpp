#include "launch/learn/row_guards.h"

#include <gtest/gtest.h>

#include <cmath>

#include "launch/learn/promotion_guard.h"

namespace ringtrain {
namespace {

TEST(RangeGuard, RefusesWhatLiesFarFromTheSchemasNumbers) {
  Preprocessing schema;
  schema.numeric = {{.name = "amount", .shift = 100, .scale = 0.1}, {.name = "raw"}};
  const RangeGuard guard(schema, 20);
  const auto why = [&](double amount, double raw) {
    return guard.why_refused({.numbers = {amount, raw}, .targets = {0}});
  };
  EXPECT_EQ(why(300, 0), "");  // 20 deviations
  EXPECT_NE(why(301, 0).find("'amount': 301 is 20.1 deviations"), std::string::npos);
  EXPECT_NE(why(-101, 0), "");
  EXPECT_EQ(why(100, 1e30), "");  // it is not scaled: nobody knows
  EXPECT_EQ(why(NAN, 0), "");
  EXPECT_EQ(RangeGuard(schema, 0).why_refused({.numbers = {1e30, 0}, .targets = {0}}), "");
}

TEST(KeyGuard, TakesAShareOfTheLastRowsFromOneKey) {
  KeyGuard guard(0.2, 10);
  EXPECT_EQ(guard.most(), 2);
  EXPECT_TRUE(guard.takes(1));
  EXPECT_TRUE(guard.takes(1));
  EXPECT_FALSE(guard.takes(1));
  for (std::uint64_t other = 2; other < 10; ++other) EXPECT_TRUE(guard.takes(other));
  EXPECT_FALSE(guard.takes(1));  // both are among the last ten
  EXPECT_TRUE(guard.takes(20));
  EXPECT_TRUE(guard.takes(1));  // the first of them is not, and now neither is
  EXPECT_TRUE(guard.takes(1));
  EXPECT_FALSE(guard.takes(1));
  KeyGuard later(0.2, 10);
  later.restore(guard.to_json());
  EXPECT_FALSE(later.takes(1));
  for (std::uint64_t other = 30; other < 38; ++other) EXPECT_TRUE(later.takes(other));
  EXPECT_FALSE(later.takes(1));
  EXPECT_TRUE(later.takes(40));
  EXPECT_TRUE(later.takes(1));
}

TEST(KeyGuard, OfAShareOfOneTakesAll) {
  KeyGuard guard(1, 10);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(guard.takes(1));
}

TEST(PromotionGuard, CountsRowsAndPromotionsOfADay) {
  PromotionGuard guard({.least_rows = 50, .most_of_a_day = 2});
  EXPECT_EQ(guard.why_not(50, 3, false), "");
  EXPECT_NE(guard.why_not(49, 3, false), "");
  EXPECT_EQ(guard.why_not(50, 3, true), "the freeze file is there");
  guard.promoted(3);
  EXPECT_EQ(guard.why_not(50, 3, false), "");
  guard.promoted(3);
  EXPECT_NE(guard.why_not(50, 3, false), "");
  PromotionGuard later({.least_rows = 50, .most_of_a_day = 2});
  later.restore(guard.to_json());
  EXPECT_NE(later.why_not(50, 3, false), "");
  EXPECT_EQ(later.why_not(50, 4, false), "");
  later.promoted(4);
  EXPECT_EQ(later.why_not(50, 4, false), "");
}

TEST(PromotionGuard, WithoutALimitAllowsAnyNumber) {
  PromotionGuard guard({});
  for (int i = 0; i < 10; ++i) guard.promoted(0);
  EXPECT_EQ(guard.why_not(1, 0, false), "");
}

}  // namespace
}  // namespace ringtrain
