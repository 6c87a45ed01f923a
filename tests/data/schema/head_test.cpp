#include "data/schema/head.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Kind = HeadOperation::Kind;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Head, ABinaryAnswerHasBothProbabilitiesAndReachesItsThreshold) {
  const double p = sigmoid(0.5);
  const Head head{AnswerForm::one_class, 1, {{Kind::sigmoid}}, {p}, {}};
  EXPECT_TRUE(head.is_binary());
  EXPECT_EQ(head.width(), 2);
  const auto scores = scores_of(head, torch::tensor({{0.5}, {0.4}}, torch::kDouble), torch::kDouble);
  const auto answers = answer_scores(head, scores);
  EXPECT_NEAR(answers[0][0].item<double>(), 1 - p, 1e-15);
  EXPECT_TRUE(torch::equal(decisions_of(head, answers), torch::tensor({1, 0})));
}

TEST(Head, OneOfSeveralClassesIsTheLikeliest) {
  const Head head{AnswerForm::one_class, 3, {{Kind::softmax}}, {}, {}};
  EXPECT_FALSE(head.is_binary());
  const auto scores = scores_of(head, torch::tensor({{1.0, 3.0, 2.0}}, torch::kDouble), torch::kDouble);
  EXPECT_NEAR(scores.sum().item<double>(), 1, 1e-12);
  EXPECT_EQ(decisions_of(head, scores)[0].item<std::int64_t>(), 1);
}

TEST(Head, LabelsHaveThresholdsOfTheirOwn) {
  const Head head{AnswerForm::labels, 2, {{Kind::sigmoid}}, {0.3, 0.7}, {}};
  const auto given = decisions_of(head, torch::tensor({{0.3, 0.69}, {0.2, 0.7}}, torch::kDouble));
  EXPECT_TRUE(torch::equal(given, torch::tensor({{1, 0}, {0, 1}})));
}

TEST(Head, OperationsFollowEachOther) {
  const Head head{
      AnswerForm::values, 2, {{Kind::exponential}, {Kind::scale, {2, 10}, {1, -1}}}, {}, {"a", "b"}};
  const auto values = scores_of(head, torch::tensor({{0.0, 1.0}}, torch::kDouble), torch::kDouble);
  EXPECT_NEAR(values[0][0].item<double>(), 3, 1e-12);
  EXPECT_NEAR(values[0][1].item<double>(), 10 * std::exp(1) - 1, 1e-12);
  const Head one{AnswerForm::values, 1, {{Kind::scale, {2}, {100}}}, {}, {}};
  EXPECT_EQ(scores_of(one, torch::tensor({{0.5F}}), torch::kDouble).item<double>(), 101);
}

TEST(Head, ComesBackFromItsText) {
  const Head head{AnswerForm::values, 2, {{Kind::scale, {0.1, 1e300}, {-1, 2}}}, {}, {"height", "mass"}};
  const auto back = Head::from_json(head.to_json());
  EXPECT_EQ(back.to_json(), head.to_json());
  EXPECT_EQ(back.names, head.names);
  EXPECT_EQ(back.operations[0].scale, head.operations[0].scale);
}

TEST(Head, WhatDoesNotFitIsRefused) {
  const auto refused = [](const Head& head) {
    EXPECT_THROW(Head::from_json(head.to_json()), DataError) << head.to_json();
  };
  refused({AnswerForm::labels, 2, {{Kind::sigmoid}}, {0.5}, {}});
  refused({AnswerForm::one_class, 3, {{Kind::softmax}}, {0.5}, {}});
  refused({AnswerForm::values, 2, {}, {}, {"a"}});
  refused({AnswerForm::values, 2, {}, {}, {}});
  refused({AnswerForm::values, 2, {{Kind::scale, {1, 2, 3}, {1, 2, 3}}}, {}, {"a", "b"}});
  refused({AnswerForm::values, 1, {{Kind::scale, {1}, {}}}, {}, {}});
  refused({AnswerForm::values, 0, {}, {}, {}});
  auto json = Head{AnswerForm::values, 1, {}, {}, {}}.to_json();
  json["form"] = "essay";
  EXPECT_THROW(Head::from_json(json), DataError);
  json.erase("form");
  EXPECT_THROW(Head::from_json(json), DataError);
}

}  // namespace
}  // namespace ringtrain
