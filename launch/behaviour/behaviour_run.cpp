#include "launch/behaviour/behaviour_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/errors.h"
#include "common/text.h"
#include "launch/behaviour/tested_model.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;
using State = BehaviourResult::State;

BehaviourResult run(TestedModel& model, const BehaviourTest& test) {
  static const std::map<std::string, decltype(&run_slice_test)> runs{{"slice", run_slice_test},
                                                                     {"rows", run_rows_test},
                                                                     {"invariant", run_invariant_test},
                                                                     {"direction", run_direction_test}};
  BehaviourResult result{.name = test.name, .type = test.type};
  runs.at(test.type)(model, test, result);
  return result;
}

void require_columns(const Manifest& manifest) {
  if (manifest.preprocessing.tokens || manifest.preprocessing.signature)
    throw ConfigError(fmt::format("tests: they are for models that read the columns of a table; {} reads {}",
                                  manifest.name, manifest.preprocessing.tokens ? "tokens" : "named tensors"));
}

const char* word_of(State state) {
  return state == State::passed ? "passed" : state == State::failed ? "FAILED" : "not run";
}

}  // namespace

static BehaviourResults run_all(const std::vector<BehaviourTest>& tests, const Manifest& manifest,
                                const TaskKind& task, const TestedModel::Asked* asked) {
  BehaviourResults results;
  if (tests.empty()) return results;
  require_columns(manifest);
  TestedModel model(manifest, task, asked);
  std::vector<std::string> problems;
  for (const auto& test : tests) {
    try {
      results.push_back(run(model, test));
    } catch (const Error& problem) {
      problems.push_back(fmt::format("tests: '{}': {}", test.name, problem.what()));
    }
  }
  if (!problems.empty()) throw ConfigError(join(problems, "\n"));
  return results;
}

void require_fitting_tests(const std::vector<BehaviourTest>& tests, const Manifest& manifest,
                           const TaskKind& task) {
  run_all(tests, manifest, task, nullptr);
}

BehaviourResults run_behaviour_tests(const std::vector<BehaviourTest>& tests, const Predictor& predictor,
                                     const LabelledRows& rows, const Catalogue& catalogue,
                                     const ModelAnswers* answers) {
  const auto task = task_of(predictor.manifest(), catalogue);
  const TestedModel::Asked asked{predictor, rows, catalogue, answers};
  return run_all(tests, predictor.manifest(), task.kind(), &asked);
}

bool all_passed(const BehaviourResults& results) {
  return std::none_of(results.begin(), results.end(),
                      [](const auto& result) { return result.state == State::failed; });
}

std::string failed_tests(const BehaviourResults& results) {
  std::vector<std::string> names;
  for (const auto& result : results)
    if (result.state == State::failed) names.push_back("'" + result.name + "'");
  return fmt::format("the {} {}", names.size() == 1 ? "test" : "tests", join(names));
}

std::string behaviour_table(const BehaviourResults& results) {
  std::size_t width = 0;
  for (const auto& result : results) width = std::max(width, result.name.size());
  std::string text;
  for (const auto& result : results) {
    constexpr std::size_t kWidth = 100;
    const auto line =
        fmt::format("  {:<8} {:<{}}  {}", word_of(result.state), result.name, width, result.found);
    const auto next = "\n" + std::string(width + 13, ' ');
    const auto asked = "asked " + result.asked;
    text += line + (line.size() + asked.size() + 2 > kWidth ? next : ", ") + asked;
    if (!result.example.empty()) text += next + result.example;
    text += '\n';
  }
  return text;
}

ordered_json to_json(const BehaviourResults& results) {
  auto list = ordered_json::array();
  for (const auto& result : results)
    list.push_back({{"name", result.name},
                    {"type", result.type},
                    {"state", result.state == State::failed ? "failed" : word_of(result.state)},
                    {"rows", result.rows},
                    {"found", result.found},
                    {"asked", result.asked},
                    {"example", result.example}});
  return list;
}

BehaviourResults results_from_json(const nlohmann::json& list) {
  BehaviourResults results;
  for (const auto& one : list) {
    auto& result = results.emplace_back(BehaviourResult{.name = one.at("name"), .type = one.at("type")});
    const auto state = one.at("state").get<std::string>();
    result.state = state == "passed" ? State::passed : state == "failed" ? State::failed : State::not_run;
    result.rows = one.at("rows").get<std::int64_t>();
    result.found = one.at("found").get<std::string>();
    result.asked = one.at("asked").get<std::string>();
    result.example = one.at("example").get<std::string>();
  }
  return results;
}

}  // namespace ringtrain
