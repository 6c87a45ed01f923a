#include "trainer/behaviour/behaviour_config.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

std::string problem(const std::string& text) {
  try {
    tests_from_yaml(text, "t.yaml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(BehaviourTests, AreOfTheKindThatTheirFieldsSay) {
  const auto tests = tests_from_yaml(R"(tests:
  - {name: abroad, slice: {country: [DE, FR], amount: "> 100"}, metric: recall, at_least: 0.8}
  - {name: city, invariant: {change: {City: [A, B]}}, tolerance: 0.01}
  - {name: more, direction: {raise: Amount, by: 10%}, probability: not_lower}
  - {name: known, rows: frauds.csv, expect: fraud}
)",
                                     "t.yaml");
  ASSERT_EQ(tests.size(), 4U);
  EXPECT_EQ(tests[0].type, "slice");
  const config::Mapping slice{{"country", {"DE", "FR"}}, {"amount", {"> 100"}}};
  EXPECT_EQ(tests[0].slice, slice);
  EXPECT_EQ(tests[0].at_least, 0.8);
  EXPECT_EQ(tests[1].type, "invariant");
  EXPECT_EQ(tests[1].change, (config::Mapping{{"City", {"A", "B"}}}));
  EXPECT_EQ(tests[1].tolerance, 0.01);
  EXPECT_EQ(tests[2].type, "direction");
  EXPECT_EQ(tests[2].raise, "Amount");
  EXPECT_EQ(tests[2].by, "10%");
  EXPECT_EQ(tests[3].type, "rows");
  EXPECT_EQ(tests[3].expect, "fraud");
}

TEST(BehaviourTests, ReadBackAsTheyWereWritten) {
  const auto tests = tests_from_yaml(
      "tests:\n  - {name: 'a: b', slice: {\"x y\": ['1', 'null'], z: ''}, metric: f1, at_most: 0.5}\n"
      "  - {name: c, invariant: {change: {w: ['*', q]}}}\n",
      "t.yaml");
  const auto again = tests_from_yaml(to_yaml(tests), "again");
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].name, tests[0].name);
  EXPECT_EQ(again[0].slice, tests[0].slice);
  EXPECT_EQ(again[0].at_least, tests[0].at_least);
  EXPECT_EQ(again[0].at_most, 0.5);
  EXPECT_EQ(again[1].change, tests[1].change);
  EXPECT_EQ(to_yaml(again), to_yaml(tests));
}

TEST(BehaviourTests, WhatCannotFailOrPassIsRefused) {
  EXPECT_NE(problem("tests: [{name: a, slice: {x: 1}, metric: f1}]").find("the test cannot fail"),
            std::string::npos);
  EXPECT_NE(
      problem("tests: [{name: a, slice: {x: 1}, metric: f1, at_least: 1, at_most: 0}]").find("cannot pass"),
      std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, invariant: {change: {x: [1]}}}]").find("two different values"),
            std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, direction: {raise: x, by: -3%}, probability: not_lower}]")
                .find("positive number, or a percentage"),
            std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, direction: {raise: x, lower: y, by: 1}, probability: not_lower}]")
                .find("a column for raise, or for lower"),
            std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, rows: f.csv}]").find("expect: missing"), std::string::npos);
  EXPECT_NE(problem("tests: [{rows: f.csv, expect: x}]").find("name: missing"), std::string::npos);
  EXPECT_NE(problem("tests: [{name: a}]").find("expected one of: slice, rows, invariant, direction"),
            std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, rows: f.csv, expect: x}, {name: a, rows: g.csv, expect: x}]")
                .find("two tests have the name 'a'"),
            std::string::npos);
  EXPECT_NE(problem("tests: [{name: a, rows: f.csv, expect: x, metric: f1}]").find("goes with type: slice"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain
