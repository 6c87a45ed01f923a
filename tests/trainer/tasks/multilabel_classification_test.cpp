#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/errors.h"
#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

using test::task_of;

const TaskData kTwo{.targets = {"dog", "cat"}, .labels = {"dog", "cat"}, .class_counts = {2, 8}, .rows = 10};

double log_sigmoid(double x) { return -std::log1p(std::exp(-x)); }

TEST(MultilabelClassification, TheLossIsTheMeanOverLabels) {
  const auto task = task_of("type: multilabel_classification", kTwo);
  EXPECT_EQ(task->outputs(), 2);
  EXPECT_EQ(task->targets(), 2);
  EXPECT_EQ(task->head().form, AnswerForm::labels);
  const auto outputs = torch::tensor({{0.5, -1.0}, {2.0, 0.25}}, torch::kDouble);
  const auto targets = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const double first = -(log_sigmoid(0.5) + log_sigmoid(1.0)) / 2;
  const double second = -(log_sigmoid(-2.0) + log_sigmoid(0.25)) / 2;
  const auto loss = task->loss_sum(outputs, targets);
  EXPECT_NEAR(loss.loss_sum.item<double>(), first + second, 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 2);
  const auto weighed = task->loss_sum(outputs, targets, torch::tensor({2.0, 0.5}, torch::kDouble));
  EXPECT_NEAR(weighed.loss_sum.item<double>(), 2 * first + 0.5 * second, 1e-12);
  EXPECT_EQ(weighed.weight.item<double>(), 2.5);
}

TEST(MultilabelClassification, RareLabelsMayWeighMore) {
  const auto outputs = torch::tensor({{0.5, -1.0}}, torch::kDouble);
  const auto targets = torch::tensor({{1.0F, 1.0F}});
  const auto loss = [&](const std::string& weights) {
    const auto task = task_of("{type: multilabel_classification, positive_weights: " + weights + "}", kTwo);
    return task->loss_sum(outputs, targets).loss_sum.item<double>();
  };
  EXPECT_NEAR(loss("[3, 5]"), -(3 * log_sigmoid(0.5) + 5 * log_sigmoid(-1.0)) / 2, 1e-12);
  EXPECT_NEAR(loss("balanced"), -(4 * log_sigmoid(0.5) + 0.25 * log_sigmoid(-1.0)) / 2, 1e-12);
  EXPECT_THROW(loss("[1, 2, 3]"), ConfigError);
  EXPECT_THROW(loss("[1, -2]"), ConfigError);
  EXPECT_THROW(loss("often"), ConfigError);
}

const Evaluation kAnswers{.width = 2,
                          .target_width = 2,
                          .scores = {0.9, 0.4, 0.6, 0.2, 0.3, 0.7, 0.1, 0.1},
                          .targets = {1, 1, 0, 0, 0, 1, 0, 0}};

TEST(MultilabelClassification, EachLabelHasItsThreshold) {
  const auto best = test::task_config("type: multilabel_classification").kind().choose_thresholds(kAnswers);
  ASSERT_EQ(best.size(), 2U);
  EXPECT_NEAR(best[0], 0.75, 1e-6);  // halfway between 0.6 and 0.9
  EXPECT_NEAR(best[1], 0.3, 1e-6);
  const auto fixed =
      test::task_config("{type: multilabel_classification, threshold: fixed, fixed_threshold: 0.3}");
  EXPECT_EQ(fixed.kind().choose_thresholds(kAnswers), (std::vector<double>{0.3, 0.3}));
}

TEST(MultilabelClassification, Metrics) {
  const auto& config = test::task_config("type: multilabel_classification");
  const auto report = config.kind().judge(kAnswers, {0.5, 0.5});
  // dog: predicted in rows 1 and 2, given in 1; cat: predicted in row 3, given in 1 and 3.
  EXPECT_EQ(report.get("subset_accuracy"), 0.5);
  EXPECT_EQ(report.get("hamming_loss"), 0.25);
  EXPECT_EQ(report.get("precision"), 0.75);
  EXPECT_EQ(report.get("recall"), 0.75);
  EXPECT_NEAR(report.get("f1"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(report.get("f1_micro"), 2.0 / 3, 1e-12);
  EXPECT_EQ(report.get("roc_auc"), 1);
  EXPECT_NEAR(config.kind().losses(kAnswers, {})[1], -(std::log(0.4) + std::log(0.8)) / 2, 1e-12);
  EXPECT_FALSE(larger_is_better(config.kind(), "hamming_loss"));
  EXPECT_TRUE(larger_is_better(config.kind(), "f1"));
  EXPECT_FALSE(larger_is_better(config.kind(), "loss"));
  EXPECT_THROW(larger_is_better(config.kind(), "mae"), ConfigError);
}

}  // namespace
}  // namespace ringtrain
