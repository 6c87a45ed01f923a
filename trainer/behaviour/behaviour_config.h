#pragma once

#include <limits>
#include <string>
#include <vector>

#include "common/config.h"

namespace ringtrain {

/// An entry of `tests:`: what a model must do on rows of the data, whatever its metrics are. The kinds are
/// those of Ribeiro et al. 2020 ("Beyond Accuracy: Behavioral Testing of NLP Models with CheckList"): minimum
/// functionality (`slice`, `rows`), invariance, directional expectation.
struct BehaviourTest {
  std::string name;
  std::string type;  ///< slice | rows | invariant | direction; when empty, what its fields say

  config::Mapping slice;  ///< columns, each with the values, or one condition, that choose rows
  std::string metric;
  double at_least = -std::numeric_limits<double>::infinity();
  double at_most = std::numeric_limits<double>::infinity();

  config::Mapping change;  ///< columns, each with values of which one is put in place of another
  double tolerance = 1e-6;

  std::string raise, lower;  ///< a numeric column; one of them
  std::string by;            ///< "10%" or "5"
  std::string probability;   ///< not_lower | not_higher
  std::string of_class;      ///< whose probability; empty: the positive one

  std::string rows;    ///< a file
  std::string expect;  ///< the label, or the number, of all its rows
  double share = 1;    ///< of the rows that must do as they should

  void describe(config::Visitor& v);
};

/// A list of them as YAML, a document with the key `tests`; reads back as the same.
std::string to_yaml(const std::vector<BehaviourTest>& tests);
/// Throws ConfigError. `name`: of the text, for errors.
std::vector<BehaviourTest> tests_from_yaml(const std::string& text, const std::string& name);

/// The field `tests`.
void describe_tests(config::Visitor& v, std::vector<BehaviourTest>& tests);

}  // namespace ringtrain
