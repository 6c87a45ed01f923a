#include "trainer/metrics/regression.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Values = std::vector<double>;

TEST(RegressionMetrics, ByHand) {
  // Errors 0.5, -0.5, 0, 1; the targets' mean is 2.875.
  const MetricsReport report = regression_metrics(Values{2.5, 0, 2, 8}, Values{2, 0.5, 2, 7});
  EXPECT_DOUBLE_EQ(report.get("mae"), 0.5);
  EXPECT_DOUBLE_EQ(report.get("rmse"), std::sqrt(0.375));
  EXPECT_DOUBLE_EQ(report.get("r2"), 1 - 1.5 / 24.1875);
  EXPECT_TRUE(report.confusion.empty());
}

TEST(RegressionMetrics, TargetsFarFromZeroKeepTheirSpread) {
  const MetricsReport report =
      regression_metrics(Values{1e9 + 1, 1e9 + 2, 1e9 + 4}, Values{1e9 + 1, 1e9 + 2, 1e9 + 3});
  EXPECT_DOUBLE_EQ(report.get("r2"), 0.5);
}

TEST(RegressionMetrics, Degenerate) {
  EXPECT_EQ(regression_metrics(Values{2, 2}, Values{2, 2}).get("r2"), 1);
  EXPECT_EQ(regression_metrics(Values{2, 3}, Values{2, 2}).get("r2"), 0);
  EXPECT_TRUE(std::isnan(regression_metrics(Values{2}, Values{2}).get("r2")));
  EXPECT_EQ(regression_metrics(Values{2}, Values{3}).get("mae"), 1);
  for (const auto& [name, value] : regression_metrics(Values{}, Values{}).values)
    EXPECT_TRUE(std::isnan(value)) << name;
  EXPECT_THROW(regression_metrics(Values{1}, Values{}), Error);
}

}  // namespace
}  // namespace ringtrain
