#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"
#include "common/scalars.h"
#include "common/text.h"
#include "launch/behaviour/tested_model.h"

namespace ringtrain {
namespace {

/// Rows that are changed and asked again; more are thinned out evenly.
constexpr std::size_t kMostChanged = 20'000;

/// A changed row beside the one that it was made of.
struct Change {
  std::int64_t row;  ///< of the labelled rows
  std::string text;  ///< what was changed: "City 'B'"
};

std::string numbers_of_row(const at::Tensor& row) {
  std::vector<std::string> texts;
  const auto shown = row.numel() == 2 ? row.slice(0, 1) : row;  // of two classes the positive one's
  for (std::int64_t i = 0; i < std::min<std::int64_t>(shown.numel(), 4); ++i)
    texts.push_back(fmt::format("{:.4g}", shown[i].item<double>()));
  return join(texts);
}

/// `changed[i]` is made of the row `changes[i]`; `measure` of answers before and after: by how much each is
/// against the test, [n].
template <class Measure>
void compare(TestedModel& model, const BehaviourTest& test, BehaviourResult& result,
             const Predictor::Rows& changed, const std::vector<Change>& changes, const Measure& measure) {
  result.rows = static_cast<std::int64_t>(changes.size());
  if (changes.empty()) return conclude(test, result, 0, "");
  std::vector<std::int64_t> origins;
  for (const auto& change : changes) origins.push_back(change.row);
  const auto before = model.scores(ModelColumns::pick(model.rows(), origins)), after = model.scores(changed);
  const at::Tensor distances = measure(before, after);
  const auto against = distances.le(test.tolerance).logical_not().sum().template item<std::int64_t>();
  const auto worst = distances.argmax().template item<std::int64_t>();
  result.example =
      fmt::format("{}: {} becomes {} with {}", model.place(changes[static_cast<std::size_t>(worst)].row),
                  numbers_of_row(before[worst]), numbers_of_row(after[worst]),
                  changes[static_cast<std::size_t>(worst)].text);
  conclude(test, result, against,
           fmt::format("{} of {} changed rows are off; the most is {:.4g}", against, result.rows,
                       std::max(0.0, distances[worst].template item<double>())));
}

void thin(std::vector<std::pair<std::int64_t, std::string>>& picks) {
  if (picks.size() <= kMostChanged) return;
  std::vector<std::pair<std::int64_t, std::string>> some;
  for (std::size_t i = 0; i < kMostChanged; ++i) some.push_back(picks[i * picks.size() / kMostChanged]);
  picks = std::move(some);
}

/// Which column of the scores a direction is about.
std::int64_t asked_score(const TestedModel& model, const BehaviourTest& test) {
  if (!test.of_class.empty()) return model.class_index(test.of_class);
  const auto& head = model.manifest.head;
  if (head.is_binary()) return 1;
  if (head.form == AnswerForm::values && head.width() == 1) return 0;
  throw ConfigError("class: missing; name the class, label or value that is meant");
}

}  // namespace

void run_invariant_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result) {
  result.asked = fmt::format("a change of at most {:g}", test.tolerance);
  std::vector<Predictor::Rows> changed;
  std::vector<Change> changes;
  std::vector<std::string> problems;
  for (const auto& [name, values] : test.change) {
    try {
      const auto column = model.columns.column(name);
      const bool any = std::find(values.begin(), values.end(), "*") != values.end();
      std::vector<std::string> given;
      for (const auto& value : values)
        if (value != "*") given.push_back(value);
      const auto concerned = model.columns.any_of(column, given);
      std::vector<std::pair<std::int64_t, std::string>> picks;
      for (const auto& value : given) {
        model.columns.require_taken(column, value);
        const auto has_it = model.columns.any_of(column, {value});
        for (std::int64_t row = 0; row < model.count(); ++row)
          if ((any || concerned(model.rows(), row)) && !has_it(model.rows(), row))
            picks.emplace_back(row, value);
      }
      if (picks.empty()) continue;
      thin(picks);
      std::vector<std::int64_t> origins;
      for (const auto& pick : picks) origins.push_back(pick.first);
      auto copies = ModelColumns::pick(model.rows(), origins);
      for (std::size_t i = 0; i < picks.size(); ++i) {
        model.columns.set(copies, column, static_cast<std::int64_t>(i), picks[i].second);
        changes.push_back({picks[i].first, fmt::format("{} '{}'", name, picks[i].second)});
      }
      changed.push_back(std::move(copies));
    } catch (const ConfigError& problem) {
      problems.push_back(fmt::format("invariant.change: {}", problem.what()));
    }
  }
  if (!problems.empty()) throw ConfigError(join(problems, "; "));
  compare(model, test, result, ModelColumns::joined(changed), changes,
          [](const at::Tensor& before, const at::Tensor& after) { return (after - before).abs().amax(1); });
}

void run_direction_test(TestedModel& model, const BehaviourTest& test, BehaviourResult& result) {
  const bool up = test.lower.empty();
  const auto column = model.columns.numeric_column(up ? test.raise : test.lower);
  const auto score = asked_score(model, test);
  const bool percent = test.by.back() == '%';
  double by = 0;
  config::parse_number(percent ? test.by.substr(0, test.by.size() - 1) : test.by, by);
  const bool not_lower = test.probability == "not_lower";
  result.asked = not_lower ? "not lower" : "not higher";
  std::vector<std::pair<std::int64_t, std::string>> picks;
  const auto next = [&](double value) {
    const double step = percent ? std::abs(value) * by / 100 : by;
    return up ? value + step : value - step;
  };
  for (std::int64_t row = 0; row < model.count(); ++row) {
    const double value = model.columns.number(model.rows(), column, row);
    if (!std::isnan(value) && next(value) != value) picks.emplace_back(row, "");
  }
  if (picks.empty()) return conclude(test, result, 0, "");
  thin(picks);
  std::vector<std::int64_t> origins;
  std::vector<Change> changes;
  for (const auto& pick : picks) origins.push_back(pick.first);
  auto changed = ModelColumns::pick(model.rows(), origins);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const double value = next(model.columns.number(model.rows(), column, picks[i].first));
    model.columns.set_number(changed, column, static_cast<std::int64_t>(i), value);
    changes.push_back({picks[i].first, fmt::format("{} {:.6g}", column.name, value)});
  }
  compare(model, test, result, std::move(changed), changes,
          [&](const at::Tensor& before, const at::Tensor& after) {
            const auto rise = (after - before).select(1, score);
            return not_lower ? -rise : rise;
          });
}

}  // namespace ringtrain
