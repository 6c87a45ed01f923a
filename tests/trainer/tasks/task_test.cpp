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

TEST(Task, LabelSmoothingSharesAPartAmongAllClasses) {
  for (const int classes : {2, 3})
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(testing::Message() << classes << " classes, weighted " << weighted);
      auto config = config_of(classes == 2 ? "binary_classification" : "classification");
      config.label_smoothing = 0.2;
      if (weighted)
        config.class_weights =
            classes == 2 ? std::vector<std::string>{"1", "3"} : std::vector<std::string>{"1", "3", "2"};
      const std::vector<std::string> labels{"a", "b", "c"};
      const auto task = make_task(config, {labels.begin(), labels.begin() + classes}, {5, 5, 5});
      const auto outputs = classes == 2 ? torch::tensor({{0.5}, {-1.0}}, torch::kDouble)
                                        : torch::tensor({{0.5, 0.1, -2.0}, {-1.0, 0.3, 0.2}}, torch::kDouble);
      const auto logits =
          classes == 2 ? torch::cat({torch::zeros({2, 1}, torch::kDouble), outputs}, 1) : outputs;
      const auto targets = torch::tensor({1, 0});
      // Cross entropy with a distribution in place of the class.
      const auto wanted = torch::one_hot(targets, classes).to(torch::kDouble) * 0.8 + 0.2 / classes;
      const auto losses = -(wanted * torch::log_softmax(logits, 1)).sum(1);
      const double first = weighted ? 3 : 1;  // of class 1; that of class 0 is 1
      const auto loss = task->loss_sum(outputs, targets);
      EXPECT_NEAR(loss.loss_sum.item<double>(), first * losses[0].item<double>() + losses[1].item<double>(),
                  1e-12);
      EXPECT_EQ(loss.weight.item<double>(), first + 1);
    }
}

/// Focal loss of a sample whose class has the logit `x` and whose others have 0, in long double.
long double focal(long double x, int others, long double gamma) {
  const long double odds = std::exp(-x) * others;  // (1 - p) / p
  return std::pow(odds / (1 + odds), gamma) * std::log1p(odds);
}

/// At any logit value and gradient are finite, and those of the formula: where the answer is sure too.
TEST(Task, FocalLossHasTheGradientOfItsFormula) {
  for (const double gamma : {0.1, 0.5, 1.0, 2.0, 5.0})
    for (const auto dtype : {torch::kDouble, torch::kFloat})
      for (const int classes : {2, 3}) {
        auto config = config_of(classes == 2 ? "binary_classification" : "classification");
        config.focal_gamma = gamma;
        const std::vector<std::string> labels{"a", "b", "c"};
        const auto task = make_task(config, {labels.begin(), labels.begin() + classes}, {5, 5, 5});
        for (double x = -40; x <= 40; x += 0.5) {
          const auto logit = torch::tensor(x, torch::dtype(dtype).requires_grad(true));
          const auto zero = torch::zeros({}, dtype);
          const auto outputs =
              classes == 2 ? logit.reshape({1, 1}) : torch::stack({zero, logit, zero}).reshape({1, 3});
          const auto loss = task->loss_sum(outputs, torch::tensor({1})).loss_sum;
          loss.backward();
          const long double h = 1e-5L;
          const auto value = static_cast<double>(focal(x, classes - 1, gamma));
          const auto slope = static_cast<double>(
              (focal(x + h, classes - 1, gamma) - focal(x - h, classes - 1, gamma)) / (2 * h));
          const double share = dtype == torch::kDouble ? 1e-7 : 2e-5;
          const double least = dtype == torch::kDouble ? 1e-12 : 1e-6;  // where the softmax rounds p to 1
          EXPECT_NEAR(loss.item<double>(), value, least + share * value)
              << gamma << ' ' << x << ' ' << classes;
          EXPECT_NEAR(logit.grad().item<double>(), slope, least + share * std::abs(slope))
              << gamma << ' ' << x << ' ' << classes;
        }
      }
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

/// The network learns (target - 100) / 20; answers and losses are in the target's unit.
TEST(Task, ARegressionOfAScaledTarget) {
  auto config = config_of("regression");
  const TargetScale scale{.shift = 100, .scale = 20};
  const auto outputs = torch::tensor({{0.5}, {-1.0}}, torch::kDouble);  // answers 110 and 80
  const auto targets = torch::tensor({107.0F, 120.0F}, torch::kFloat);  // off by 3 and 40
  const auto in_unit = [&](const char* loss) {
    config.loss = loss;
    const auto task = make_task(config, {}, {}, 0, scale);
    return task->loss_sum(outputs, targets).loss_sum.item<double>() * task->loss_unit();
  };
  EXPECT_NEAR(in_unit("mse"), 9 + 1600, 1e-9);
  EXPECT_NEAR(in_unit("l1"), 3 + 40, 1e-9);
  EXPECT_NEAR(in_unit("huber"), 4.5 + 20 * (40 - 10), 1e-9);  // delta 1 of the scaled one: 20
  const auto scores = make_task(config, {}, {}, 0, scale)->scores(outputs);
  EXPECT_EQ(scores[0][0].item<double>(), 110);
  EXPECT_EQ(scores[1][0].item<double>(), 80);
  EXPECT_EQ(make_task(config, {}, {})->loss_unit(), 1);
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

TEST(Task, ManyDecimalsAreNoTwoClasses) {
  std::vector<std::string> prices;
  for (int i = 0; i < 200; ++i) prices.push_back(std::to_string(i) + ".5");
  try {
    make_task(config_of("binary_classification"), prices, {});
    FAIL();
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("the target has 200: 0.5, 1.5"), std::string::npos) << text;
    EXPECT_NE(text.find("and 188 more. Use regression to predict a number"), std::string::npos) << text;
  }
}

TEST(Task, AsManyWeightsAsClasses) {
  auto config = config_of("classification");
  config.class_weights = {"1", "2"};
  EXPECT_THROW(make_task(config, {"a", "b", "c"}, {1, 1, 1}), ConfigError);
}

}  // namespace
}  // namespace ringtrain
