#include "trainer/behaviour/behaviour_config.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "common/config_writer.h"
#include "common/scalars.h"
#include "common/yaml_reader.h"

namespace ringtrain {
namespace {

void describe_share(config::Visitor& v, double& share) {
  v.field("share", share, "Share of the rows that must do so.", config::fraction());
}

void describe_slice(config::Visitor& v, BehaviourTest& test) {
  v.mapping("slice", test.slice,
            "Which rows: columns of the model, each with a value, a list of values, or of a number a "
            "condition such as `\"> 100\"`, `\"<= 3\"`, `\"1..5\"` (both ends belong to it).");
  v.field("metric", test.metric, "What is measured on them: a metric of the task.");
  v.field("at_least", test.at_least, "It must not be lower.");
  v.field("at_most", test.at_most, "It must not be higher.");
  v.require("metric", !test.metric.empty(), "missing: name a metric of the task");
  v.require("at_least", std::isfinite(test.at_least) || std::isfinite(test.at_most),
            "neither at_least nor at_most is given, so that the test cannot fail");
  v.require("at_least", !(test.at_least > test.at_most), "is above at_most, so that the test cannot pass");
}

void describe_invariant(config::Visitor& v, BehaviourTest& test) {
  v.section("invariant", "What must not matter.", [&test](config::Visitor& inner) {
    inner.mapping("change", test.change,
                  "Columns, each with at least two values: a row that has one of them is answered with each "
                  "of the others too. `*` stands for every value that a row has.");
    inner.require("change", !test.change.empty(), "missing: name a column and its values");
    for (const auto& [column, values] : test.change)
      inner.require("change", std::set(values.begin(), values.end()).size() >= 2,
                    fmt::format("{}: expected at least two different values", column));
  });
  v.field("tolerance", test.tolerance, "How much a probability (of a number, the answer) may change by it.",
          config::non_negative());
  describe_share(v, test.share);
}

bool is_step(const std::string& by) {
  double number = 0;
  const bool percent = !by.empty() && by.back() == '%';
  return config::parse_number(percent ? by.substr(0, by.size() - 1) : by, number) && std::isfinite(number) &&
         number > 0;
}

void describe_direction(config::Visitor& v, BehaviourTest& test) {
  v.section("direction", "What a number is changed by.", [&test](config::Visitor& inner) {
    inner.field("raise", test.raise, "The numeric column that is raised.");
    inner.field("lower", test.lower, "The numeric column that is lowered, in place of `raise`.");
    inner.field("by", test.by, "A number, or a share of the row's own value: 10%.");
    inner.require("raise", test.raise.empty() != test.lower.empty(),
                  "expected a column for raise, or for lower");
    inner.require("by", is_step(test.by), "expected a positive number, or a percentage such as 10%");
  });
  v.field("probability", test.probability,
          "What must come of it, of the probability, or of the answer where it is a number.",
          {"not_lower", "not_higher"});
  v.field("class", test.of_class, "The class whose probability it is. Empty: the positive one of two.");
  v.field("tolerance", test.tolerance, "A change against it that is let pass.", config::non_negative());
  describe_share(v, test.share);
  v.require("probability", !test.probability.empty(), "missing; expected one of: not_lower, not_higher");
}

void describe_rows(config::Visitor& v, BehaviourTest& test) {
  v.field("rows", test.rows, "A file of rows with the model's columns: CSV, Parquet, JSON lines.");
  v.field("expect", test.expect, "The label that all of them must be given; of a regression a number.");
  v.field("tolerance", test.tolerance, "How far a number may be from it.", config::non_negative());
  describe_share(v, test.share);
  v.require("expect", !test.expect.empty(), "missing: which label do these rows have?");
}

}  // namespace

void BehaviourTest::describe(config::Visitor& v) {
  for (const char* kind : {"slice", "rows", "invariant", "direction"})
    if (type.empty() && v.has(kind)) type = kind;
  v.field("name", name, "What it is called where it fails.");
  v.require("name", !name.empty(), "missing: tests are told apart by their names");
  v.variants("type", type, "Which kind of test it is; may be left out beside the field of that name.",
             {{"slice", "A metric on some of the rows.",
               [this](config::Visitor& inner) { describe_slice(inner, *this); }},
              {"rows", "Rows of a file whose answer is known.",
               [this](config::Visitor& inner) { describe_rows(inner, *this); }},
              {"invariant", "A change that must not matter.",
               [this](config::Visitor& inner) { describe_invariant(inner, *this); }},
              {"direction", "A change that must move the answer one way alone.",
               [this](config::Visitor& inner) { describe_direction(inner, *this); }}});
}

void describe_tests(config::Visitor& v, std::vector<BehaviourTest>& tests) {
  v.sections("tests",
             "What the model must do, whatever its metrics are (docs/checking.md): run on the test part when "
             "it is exported, by `evaluate`, and before `retrain` promotes a version.",
             tests);
  std::set<std::string> names;
  for (const auto& test : tests)
    v.require("tests", test.name.empty() || names.insert(test.name).second,
              fmt::format("two tests have the name '{}'", test.name));
}

std::string to_yaml(const std::vector<BehaviourTest>& tests) {
  auto copy = tests;
  return config::to_yaml([&copy](config::Visitor& v) { describe_tests(v, copy); });
}

std::vector<BehaviourTest> tests_from_yaml(const std::string& text, const std::string& name) {
  std::vector<BehaviourTest> tests;
  config::YamlDocument::from_text(text, name).read([&tests](config::Visitor& v) {
    describe_tests(v, tests);
  });
  return tests;
}

}  // namespace ringtrain
