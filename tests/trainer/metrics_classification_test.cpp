#include "trainer/metrics/classification.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.h"
#include "trainer/metrics/ranking.h"

namespace ringtrain {
namespace {

using Scores = std::vector<double>;
using Labels = std::vector<double>;

// The definition: over all pairs of a positive and a negative row, a tie counts half.
double roc_auc_by_pairs(const Scores& scores, const Labels& labels) {
  double won = 0, pairs = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    for (std::size_t j = 0; j < scores.size(); ++j)
      if (labels[i] == 1 && labels[j] == 0) {
        ++pairs;
        won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      }
  return won / pairs;
}

TEST(BinaryMetrics, ByHand) {
  //                        TP   FP   TP   FN   TN   FN   TN
  const Scores scores = {0.9, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1};
  const Labels labels = {1, 0, 1, 1, 0, 1, 0};
  const MetricsReport report = binary_metrics(scores, labels, 0.5);
  EXPECT_EQ(report.confusion, (Confusion{{2, 1}, {2, 2}}));
  EXPECT_DOUBLE_EQ(report.get("accuracy"), 4.0 / 7);
  EXPECT_DOUBLE_EQ(report.get("precision"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(report.get("recall"), 0.5);
  EXPECT_DOUBLE_EQ(report.get("f1"), 4.0 / 7);
  EXPECT_DOUBLE_EQ(report.get("roc_auc"), 8.0 / 12);  // 3 + 2 + 2 + 1 pairs won
  EXPECT_DOUBLE_EQ(report.get("pr_auc"), (1.0 / 1 + 2.0 / 3 + 3.0 / 4 + 4.0 / 6) / 4);
}

TEST(BinaryMetrics, TheThresholdItselfIsPredictedOne) {
  EXPECT_EQ(binary_metrics(Scores{0.5}, Labels{1}, 0.5).confusion, (Confusion{{0, 0}, {0, 1}}));
  EXPECT_EQ(binary_metrics(Scores{0.5}, Labels{1}, std::nextafter(0.5, 1)).confusion,
            (Confusion{{0, 0}, {1, 0}}));
}

TEST(BinaryMetrics, TiesCountHalf) {
  const Scores scores = {0.7, 0.7, 0.7, 0.2, 0.2};
  const Labels labels = {1, 0, 0, 1, 0};
  const MetricsReport report = binary_metrics(scores, labels);
  // Pairs: the first positive ties two and beats one; the second ties one and loses two: (2 * 0.5 + 1 + 0.5)
  // / 6.
  EXPECT_DOUBLE_EQ(report.get("roc_auc"), 2.5 / 6);
  EXPECT_DOUBLE_EQ(report.get("roc_auc"), roc_auc_by_pairs(scores, labels));
  EXPECT_DOUBLE_EQ(report.get("pr_auc"), 0.5 * (1.0 / 3) + 0.5 * (2.0 / 5));
  EXPECT_DOUBLE_EQ(binary_metrics(Scores{0.5, 0.5, 0.5}, Labels{1, 0, 0}).get("roc_auc"), 0.5);
}

TEST(BinaryMetrics, TheOrderOfRowsDoesNotMatter) {
  const Scores scores = {0.1, 0.4, 0.35, 0.8, 0.4}, turned(scores.rbegin(), scores.rend());
  const Labels labels = {0, 0, 1, 1, 1}, turned_labels(labels.rbegin(), labels.rend());
  EXPECT_EQ(binary_metrics(scores, labels).values, binary_metrics(turned, turned_labels).values);
}

TEST(BinaryMetrics, OneClassOnly) {
  const MetricsReport negative = binary_metrics(Scores{0.1, 0.2}, Labels{0, 0});
  EXPECT_TRUE(std::isnan(negative.get("roc_auc")));
  EXPECT_TRUE(std::isnan(negative.get("pr_auc")));
  EXPECT_EQ(negative.get("accuracy"), 1);
  EXPECT_EQ(negative.get("precision"), 0);
  EXPECT_EQ(negative.get("recall"), 0);
  EXPECT_EQ(negative.get("f1"), 0);
  const MetricsReport positive = binary_metrics(Scores{0.1, 0.9}, Labels{1, 1});
  EXPECT_TRUE(std::isnan(positive.get("roc_auc")));
  EXPECT_EQ(positive.get("pr_auc"), 1);
  EXPECT_EQ(positive.get("precision"), 1);
}

TEST(BinaryMetrics, NoRows) {
  for (const auto& [name, value] : binary_metrics(Scores{}, Labels{}).values)
    EXPECT_TRUE(std::isnan(value)) << name;
}

TEST(BinaryMetrics, WrongInput) {
  EXPECT_THROW(binary_metrics(Scores{0.1}, Labels{0, 1}), Error);
  EXPECT_THROW(binary_metrics(Scores{0.1}, Labels{2}), Error);
  EXPECT_THROW(binary_metrics(Scores{0.1}, Labels{-1}), Error);
  try {
    binary_metrics(Scores{0.1, std::nan("")}, Labels{0, 1});
    FAIL();
  } catch (const TrainingError& error) {
    EXPECT_STREQ(error.what(), "metrics: the score of row 1 is not a number");
  }
}

TEST(MulticlassMetrics, ByHand) {
  const Scores probabilities = {
      0.7, 0.2, 0.1,  // 0 -> 0
      0.1, 0.8, 0.1,  // 0 -> 1
      0.2, 0.6, 0.2,  // 1 -> 1
      0.3, 0.3, 0.4,  // 2 -> 2
      0.4, 0.4, 0.2,  // 2 -> 0, the first of two that are equal
  };
  const MetricsReport report = multiclass_metrics(probabilities, 3, Labels{0, 0, 1, 2, 2});
  EXPECT_EQ(report.confusion, (Confusion{{1, 1, 0}, {0, 1, 0}, {1, 0, 1}}));
  EXPECT_DOUBLE_EQ(report.get("accuracy"), 3.0 / 5);
  EXPECT_DOUBLE_EQ(report.get("precision"), (0.5 + 0.5 + 1) / 3);
  EXPECT_DOUBLE_EQ(report.get("recall"), (0.5 + 1 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(report.get("f1"), (0.5 + 2.0 / 3 + 2.0 / 3) / 3);
  // Class 0: positives 0.7, 0.1 against 0.2, 0.3, 0.4: 3 of 6. Class 1: 0.6 against 0.2, 0.8, 0.3, 0.4: 3
  // of 4. Class 2: 0.4, 0.2 against 0.1, 0.1, 0.2: 3 + 2.5 of 6.
  EXPECT_DOUBLE_EQ(report.get("roc_auc"), (3.0 / 6 + 3.0 / 4 + 5.5 / 6) / 3);
  // Precision at each gain of recall: class 0: 1/1, 2/5; class 1: 1/2; class 2: 1/1, then 2/3 (a tie of one
  // each).
  EXPECT_DOUBLE_EQ(report.get("pr_auc"), ((1 + 0.4) / 2 + 0.5 + (1 + 2.0 / 3) / 2) / 3);
}

TEST(MulticlassMetrics, MeansAreOverClassesThatOccur) {
  const Scores probabilities = {0.9, 0.1, 0, 0.2, 0.8, 0};
  const MetricsReport report = multiclass_metrics(probabilities, 3, Labels{0, 1});
  EXPECT_EQ(report.get("precision"), 1);
  EXPECT_EQ(report.get("recall"), 1);
  EXPECT_EQ(report.get("roc_auc"), 1);
  EXPECT_EQ(report.get("pr_auc"), 1);
  // A class that is only predicted occurs, and counts as 0.
  const MetricsReport predicted = multiclass_metrics(Scores{0.9, 0.1, 0, 0, 0, 1}, 3, Labels{0, 0});
  EXPECT_EQ(predicted.get("precision"), 0.5);
  EXPECT_EQ(predicted.get("recall"), 0.25);
  EXPECT_TRUE(std::isnan(predicted.get("roc_auc")));
}

TEST(MulticlassMetrics, WrongInputAndNoRows) {
  EXPECT_THROW(multiclass_metrics(Scores{0.1, 0.9}, 2, Labels{2}), Error);
  EXPECT_THROW(multiclass_metrics(Scores{0.1, 0.9, 0.5}, 2, Labels{1}), Error);
  EXPECT_THROW(multiclass_metrics(Scores{1}, 1, Labels{0}), Error);
  EXPECT_THROW(multiclass_metrics(Scores{0.1, std::nan("")}, 2, Labels{0}), TrainingError);
  for (const auto& [name, value] : multiclass_metrics({}, 3, Labels{}).values)
    EXPECT_TRUE(std::isnan(value)) << name;
}

TEST(Ranking, AgreesWithTheDefinitionOnManyRows) {
  Scores scores;
  Labels labels;
  for (int i = 0; i < 400; ++i) {
    scores.push_back((i * 37 % 23) / 23.0);
    labels.push_back(i * 7 % 11 < 3);
  }
  const std::vector<RankedColumn> columns{{scores, labels}};
  EXPECT_DOUBLE_EQ(ranked_areas(columns, {})[0].roc_auc, roc_auc_by_pairs(scores, labels));
}

}  // namespace
}  // namespace ringtrain
