#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

using test::task_of;

TEST(Regression, RegressionLosses) {
  const auto outputs = torch::tensor({{1.0}, {5.0}}, torch::kDouble);
  const auto targets = torch::tensor({2.0, 2.5}, torch::kDouble);
  const auto sum = [&](const std::string& loss) {
    const auto task = task_of("{type: regression, loss: " + loss + "}", {});
    return task->loss_sum(outputs, targets).loss_sum.item<double>();
  };
  EXPECT_NEAR(sum("mse"), 1 + 6.25, 1e-12);
  EXPECT_NEAR(sum("l1"), 1 + 2.5, 1e-12);
  EXPECT_NEAR(sum("huber"), 0.5 + 2.0, 1e-12);
}

/// The network learns (target - 100) / 20; answers and losses are in the target's unit.
TEST(Regression, ARegressionOfAScaledTarget) {
  const TaskData data{.scales = {{.shift = 100, .scale = 20}}};
  const auto outputs = torch::tensor({{0.5}, {-1.0}}, torch::kDouble);  // answers 110 and 80
  const auto targets = torch::tensor({107.0F, 120.0F}, torch::kFloat);  // off by 3 and 40
  const auto in_unit = [&](const std::string& loss) {
    const auto task = task_of("{type: regression, loss: " + loss + "}", data);
    return task->loss_sum(outputs, targets).loss_sum.item<double>() * task->loss_unit();
  };
  EXPECT_NEAR(in_unit("mse"), 9 + 1600, 1e-9);
  EXPECT_NEAR(in_unit("l1"), 3 + 40, 1e-9);
  EXPECT_NEAR(in_unit("huber"), 4.5 + 20 * (40 - 10), 1e-9);  // delta 1 of the scaled one: 20
  const auto scores = task_of("type: regression", data)->scores(outputs);
  EXPECT_EQ(scores[0][0].item<double>(), 110);
  EXPECT_EQ(scores[1][0].item<double>(), 80);
  EXPECT_EQ(task_of("type: regression", {})->loss_unit(), 1);
}

const TaskData kTwoTargets{.targets = {"height", "mass"},
                           .scales = {{.shift = 100, .scale = 20}, {.shift = 1, .scale = 0.5}}};

/// Of several targets each counts by its own deviation.
TEST(Regression, SeveralTargetsAreScaledEachByItsOwn) {
  const auto task = task_of("type: regression", kTwoTargets);
  EXPECT_EQ(task->outputs(), 2);
  EXPECT_EQ(task->targets(), 2);
  EXPECT_EQ(task->head().names, kTwoTargets.targets);
  EXPECT_EQ(task->loss_unit(), 1);
  const auto outputs = torch::tensor({{0.5, -1.0}, {0.0, 2.0}}, torch::kDouble);
  const auto targets = torch::tensor({{120.0, 1.0}, {100.0, 3.0}}, torch::kDouble);  // scaled (1, 0), (0, 4)
  const auto loss = task->loss_sum(outputs, targets);
  EXPECT_NEAR(loss.loss_sum.item<double>(), (0.25 + 1) / 2 + (0 + 4) / 2.0, 1e-12);
  EXPECT_EQ(loss.weight.item<double>(), 2);
  const auto weighed = task->loss_sum(outputs, targets, torch::tensor({3.0, 0.5}, torch::kDouble));
  EXPECT_NEAR(weighed.loss_sum.item<double>(), 3 * 0.625 + 0.5 * 2, 1e-12);
  EXPECT_EQ(weighed.weight.item<double>(), 3.5);
  const auto scores = task->scores(outputs);
  EXPECT_NEAR(scores[0][0].item<double>(), 110, 1e-12);
  EXPECT_NEAR(scores[1][1].item<double>(), 2, 1e-12);
}

/// scikit-learn's mean_absolute_error, root_mean_squared_error and r2_score: uniform averages.
TEST(Regression, MetricsOfSeveralTargetsAreMeansAndEachItsOwn) {
  const Evaluation answers{.width = 2,
                           .target_width = 2,
                           .names = {"height", "mass"},
                           .scores = {1, 10, 2, 20, 4, 30},
                           .targets = {1, 12, 3, 20, 4, 31}};
  const auto report = test::task_config("type: regression").kind().judge(answers, {});
  EXPECT_NEAR(report.get("mae_height"), 1.0 / 3, 1e-12);
  EXPECT_NEAR(report.get("mae_mass"), 1, 1e-12);
  EXPECT_NEAR(report.get("mae"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(report.get("rmse"), (std::sqrt(1.0 / 3) + std::sqrt(5.0 / 3)) / 2, 1e-12);
  EXPECT_NEAR(report.get("r2"), (report.get("r2_height") + report.get("r2_mass")) / 2, 1e-12);
  EXPECT_EQ(report.values.front().first, "mae");
}

/// The loss of each row by its answer alone is that of the task on the outputs.
TEST(Regression, LossesOfAnswersAreThoseOfOutputs) {
  const auto outputs = torch::tensor({{0.5, -1.0}, {0.0, 2.0}, {-3.0, 0.25}}, torch::kDouble);
  const auto targets = torch::tensor({{120.0, 1.0}, {100.0, 3.0}, {90.0, -1.0}}, torch::kDouble);
  for (const std::string loss : {"mse", "l1", "huber"})
    for (const bool several : {false, true}) {
      SCOPED_TRACE(loss);
      const auto data =
          several ? kTwoTargets : TaskData{.targets = {"height"}, .scales = {kTwoTargets.scales.front()}};
      const std::int64_t width = several ? 2 : 1;
      const auto config = test::task_config("{type: regression, loss: " + loss + "}");
      const auto task = config.kind().make(data);
      const auto given = outputs.narrow(1, 0, width).contiguous();
      const auto wanted = (several ? targets : targets.select(1, 0)).contiguous();
      const auto scores = task->scores(given).contiguous();
      const auto numbers = [](const at::Tensor& tensor) {
        const auto* from = tensor.const_data_ptr<double>();
        return std::vector<double>(from, from + tensor.numel());
      };
      const auto losses = config.kind().losses(
          {.width = width, .target_width = width, .scores = numbers(scores), .targets = numbers(wanted)},
          data.scales);
      ASSERT_EQ(losses.size(), 3U);
      EXPECT_NEAR(losses[0] + losses[1] + losses[2],
                  task->loss_sum(given, wanted).loss_sum.item<double>() * task->loss_unit(), 1e-9);
    }
}

}  // namespace
}  // namespace ringtrain
