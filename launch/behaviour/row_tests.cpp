#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "common/errors.h"
#include "common/scalars.h"
#include "common/text.h"
#include "launch/behaviour/tested_model.h"
#include "serving/batch/row_source.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t> chosen_rows(TestedModel& model, const ModelColumns::Condition& condition) {
  std::vector<std::int64_t> found;
  for (std::int64_t row = 0; row < model.count(); ++row)
    if (condition(model.rows(), row)) found.push_back(row);
  return found;
}

}  // namespace

void run_slice_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result) {
  result.asked = std::isfinite(test.at_least) && std::isfinite(test.at_most)
                     ? fmt::format("from {} to {}", test.at_least, test.at_most)
                 : std::isfinite(test.at_least) ? fmt::format("at least {}", test.at_least)
                                                : fmt::format("at most {}", test.at_most);
  const auto names = metric_names(model.task);
  std::vector<std::string> problems;
  if (std::find(names.begin(), names.end(), test.metric) == names.end())
    problems.push_back(fmt::format("metric: {} is none of the task {}; it has: {}.{}", test.metric,
                                   model.manifest.task, join(names), did_you_mean(test.metric, names)));
  ModelColumns::Condition condition;
  try {
    condition = model.columns.all_of(test.slice);
  } catch (const ConfigError& problem) {
    problems.push_back(fmt::format("slice: {}", problem.what()));
  }
  if (!problems.empty()) throw ConfigError(join(problems, "; "));
  const auto picks = chosen_rows(model, condition);
  result.rows = static_cast<std::int64_t>(picks.size());
  if (picks.empty()) {
    result.found = "no row is of this slice";
    return;
  }
  const double value = judge_answers(model.answers(), model.manifest, picks).get(test.metric);
  if (std::isnan(value)) {
    result.found = fmt::format("{} is not defined on its rows", test.metric);
    return;
  }
  result.found = fmt::format("{} {:.4f} of {} rows", test.metric, value, with_commas(result.rows));
  result.state = value >= test.at_least && value <= test.at_most ? BehaviourResult::State::passed
                                                                 : BehaviourResult::State::failed;
}

void run_rows_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result) {
  const auto& head = model.manifest.head;
  const bool values = head.form == AnswerForm::values;
  double number = 0;
  std::int64_t label = 0;
  if (values && (!config::parse_number(test.expect, number) || head.width() != 1))
    throw ConfigError(fmt::format("expect: {} is no number; the model answers with {}", test.expect,
                                  head.width() == 1 ? "one" : "several, of which none can be expected"));
  if (!values) label = model.class_index(test.expect);
  result.asked = values ? fmt::format("{} ± {}", test.expect, test.tolerance) : "'" + test.expect + "'";
  const Location place(test.rows);
  if (!place.is_remote() && !std::filesystem::exists(place.local())) {
    result.found = fmt::format(
        "rows: {} is not there; a relative path starts at the folder that the command is run in", test.rows);
    // A model may be judged far from where it was trained.
    if (!model.is_asked()) throw ConfigError(result.found);
    return;
  }
  const auto source =
      open_row_files(find_row_files({place}, nullptr), model.manifest.preprocessing, RowOptions{});
  if (!model.is_asked()) return;
  std::int64_t right = 0;
  RowBatch batch;
  while (source->next(batch, kTestedAtOnce)) {
    for (std::size_t row = 0; row < batch.size(); ++row)
      if (!batch.errors[row].empty()) throw DataError(fmt::format("{}: {}", test.rows, batch.errors[row]));
    const auto answered = model.predictor().predict(batch.rows);
    for (std::int64_t row = 0; row < batch.rows.size(); ++row) {
      const bool good =
          values ? std::abs(answered.predictions.reshape({-1})[row].item<double>() - number) <= test.tolerance
          : head.form == AnswerForm::labels ? answered.labels[row][label].item<int64_t>() == 1
                                            : answered.classes[row].item<int64_t>() == label;
      right += good;
      ++result.rows;
      if (!good && result.example.empty())
        result.example = fmt::format(
            "{} of {}: {}", batch.place(static_cast<std::size_t>(row)), test.rows,
            values ? fmt::format("{:.6g}", answered.predictions.reshape({-1})[row].item<double>())
            : head.form == AnswerForm::labels
                ? fmt::format("probability {:.4f}", answered.probabilities[row][label].item<double>())
                : "'" + label_of(model.manifest, answered.classes[row].item<int64_t>()) + "'");
    }
  }
  conclude(test, result, result.rows - right, fmt::format("{} of {} rows", right, result.rows));
}

}  // namespace ringtrain
