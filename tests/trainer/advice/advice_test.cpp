#include "trainer/advice/advice.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ringtrain::advice {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
using Names = std::vector<std::string>;

void expect_said(const Sentence& sentence, const std::string& part) {
  ASSERT_TRUE(sentence.has_value()) << "nothing was said of: " << part;
  EXPECT_NE(sentence->find(part), std::string::npos) << *sentence;
}

void expect_silent(const Sentence& sentence) { EXPECT_FALSE(sentence.has_value()) << *sentence; }

MetricsReport report_of(Confusion confusion, std::vector<std::pair<std::string, double>> values = {}) {
  return {.values = std::move(values), .confusion = std::move(confusion)};
}

TEST(Advice, ALossThatStillFalls) {
  expect_said(still_falling({1, 0.8, 0.6, 0.4}), "from 0.6 to 0.4 in the last evaluation");
  expect_said(still_falling({8, 7, 6, 5, 4, 3, 2, 1}), "from 3 to 1 in the last 2 evaluations");
  expect_said(still_falling({-1, -2, -3, -4}), "still falling");
  expect_silent(still_falling({1, 0.8, 0.6}));
  expect_silent(still_falling({1, 0.5, 0.4, 0.41}));
  expect_silent(still_falling({1, 0.5, 0.4, 0.399}));
  expect_silent(still_falling({1, kNone, 0.4, 0.2}));
  expect_silent(still_falling({}));
}

TEST(Advice, AWarmUpThatIsTooLong) {
  expect_silent(warm_up_too_long(0, 0));
  expect_silent(warm_up_too_long(99, 100));
  expect_said(warm_up_too_long(100, 100), "with the last one");
  expect_said(warm_up_too_long(5000, 100), "warmup_steps is 5,000, but the run has 100 steps");
}

TEST(Advice, WhatTheRunIsTooShortFor) {
  expect_silent(frozen_throughout({{.match = {"a"}}, {.match = {"b"}, .freeze = true}}, 100));
  expect_silent(frozen_throughout({{.match = {"a"}, .freeze_until = 99}}, 100));
  expect_said(frozen_throughout({{.match = {"a"}}, {.match = {"b"}, .freeze_until = 100}}, 100),
              "groups[1].freeze_until is 100, but the run has 100 steps");
}

TEST(Advice, EarlyStoppingThatCannotFire) {
  expect_silent(early_stopping_cannot_fire(0, 1, 0));
  expect_silent(early_stopping_cannot_fire(9, 10, 50));
  expect_said(early_stopping_cannot_fire(10, 10, 50), "patience is 10, but the run has 10 evaluations");
  expect_said(early_stopping_cannot_fire(1, 1, 50), "1 evaluation:");
  expect_said(early_stopping_cannot_fire(1, 10, 0), "validation part is empty");
}

TEST(Advice, PartsOfFewRows) {
  expect_said(few_rows("validation", 0), "the validation part is empty: no checkpoint");
  expect_said(few_rows("test", 0, false), "the test part is empty: nothing says");
  expect_said(few_rows("test", 1), "has 1 row: its metrics say little");
  expect_said(few_rows("validation", 29), "chosen by chance");
  expect_silent(few_rows("test", 30));
  expect_silent(few_rows("test", 3, false));
}

TEST(Advice, MetricsThatAreUndefined) {
  const MetricsReport one_class =
      report_of({{7, 2}, {0, 0}}, {{"accuracy", 0.8}, {"roc_auc", kNone}, {"pr_auc", kNone}});
  expect_said(undefined_metrics("test", one_class, {"no", "yes"}),
              "roc_auc, pr_auc are undefined on the test part: its rows are all of one class, 'no'");
  expect_said(undefined_metrics("test", report_of({}, {{"mae", 1}, {"r2", kNone}}), {}),
              "r2 is undefined on the test part: it takes at least two rows");
  expect_silent(undefined_metrics("test", report_of({{1, 0}, {0, 1}}, {{"roc_auc", 1}}), {}));
  expect_silent(undefined_metrics("test", report_of({{0, 0}, {0, 0}}, {{"roc_auc", kNone}}), {}));
}

TEST(Advice, ClassesThatAPartLacks) {
  expect_said(absent_classes("test", report_of({{3, 0, 0}, {0, 0, 0}, {1, 0, 2}}), {"a", "b", "c"}),
              "1 of 3 classes have no row in the test part (b)");
  expect_silent(absent_classes("test", report_of({{3, 0}, {0, 0}}), {"a", "b"}));
  expect_silent(absent_classes("test", report_of({{3, 0, 0}, {0, 1, 0}, {1, 0, 2}}), {"a", "b", "c"}));
}

TEST(Advice, AClassifierThatAnswersTheMajority) {
  expect_said(
      no_better_than_majority("test", report_of({{9, 0}, {1, 0}}, {{"accuracy", 0.9}}), {"no", "yes"}),
      "accuracy on the test part is 0.9, not above the 0.9 of always answering 'no'");
  expect_silent(no_better_than_majority("test", report_of({{9, 0}, {0, 1}}, {{"accuracy", 1}}), {}));
  expect_silent(no_better_than_majority("test", report_of({{9, 0}, {0, 0}}, {{"accuracy", 1}}), {}));
  expect_silent(no_better_than_majority("test", report_of({}, {{"r2", 1}}), {}));
}

TEST(Advice, ARegressionThatIsWorseThanTheMean) {
  expect_said(worse_than_mean("test", report_of({}, {{"r2", -0.25}})),
              "r2 on the test part is -0.25, below 0");
  expect_silent(worse_than_mean("test", report_of({}, {{"r2", 0}})));
  expect_silent(worse_than_mean("test", report_of({}, {{"r2", kNone}})));
  expect_silent(worse_than_mean("test", report_of({}, {{"accuracy", 1}})));
}

TEST(Advice, ClassesThatLookLikeANumber) {
  Names prices, grades, names;
  for (int i = 0; i < 203; ++i) prices.push_back(std::to_string(i) + ".25");
  for (int i = 0; i < 100; ++i) grades.push_back(std::to_string(i));
  for (int i = 0; i < 100; ++i) names.push_back("kind " + std::to_string(i));
  expect_said(looks_like_regression("price", prices, 100'000),
              "data.target 'price' has 203 distinct decimals");
  expect_said(looks_like_regression("age", grades, 400), "100 distinct numbers in 400 training rows");
  expect_silent(looks_like_regression("digit", grades, 500));
  expect_silent(looks_like_regression("kind", names, 100));
  expect_silent(looks_like_regression("grade", {"1", "1.5", "2", "2.5"}, 10));
}

TEST(Advice, LabelsThatNothingCanBeLearnedOf) {
  expect_said(labels_of_none_or_all({"a", "b", "c"}, {0, 7, 100}, 100), "'a' in none, 'c' in all; leave");
  expect_silent(labels_of_none_or_all({"a", "b"}, {1, 99}, 100));
}

TEST(Advice, ManyWordsInPlacesOfTheirOwn) {
  std::vector<CategoricalColumn> columns{
      {.name = "city", .vocabulary = Names(1001, "x")},
      {.name = "color", .vocabulary = Names(1000, "x")},
      {.name = "shop", .vocabulary = Names(5000, "x"), .encoding = Encoding::embedding}};
  expect_said(many_one_hot(columns), "'city' (1,001)");
  expect_said(many_one_hot(columns), "data.features.encodings: {embedding: [city]}");
  columns.erase(columns.begin());
  expect_silent(many_one_hot(columns));
}

}  // namespace
}  // namespace ringtrain::advice
