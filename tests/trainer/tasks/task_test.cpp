#include "trainer/tasks/task.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

TaskConfig config_of(const std::string& type) {
  TaskConfig config;
  config.type = type;
  return config;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Task, BinaryLossIsASumOfCrossEntropies) {
  const auto task = make_task(config_of("binary_classification"), {"no", "yes"}, {5, 5});
  EXPECT_EQ(task->outputs(), 1);
  const auto loss = task->loss_sum(torch::tensor({{0.5}, {-1.0}}, torch::kDouble), torch::tensor({1, 0}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -std::log(sigmoid(0.5)) - std::log(1 - sigmoid(-1.0)), 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 2);
}

TEST(Task, ClassWeightsWeighLossAndWeight) {
  auto config = config_of("binary_classification");
  config.class_weights = {"1", "10"};
  const auto task = make_task(config, {"no", "yes"}, {5, 5});
  const auto loss = task->loss_sum(torch::tensor({{0.5}, {-1.0}}, torch::kDouble), torch::tensor({1, 0}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -10 * std::log(sigmoid(0.5)) - std::log(1 - sigmoid(-1.0)),
              1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 11);
}

TEST(Task, BalancedGivesEachClassTheSameTotal) {
  auto config = config_of("classification");
  config.class_weights = {"balanced"};
  const auto task = make_task(config, {"a", "b", "c"}, {10, 30, 60});
  const auto weight = [&](std::int64_t label) {
    return task->loss_sum(torch::zeros({1, 3}, torch::kDouble), torch::tensor({label})).weight.item<double>();
  };
  EXPECT_NEAR(weight(0) * 10, 100.0 / 3, 1e-12);
  EXPECT_NEAR(weight(1) * 30, 100.0 / 3, 1e-12);
  EXPECT_NEAR(weight(2) * 60, 100.0 / 3, 1e-12);
}

TEST(Task, FocalLossScalesByHowSureTheModelIs) {
  auto config = config_of("binary_classification");
  config.focal_gamma = 2;
  const auto task = make_task(config, {"no", "yes"}, {5, 5});
  const double p = sigmoid(0.7);
  const auto loss = task->loss_sum(torch::tensor({{0.7}}, torch::kDouble), torch::tensor({1}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -(1 - p) * (1 - p) * std::log(p), 1e-12);
}

TEST(Task, MulticlassScoresAreProbabilities) {
  const auto task = make_task(config_of("classification"), {"a", "b", "c"}, {1, 1, 1});
  const auto scores = task->scores(torch::tensor({{1.0, 2.0, 3.0}}, torch::kDouble));
  const double sum = std::exp(1) + std::exp(2) + std::exp(3);
  EXPECT_NEAR(scores[0][2].item<double>(), std::exp(3) / sum, 1e-12);
}

TEST(Task, RegressionLosses) {
  auto config = config_of("regression");
  const auto outputs = torch::tensor({{1.0}, {5.0}}, torch::kDouble);
  const auto targets = torch::tensor({2.0, 2.5}, torch::kDouble);
  EXPECT_NEAR(make_task(config, {}, {})->loss_sum(outputs, targets).loss_sum.item<double>(), 1 + 6.25, 1e-12);
  config.loss = "l1";
  EXPECT_NEAR(make_task(config, {}, {})->loss_sum(outputs, targets).loss_sum.item<double>(), 1 + 2.5, 1e-12);
  config.loss = "huber";
  EXPECT_NEAR(make_task(config, {}, {})->loss_sum(outputs, targets).loss_sum.item<double>(), 0.5 + 2.0,
              1e-12);
}

TEST(Task, ALanguageModelWeighsTokens) {
  const auto task = make_task(config_of("language_model"), {}, {}, 3);
  EXPECT_EQ(task->outputs(), 3);
  EXPECT_FALSE(task->has_scores());
  // Two samples of two tokens; logits of three tokens.
  const auto logits =
      torch::tensor({1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 1.0, 0.0}, torch::kDouble)
          .reshape({2, 2, 3});
  const auto targets = torch::tensor({2, 1, 0, 2}).reshape({2, 2});
  const auto loss = task->loss_sum(logits, targets);
  const double first = std::log(std::exp(1) + std::exp(2) + std::exp(3)) - 3;
  const double third = std::log(std::exp(5) + 2) - 5, fourth = std::log(2 + std::exp(1));
  EXPECT_NEAR(loss.loss_sum.item<double>(), first + std::log(3) + third + fourth, 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 4);
  EXPECT_EQ(task->right(logits, targets).item<std::int64_t>(), 2);  // the second is a tie, won by token 0
}

TEST(Task, ThreeClassesAreNotBinary) {
  EXPECT_THROW(make_task(config_of("binary_classification"), {"a", "b", "c"}, {1, 1, 1}), ConfigError);
}

TEST(Task, AsManyWeightsAsClasses) {
  auto config = config_of("classification");
  config.class_weights = {"1", "2"};
  EXPECT_THROW(make_task(config, {"a", "b", "c"}, {1, 1, 1}), ConfigError);
}

}  // namespace
}  // namespace ringtrain
