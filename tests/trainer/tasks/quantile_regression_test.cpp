#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/errors.h"
#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

using test::task_of;

const TaskData kScaled{.targets = {"price"}, .scales = {{.shift = 100, .scale = 20}}};
const char* const kThree = "{type: quantile_regression, quantiles: [0.1, 0.5, 0.9]}";

double pinball(double target, double answer, double quantile) {
  return target >= answer ? quantile * (target - answer) : (1 - quantile) * (answer - target);
}

TEST(QuantileRegression, TheLossIsTheMeanPinballLoss) {
  const auto task = task_of(kThree, kScaled);
  EXPECT_EQ(task->outputs(), 3);
  EXPECT_EQ(task->targets(), 1);
  EXPECT_EQ(task->head().names, (std::vector<std::string>{"q0.1", "q0.5", "q0.9"}));
  const auto outputs = torch::tensor({{-1.0, 0.0, 1.0}, {0.5, 0.25, 3.0}}, torch::kDouble);
  const auto targets = torch::tensor({110.0, 90.0}, torch::kDouble);  // scaled 0.5, -0.5
  const double first = pinball(0.5, -1, 0.1) + pinball(0.5, 0, 0.5) + pinball(0.5, 1, 0.9);
  const double second = pinball(-0.5, 0.5, 0.1) + pinball(-0.5, 0.25, 0.5) + pinball(-0.5, 3, 0.9);
  const auto loss = task->loss_sum(outputs, targets);
  EXPECT_NEAR(loss.loss_sum.item<double>(), (first + second) / 3, 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 2);
  EXPECT_EQ(task->loss_unit(), 20);
  const auto weighed = task->loss_sum(outputs, targets, torch::tensor({2.0, 0.5}, torch::kDouble));
  EXPECT_NEAR(weighed.loss_sum.item<double>(), (2 * first + 0.5 * second) / 3, 1e-12);
  EXPECT_EQ(weighed.weight.item<double>(), 2.5);
  EXPECT_NEAR(task->scores(outputs)[1][2].item<double>(), 160, 1e-12);
}

TEST(QuantileRegression, MetricsTellWhatIsCovered) {
  const auto config = test::task_config(kThree);
  const Evaluation answers{
      .width = 3, .scores = {1, 2, 3, 1, 2, 3, 3, 2, 4, 0, 1, 2}, .targets = {1, 3.5, 3, 0.5}};
  const auto report = config.kind().judge(answers, {});
  EXPECT_EQ(report.get("coverage"), 0.75);
  EXPECT_EQ(report.get("crossed"), 0.25);
  EXPECT_NEAR(report.get("pinball_0.9"),
              (pinball(1, 3, 0.9) + pinball(3.5, 3, 0.9) + pinball(3, 4, 0.9) + pinball(0.5, 2, 0.9)) / 4,
              1e-12);
  const auto losses = config.kind().losses(answers, {});
  EXPECT_NEAR(losses[1], (pinball(3.5, 1, 0.1) + pinball(3.5, 2, 0.5) + pinball(3.5, 3, 0.9)) / 3, 1e-12);
}

TEST(QuantileRegression, QuantilesRise) {
  for (const char* quantiles : {"[]", "[0.5, 0.1]", "[0, 0.5]", "[0.5, 1]", "[0.5, 0.5]"})
    EXPECT_THROW(test::task_config(std::string("{type: quantile_regression, quantiles: ") + quantiles + "}"),
                 ConfigError)
        << quantiles;
}

}  // namespace
}  // namespace ringtrain
