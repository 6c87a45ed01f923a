#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

using test::task_of;

TEST(LanguageModel, WeighsTokens) {
  const auto task = task_of("type: language_model", {.vocabulary = 3});
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

}  // namespace
}  // namespace ringtrain
