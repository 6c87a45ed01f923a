#include "trainer/checks/simple_models.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace ringtrain::checks {
namespace {

TEST(Quality, OfTwoClassesIsTheAreaUnderTheCurve) {
  const Goal goal{.classes = 2};
  const auto scores = at::tensor({0.9, 0.1, 0.6, 0.4, 0.4, 0.6, 0.3, 0.7}, at::kDouble).reshape({4, 2});
  // Of the four pairs of a row of class 1 and one of class 0 three are in order.
  EXPECT_DOUBLE_EQ(goal.quality(scores, {0, 1, 0, 1}), 0.75);
  EXPECT_DOUBLE_EQ(goal.quality(at::zeros({4, 2}, at::kDouble), {0, 1, 0, 1}), 0.5);
  EXPECT_TRUE(std::isnan(goal.quality(scores, {1, 1, 1, 1})));
}

TEST(Quality, OfMoreClassesIsAccuracyAndOfNumbersR2) {
  const Goal classes{.classes = 3}, number;
  const auto scores = at::eye(3, at::kDouble);
  EXPECT_DOUBLE_EQ(classes.quality(scores, {0, 1, 1}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(classes.chance({0, 1, 1}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(number.quality(at::tensor({1.0, 2.0, 3.0}), {1, 2, 3}), 1);
  EXPECT_DOUBLE_EQ(number.quality(at::tensor({2.0, 2.0, 2.0}), {1, 2, 3}), 0);
  EXPECT_TRUE(std::isnan(number.quality(at::tensor({2.0, 2.0}), {1, 1})));
}

/// The chance of 0.5 and its error: of 1,000 random rankings about two thirds are within one error.
TEST(Quality, NoiseIsWhatChanceMakes) {
  std::mt19937_64 random(1);
  const Goal goal{.classes = 2};
  std::vector<double> target;
  for (int i = 0; i < 60; ++i) target.push_back(i < 20 ? 1 : 0);
  int within = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::vector<double> scores;
    for (int i = 0; i < 120; ++i) scores.push_back(std::uniform_real_distribution<double>(0, 1)(random));
    const double quality = goal.quality(at::tensor(scores, at::kDouble).reshape({60, 2}), target);
    within += std::abs(quality - 0.5) < goal.noise(target);
  }
  EXPECT_NEAR(within, 683, 60);
}

TEST(Linear, RidgeIsTheSolutionOfTheNormalEquations) {
  // Standardised, x is ±1; w = x'y / (n + 1).
  const auto x = at::tensor({1.0, 3.0, 1.0, 3.0}, at::kDouble).unsqueeze(1);
  const LinearModel model(Goal{}, x, {10, 20, 10, 20});
  const auto answers = model.answer(x);
  EXPECT_NEAR(answers[0].item<double>(), 15 - 4.0, 1e-9);
  EXPECT_NEAR(answers[1].item<double>(), 15 + 4.0, 1e-9);
}

/// At the best weights the derivative of the sum of losses is minus that of the penalty.
TEST(Linear, LogisticRegressionIsAtItsOptimum) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> numbers, target;
  for (int i = 0; i < 80; ++i) {
    numbers.push_back(normal(random));
    numbers.push_back(5 + 10 * normal(random));
    target.push_back(numbers[numbers.size() - 2] + 0.5 * normal(random) > 0 ? 1 : 0);
  }
  const auto x = at::tensor(numbers, at::kDouble).reshape({80, 2});
  const LinearModel model(Goal{.classes = 2}, x, target);
  const auto p = model.answer(x);
  const auto off = p.select(1, 1) - at::tensor(target, at::kDouble);
  EXPECT_NEAR(off.sum().item<double>(), 0, 1e-2);  // the bias has no penalty
  const auto scaled = (x - x.mean(0)) / x.std(0, false);
  const auto logits = (p.select(1, 1) / p.select(1, 0)).log();
  const auto weights = at::linalg_solve(
      scaled.t().mm(scaled), scaled.t().mm((logits - logits.mean()).unsqueeze(1)));  // w1 - w0 = 2 w1
  const auto gradient = scaled.t().mm(off.unsqueeze(1)) + weights / 2;
  EXPECT_LT(gradient.abs().max().item<double>(), 0.05);
}

TEST(Columns, AreJudgedByOtherRowsAlone) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> noise, words, copy, target;
  for (int i = 0; i < 600; ++i) {
    target.push_back(i % 2);
    noise.push_back(normal(random));
    copy.push_back(3 * target.back());
    words.push_back(i);  // each row has a word of its own
  }
  const Goal goal{.classes = 2};
  EXPECT_NEAR(quality_of_column(goal, noise, false, target), 0.5, 0.1);
  EXPECT_NEAR(quality_of_column(goal, words, true, target), 0.5, 0.1);
  EXPECT_DOUBLE_EQ(quality_of_column(goal, copy, false, target), 1);
  EXPECT_DOUBLE_EQ(quality_of_column(goal, copy, true, target), 1);
}

/// Three clusters, far apart, whose borders are not those of quantiles.
TEST(Columns, ThatStepSharplyAreSeen) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> column, target;
  for (int i = 0; i < 178; ++i) {
    target.push_back(i % 3);
    column.push_back(target.back() + 0.077 * normal(random));
  }
  EXPECT_DOUBLE_EQ(quality_of_column(Goal{.classes = 3}, column, false, target), 1);
}

TEST(Neighbours, AreOfOtherFolds) {
  // Each row stands once in each fold's complement; a lone row cannot vote for itself.
  const auto x = at::arange(100, at::kDouble).unsqueeze(1);
  std::vector<double> target(100, 0);
  target[50] = 1;
  const auto answers = neighbour_answers(Goal{.classes = 2}, x, target);
  EXPECT_EQ(answers[50][1].item<double>(), 0);
  EXPECT_EQ(answers.size(0), 100);
  EXPECT_NEAR(answers.sum(1).min().item<double>(), 1, 1e-9);
}

}  // namespace
}  // namespace ringtrain::checks
