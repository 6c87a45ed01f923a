#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/errors.h"
#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

using test::task_of;

const TaskData kTwo{.labels = {"no", "yes"}, .class_counts = {5, 5}};
const TaskData kThree{.labels = {"a", "b", "c"}, .class_counts = {5, 5, 5}};

std::string kind_of(int classes) {
  return classes == 2 ? "{type: binary_classification" : "{type: classification";
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Classification, BinaryLossIsASumOfCrossEntropies) {
  const auto task = task_of("type: binary_classification", kTwo);
  EXPECT_EQ(task->outputs(), 1);
  const auto loss = task->loss_sum(torch::tensor({{0.5}, {-1.0}}, torch::kDouble), torch::tensor({1, 0}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -std::log(sigmoid(0.5)) - std::log(1 - sigmoid(-1.0)), 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 2);
}

TEST(Classification, ClassWeightsWeighLossAndWeight) {
  const auto task = task_of("{type: binary_classification, class_weights: [1, 10]}", kTwo);
  const auto loss = task->loss_sum(torch::tensor({{0.5}, {-1.0}}, torch::kDouble), torch::tensor({1, 0}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -10 * std::log(sigmoid(0.5)) - std::log(1 - sigmoid(-1.0)),
              1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 11);
}

TEST(Classification, BalancedGivesEachClassTheSameTotal) {
  const auto task = task_of("{type: classification, class_weights: balanced}",
                            {.labels = {"a", "b", "c"}, .class_counts = {10, 30, 60}});
  const auto weight = [&](std::int64_t label) {
    return task->loss_sum(torch::zeros({1, 3}, torch::kDouble), torch::tensor({label})).weight.item<double>();
  };
  EXPECT_NEAR(weight(0) * 10, 100.0 / 3, 1e-12);
  EXPECT_NEAR(weight(1) * 30, 100.0 / 3, 1e-12);
  EXPECT_NEAR(weight(2) * 60, 100.0 / 3, 1e-12);
}

TEST(Classification, FocalLossScalesByHowSureTheModelIs) {
  const auto task = task_of("{type: binary_classification, focal_gamma: 2}", kTwo);
  const double p = sigmoid(0.7);
  const auto loss = task->loss_sum(torch::tensor({{0.7}}, torch::kDouble), torch::tensor({1}));
  EXPECT_NEAR(loss.loss_sum.item<double>(), -(1 - p) * (1 - p) * std::log(p), 1e-12);
}

TEST(Classification, LabelSmoothingSharesAPartAmongAllClasses) {
  for (const int classes : {2, 3})
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(testing::Message() << classes << " classes, weighted " << weighted);
      const std::string weights = classes == 2 ? "[1, 3]" : "[1, 3, 2]";
      const auto task = task_of(
          kind_of(classes) + ", label_smoothing: 0.2, class_weights: " + (weighted ? weights : "none") + "}",
          classes == 2 ? kTwo : kThree);
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
TEST(Classification, FocalLossHasTheGradientOfItsFormula) {
  for (const double gamma : {0.1, 0.5, 1.0, 2.0, 5.0})
    for (const auto dtype : {torch::kDouble, torch::kFloat})
      for (const int classes : {2, 3}) {
        const auto task = task_of(kind_of(classes) + ", focal_gamma: " + std::to_string(gamma) + "}",
                                  classes == 2 ? kTwo : kThree);
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

TEST(Classification, MulticlassScoresAreProbabilities) {
  const auto task = task_of("type: classification", kThree);
  const auto scores = task->scores(torch::tensor({{1.0, 2.0, 3.0}}, torch::kDouble));
  const double sum = std::exp(1) + std::exp(2) + std::exp(3);
  EXPECT_NEAR(scores[0][2].item<double>(), std::exp(3) / sum, 1e-12);
}

TEST(Classification, ThreeClassesAreNotBinary) {
  EXPECT_THROW(task_of("type: binary_classification", kThree), ConfigError);
}

TEST(Classification, ManyDecimalsAreNoTwoClasses) {
  std::vector<std::string> prices;
  for (int i = 0; i < 200; ++i) prices.push_back(std::to_string(i) + ".5");
  try {
    task_of("type: binary_classification", {.labels = prices});
    FAIL();
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("the target has 200: 0.5, 1.5"), std::string::npos) << text;
    EXPECT_NE(text.find("and 188 more. Use regression to predict a number"), std::string::npos) << text;
  }
}

TEST(Classification, AsManyWeightsAsClasses) {
  EXPECT_THROW(task_of("{type: classification, class_weights: [1, 2]}", kThree), ConfigError);
}

/// A row that weighs 2 counts as if it stood there twice.
TEST(Classification, WeightsOfSamplesMultiplyThoseOfClasses) {
  const auto logits = torch::tensor({{0.5, 0.1, -2.0}, {-1.0, 0.3, 0.2}, {-1.0, 0.3, 0.2}}, torch::kDouble);
  const auto targets = torch::tensor({1, 0, 0});
  const auto weights = torch::tensor({0.5, 2.0}, torch::kDouble);
  for (const char* options :
       {"", ", class_weights: [1, 3, 2]", ", focal_gamma: 2", ", label_smoothing: 0.1"}) {
    SCOPED_TRACE(options);
    const auto task = task_of(kind_of(3) + options + "}", kThree);
    const auto loss = task->loss_sum(logits.narrow(0, 0, 2), targets.narrow(0, 0, 2), weights);
    const auto first = task->loss_sum(logits.narrow(0, 0, 1), targets.narrow(0, 0, 1));
    const auto twice = task->loss_sum(logits.narrow(0, 1, 2), targets.narrow(0, 1, 2));
    EXPECT_NEAR(loss.loss_sum.item<double>(),
                0.5 * first.loss_sum.item<double>() + twice.loss_sum.item<double>(), 1e-12);
    EXPECT_NEAR(loss.weight.item<double>(), 0.5 * first.weight.item<double>() + twice.weight.item<double>(),
                1e-12);
  }
}

}  // namespace
}  // namespace ringtrain
