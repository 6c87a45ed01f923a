#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/commands/labelled_rows.h"
#include "serving/predict/predictor.h"
#include "trainer/behaviour/behaviour_config.h"

namespace ringtrain {

struct ModelAnswers;

/// What came of one test.
struct BehaviourResult {
  std::string name, type;
  enum class State { passed, failed, not_run } state = State::not_run;
  std::int64_t rows = 0;         ///< that it looked at
  std::string found{}, asked{};  ///< "recall 0.7143", "at least 0.8"; of not_run the reason, ""
  std::string example{};         ///< of a failure: a row, and what the model answers to it; "" for none
};
using BehaviourResults = std::vector<BehaviourResult>;

/// Throws ConfigError, with all problems, for tests that do not fit the model: columns, values, classes,
/// metrics that it does not have, files that are not there.
void require_fitting_tests(const std::vector<BehaviourTest>& tests, const Manifest& manifest,
                           const TaskKind& task);

/// Runs tests on an exported model. `rows`: labelled ones, for all tests but those with rows of their own.
/// `answers`: the model's to them, where they are known. Without any row that a test is about it is not_run,
/// which is no failure; so is one whose file is not there. Throws as require_fitting_tests, also for rows of
/// a file that cannot be answered.
BehaviourResults run_behaviour_tests(const std::vector<BehaviourTest>& tests, const Predictor& predictor,
                                     const LabelledRows& rows, const Catalogue& catalogue,
                                     const ModelAnswers* answers = nullptr);

bool all_passed(const BehaviourResults& results);
/// "the test 'cents'", "the tests 'cents', 'Paris'".
std::string failed_tests(const BehaviourResults& results);

/// For the terminal: a line a test, and more of those that failed. Ends with a newline; "" without tests.
std::string behaviour_table(const BehaviourResults& results);
/// [{"name", "type", "state": "passed" | "failed" | "not run", "rows", "found", "asked", "example"}].
nlohmann::ordered_json to_json(const BehaviourResults& results);
/// Of what a manifest keeps. Throws nlohmann's exceptions for what is none.
BehaviourResults results_from_json(const nlohmann::json& list);

}  // namespace ringtrain
