#include "launch/report/measures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ringtrain::report {
namespace {

// Larger cases are compared with scikit-learn by tests/launch/report.py.

TEST(ReportMeasures, CurvesOfAFewRows) {
  // By hand: scores 0.9+ 0.8- 0.8+ 0.3- 0.1-; of the 6 pairs 5 are right, one is a tie.
  const std::vector<double> scores{0.9, 0.8, 0.8, 0.3, 0.1};
  const auto curves = RankingCurves::of(scores, {1, 0, 1, 0, 0});
  EXPECT_EQ(curves.positives, 2);
  EXPECT_EQ(curves.negatives, 3);
  EXPECT_DOUBLE_EQ(curves.roc_auc, 5.5 / 6);
  EXPECT_DOUBLE_EQ(curves.average_precision, 0.5 * 1 + 0.5 * 2 / 3);
  ASSERT_EQ(curves.points.size(), 5u);
  EXPECT_DOUBLE_EQ(curves.points[2].false_positive_rate, 1.0 / 3);
  EXPECT_DOUBLE_EQ(curves.points[2].true_positive_rate, 1);
  EXPECT_DOUBLE_EQ(curves.at(0.8).precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(curves.at(0.85).true_positive_rate, 0.5);
  EXPECT_DOUBLE_EQ(curves.at(2).true_positive_rate, 0);
}

TEST(ReportMeasures, OneClassAloneAndNoRowsAreUndefined) {
  const std::vector<double> scores{0.2, 0.7};
  EXPECT_TRUE(std::isnan(RankingCurves::of(scores, {0, 0}).roc_auc));
  EXPECT_TRUE(std::isnan(RankingCurves::of(scores, {0, 0}).average_precision));
  EXPECT_TRUE(std::isnan(RankingCurves::of(scores, {1, 1}).roc_auc));
  EXPECT_TRUE(std::isnan(RankingCurves::of({}, {}).roc_auc));
  EXPECT_TRUE(std::isnan(Calibration::of({}, {}).expected_error));
  EXPECT_TRUE(std::isnan(brier_score({}, 2, {})));
  EXPECT_TRUE(std::isnan(Residuals::of({}, {}).root_mean_square));
}

TEST(ReportMeasures, ThinnedPointsAreExactOnes) {
  std::vector<double> scores;
  std::vector<char> positive;
  for (int i = 0; i < 20'000; ++i) {
    scores.push_back(std::sin(i) * 0.4 + 0.5);
    positive.push_back(i % 7 == 0);
  }
  const auto curves = RankingCurves::of(scores, positive);
  const auto thin = curves.thinned(300);
  EXPECT_GT(thin.size(), 100u);
  EXPECT_LT(thin.size(), 500u);
  for (const auto& point : thin)
    EXPECT_TRUE(std::any_of(curves.points.begin(), curves.points.end(), [&](const RankingPoint& one) {
      return one.threshold == point.threshold && one.true_positive_rate == point.true_positive_rate;
    }));
  EXPECT_EQ(thin.back().true_positive_rate, 1);
}

TEST(ReportMeasures, CalibrationCountsOneInTheLastRange) {
  const std::vector<double> said{1.0, 0.95, 0.05, 0.0};
  const auto found = Calibration::of(said, {1, 0, 0, 1});
  EXPECT_EQ(found.bins[9].rows, 2);
  EXPECT_EQ(found.bins[0].rows, 2);
  EXPECT_DOUBLE_EQ(found.expected_error, (std::abs(1.95 - 1) + std::abs(0.05 - 1)) / 4);
}

TEST(ReportMeasures, ResidualsOfEqualAnswers) {
  const std::vector<double> answers{1, 2, 3}, targets{1, 2, 3};
  const auto found = Residuals::of(answers, targets);
  EXPECT_EQ(found.r2, 1);
  EXPECT_EQ(found.mean_absolute, 0);
  EXPECT_TRUE(found.counts.empty());
  const std::vector<double> lost{std::nan(""), 2, 3};
  EXPECT_EQ(Residuals::of(lost, targets).rows, 2);
}

}  // namespace
}  // namespace ringtrain::report
