#include "launch/jobs/spread.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ringtrain {
namespace {

/// scipy.stats.t.ppf.
TEST(Spread, QuantilesOfStudentsT) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.7764451051977934, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.262157162798205, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.975, 29), 2.045229642132703, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.95, 10), 1.8124611228116756, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.975, 1e6), 1.9599663, 1e-6);
}

TEST(Spread, TheVarianceIsCorrectedForWhatFoldsShare) {
  // Squares of what they are off the mean: 0.0075. Half of the interval: t * deviation * sqrt(1 / 5 + 1 / 4).
  const auto spread =
      spread_of({0.85, 0.9, 0.95, 0.9 - 0.05 / std::sqrt(2), 0.9 + 0.05 / std::sqrt(2)}, 0.25);
  EXPECT_NEAR(spread.mean, 0.9, 1e-12);
  EXPECT_NEAR(spread.deviation, std::sqrt(0.0075 / 4), 1e-12);
  EXPECT_NEAR(spread.high - 0.9, 2.7764451051977934 * std::sqrt(0.0075 / 4) * std::sqrt(0.45), 1e-11);
  EXPECT_NEAR(spread.high - 0.9, 0.9 - spread.low, 1e-12);
}

TEST(Spread, WhatIsUndefinedIsLeftOut) {
  EXPECT_EQ(spread_of({1, NAN, 3}, 0).mean, 2);
  EXPECT_EQ(spread_of({5}, 0).mean, 5);
  EXPECT_TRUE(std::isnan(spread_of({5}, 0).low) && std::isnan(spread_of({5}, 0).deviation));
  EXPECT_TRUE(std::isnan(spread_of({NAN}, 0).mean));
}

}  // namespace
}  // namespace ringtrain
