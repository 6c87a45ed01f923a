#include "trainer/metrics/threshold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Scores = std::vector<double>;
using Labels = std::vector<double>;

double best_f1_threshold(const Scores& scores, const Labels& labels) {
  return best_f1_thresholds(std::vector<RankedColumn>{{scores, labels}})[0];
}

double least_cost_threshold(const Scores& scores, const Labels& labels, double cost_ratio) {
  return least_cost_thresholds(std::vector<RankedColumn>{{scores, labels}}, cost_ratio)[0];
}

TEST(BestF1Threshold, LiesHalfwayBetweenScores) {
  EXPECT_EQ(best_f1_threshold(Scores{0.25, 0.75, 0.125, 0.875}, Labels{0, 1, 0, 1}), 0.5);
  EXPECT_EQ(best_f1_threshold(Scores{0.5, 0.25}, Labels{1, 0}), 0.375);
}

TEST(BestF1Threshold, OfEqualOnesTheHighest) {
  // F1 by number of predicted rows: 2/3, 1/2, 4/5 (hits 2 of 3), 2/3. Then a case where 1 and 4 rows both
  // give 2/3.
  EXPECT_EQ(best_f1_threshold(Scores{0.875, 0.75, 0.5, 0.25}, Labels{1, 0, 1, 0}), 0.375);
  EXPECT_EQ(best_f1_threshold(Scores{0.875, 0.75, 0.5, 0.25}, Labels{1, 0, 0, 1}), 0.8125);
}

TEST(BestF1Threshold, MayPredictAllRows) {
  EXPECT_EQ(best_f1_threshold(Scores{0.9, 0.8, 0.1}, Labels{1, 0, 1}), 0.1);
  EXPECT_EQ(best_f1_threshold(Scores{0.4, 0.4, 0.4}, Labels{1, 0, 1}), 0.4);
}

TEST(Threshold, WithoutChoiceItIsOneHalf) {
  for (const Labels& labels : {Labels{0, 0}, Labels{1, 1}}) {
    EXPECT_EQ(best_f1_threshold(Scores{0.1, 0.2}, labels), 0.5);
    EXPECT_EQ(least_cost_threshold(Scores{0.1, 0.2}, labels, 3), 0.5);
  }
  EXPECT_EQ(best_f1_threshold({}, {}), 0.5);
}

TEST(Threshold, KeepsFloatNeighboursApart) {
  const float lower = 0.3f;
  const float upper = std::nextafter(lower, 1.0f);
  const double threshold = best_f1_threshold(Scores{lower, upper}, Labels{0, 1});
  EXPECT_EQ(threshold, upper) << "no float lies between: the upper one";
  // Doubles nearer than floats: no float lies between them at all.
  const double near = std::nextafter(0.3, 1.0);
  EXPECT_EQ(best_f1_threshold(Scores{0.3, near}, Labels{0, 1}), near);
  const double chosen = best_f1_threshold(Scores{0.3f, 0.9f}, Labels{0, 1});
  EXPECT_EQ(chosen, static_cast<float>(chosen)) << "a float32 model compares with the same number";
}

TEST(LeastCostThreshold, DependsOnTheRatio) {
  const Scores scores = {0.875, 0.75, 0.5, 0.25, 0.125};
  const Labels labels = {1, 0, 0, 1, 0};
  // Costs by number of predicted rows 0 to 5, ratio r: 2r, r, r+1, r+2, 2, 3.
  EXPECT_EQ(least_cost_threshold(scores, labels, 1), 0.8125);
  EXPECT_EQ(least_cost_threshold(scores, labels, 2), 0.8125) << "equal to four rows: the highest threshold";
  EXPECT_EQ(least_cost_threshold(scores, labels, 10), 0.1875);
}

TEST(LeastCostThreshold, MayPredictNoRow) {
  // Costs by number of predicted rows, ratio 1/2: 0.5, 1.5, 1.
  EXPECT_EQ(least_cost_threshold(Scores{0.75, 0.5}, Labels{0, 1}, 0.5), 0.875);
  const double above = least_cost_threshold(Scores{1, 0.5}, Labels{0, 1}, 0.5);
  EXPECT_EQ(above, std::nextafter(1.0f, 2.0f));
}

TEST(LeastCostThreshold, WrongRatio) {
  for (double ratio : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(least_cost_threshold(Scores{0.1, 0.2}, Labels{0, 1}, ratio), ConfigError);
}

}  // namespace
}  // namespace ringtrain
