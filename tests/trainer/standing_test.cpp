#include "trainer/standing.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringtrain {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kEndless = std::numeric_limits<double>::infinity();

TEST(Standing, WhatIsUndefinedIsNeverTheBest) {
  Standing standing;
  EXPECT_FALSE(standing.take(10, kNone, true, 0));
  EXPECT_FALSE(standing.take(20, kEndless, true, 0));
  EXPECT_FALSE(standing.best.has_value());
  EXPECT_EQ(standing.evaluations_since_best, 2);
  EXPECT_TRUE(standing.take(30, 0.5, true, 0));
  EXPECT_FALSE(standing.take(40, kNone, true, 0));
  EXPECT_TRUE(standing.take(50, 0.6, true, 0));
  EXPECT_EQ(standing.best_step, 50);
  EXPECT_EQ(standing.evaluations_since_best, 0);
  EXPECT_FALSE(standing.take(60, -kEndless, false, 0));
}

TEST(Standing, BetterByMoreThanTheLeastDifference) {
  Standing standing;
  EXPECT_TRUE(standing.take(1, 1.0, false, 0.1));
  EXPECT_FALSE(standing.take(2, 0.95, false, 0.1));
  EXPECT_TRUE(standing.take(3, 0.85, false, 0.1));
  EXPECT_EQ(Standing::from_json(standing.to_json()).best, 0.85);
  Standing larger;
  EXPECT_TRUE(larger.take(1, 0.5, true, 0.1));
  EXPECT_FALSE(larger.take(2, 0.55, true, 0.1));
  EXPECT_EQ(larger.evaluations_since_best, 1);
  EXPECT_TRUE(larger.take(3, 0.65, true, 0.1));
  EXPECT_EQ(larger.best_step, 3);
}

}  // namespace
}  // namespace ringtrain
