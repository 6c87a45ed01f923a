#include "trainer/checks/boosted_trees.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "trainer/checks/simple_models.h"

namespace ringtrain::checks {
namespace {

struct Made {
  at::Tensor features = at::zeros({600, 3}, at::kDouble);
  std::vector<double> target{};
};

/// Quarters of a square, which no line tells apart; `classes` 0: a product.
Made make(std::int64_t classes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> even(-1, 1);
  Made made;
  for (std::int64_t row = 0; row < 600; ++row) {
    const double x = even(random), y = even(random);
    made.features[row][0] = x;
    made.features[row][1] = y;
    made.features[row][2] = row % 7 == 0 ? NAN : even(random);
    const auto quarter = (x > 0 ? 1.0 : 0.0) + (y > 0 ? 2.0 : 0.0);
    made.target.push_back(classes == 0 ? x * y : classes == 2 ? (x * y > 0 ? 1 : 0) : quarter);
  }
  return made;
}

TEST(BoostedTrees, FindWhatALineDoesNot) {
  for (const std::int64_t classes : {0, 2, 4}) {
    const Goal goal{classes, "y"};
    const auto train = make(classes, 1), test = make(classes, 2);
    std::string why;
    const auto answers = boosted_trees(goal, train.features, train.target, test.features, why);
    if (!answers && why == "no libxgboost") GTEST_SKIP() << why;
    ASSERT_TRUE(answers) << why;
    EXPECT_EQ(answers->sizes(), (std::vector<std::int64_t>{600, goal.outputs()}));
    EXPECT_GT(goal.quality(*answers, test.target), 0.9);
    if (classes > 0) {
      EXPECT_LT((answers->sum(1) - 1).abs().max().item<double>(), 1e-5);
    }
    const LinearModel line(goal, train.features.nan_to_num(0), train.target);
    if (classes != 4) {
      EXPECT_LT(goal.quality(line.answer(test.features.nan_to_num(0)), test.target), 0.6);
    }
    EXPECT_TRUE(at::equal(*answers, *boosted_trees(goal, train.features, train.target, test.features, why)));
  }
}

TEST(BoostedTrees, SayWhyTheyFail) {
  std::string why;
  const Goal goal{3, "y"};
  const auto answers =
      boosted_trees(goal, at::zeros({2, 1}, at::kDouble), {0, 7}, at::zeros({1, 1}, at::kDouble), why);
  if (!answers && why == "no libxgboost") GTEST_SKIP() << why;
  EXPECT_FALSE(answers);
  EXPECT_NE(why.find("XGBoost: "), std::string::npos) << why;
}

}  // namespace
}  // namespace ringtrain::checks
