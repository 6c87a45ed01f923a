#include "launch/behaviour/behaviour_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "common/errors.h"
#include "common/scalars.h"
#include "common/text.h"
#include "launch/behaviour/row_columns.h"
#include "launch/commands/model_evaluation.h"
#include "serving/batch/row_source.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;
using State = BehaviourResult::State;
using Rows = Predictor::Rows;

constexpr std::int64_t kRowsAtOnce = 4096;
/// Rows that are changed and asked again; more are thinned out evenly.
constexpr std::size_t kMostChanged = 20'000;

/// A changed row beside the one that it was made of.
struct Change {
  std::int64_t row;  ///< of the labelled rows
  std::string text;  ///< what was changed: "City 'B'"
};

/// A model and the labelled rows that it is tested on.
struct Asked {
  const Predictor& predictor;
  const LabelledRows& rows;
  const Catalogue& catalogue;
};

class Tester {
 public:
  /// `asked`: null, then a test is only looked at, and ends as not_run.
  Tester(const Manifest& manifest, const TaskKind& task, const Asked* asked)
      : asked_(asked), manifest_(manifest), task_(task), columns_(manifest_.preprocessing) {}

  BehaviourResult run(const BehaviourTest& test) {
    BehaviourResult result{.name = test.name, .type = test.type};
    if (test.type == "slice")
      slice(test, result);
    else if (test.type == "rows")
      known_rows(test, result);
    else if (test.type == "invariant")
      invariant(test, result);
    else
      direction(test, result);
    return result;
  }

 private:
  std::int64_t count() const { return asked_ ? asked_->rows.size() : 0; }

  // What is read and asked once, when a test needs it first.
  const ModelAnswers& answers() {
    if (!answers_) answers_ = answer_rows(asked_->predictor, asked_->rows, asked_->catalogue);
    return *answers_;
  }
  const Rows& rows() {
    if (!rows_) {
      rows_.emplace();
      for (std::int64_t done = 0; done < count();) {
        auto piece = asked_->rows.read(done, kRowsAtOnce);
        done += static_cast<std::int64_t>(piece.places.size());
        RowColumns::append(*rows_, piece.rows);
        places_.insert(places_.end(), piece.places.begin(), piece.places.end());
      }
    }
    return *rows_;
  }
  std::string place(std::int64_t row) const {
    return fmt::format("row {}", places_[static_cast<std::size_t>(row)] + 1);
  }

  /// [n, width]: probabilities or values.
  at::Tensor scores(const Rows& asked) const {
    std::vector<at::Tensor> parts;
    for (std::int64_t begin = 0; begin < asked.size(); begin += kRowsAtOnce) {
      std::vector<std::int64_t> picks;
      for (std::int64_t row = begin; row < std::min(asked.size(), begin + kRowsAtOnce); ++row)
        picks.push_back(row);
      const auto answered = asked_->predictor.predict(RowColumns::pick(asked, picks));
      parts.push_back((answered.probabilities.defined() ? answered.probabilities : answered.predictions)
                          .to(at::kDouble)
                          .reshape({static_cast<std::int64_t>(picks.size()), -1}));
    }
    return at::cat(parts);
  }

  std::vector<std::int64_t> chosen(const RowColumns::Condition& condition) {
    std::vector<std::int64_t> found;
    for (std::int64_t row = 0; row < count(); ++row)
      if (condition(rows(), row)) found.push_back(row);
    return found;
  }

  void slice(const BehaviourTest& test, BehaviourResult& result) {
    result.asked = std::isfinite(test.at_least) && std::isfinite(test.at_most)
                       ? fmt::format("from {} to {}", test.at_least, test.at_most)
                   : std::isfinite(test.at_least) ? fmt::format("at least {}", test.at_least)
                                                  : fmt::format("at most {}", test.at_most);
    const auto names = metric_names(task_);
    std::vector<std::string> problems;
    if (std::find(names.begin(), names.end(), test.metric) == names.end())
      problems.push_back(fmt::format("metric: {} is none of the task {}; it has: {}.{}", test.metric,
                                     manifest_.task, join(names), did_you_mean(test.metric, names)));
    RowColumns::Condition condition;
    try {
      condition = columns_.all_of(test.slice);
    } catch (const ConfigError& problem) {
      problems.push_back(fmt::format("slice: {}", problem.what()));
    }
    if (!problems.empty()) throw ConfigError(join(problems, "; "));
    const auto picks = chosen(condition);
    result.rows = static_cast<std::int64_t>(picks.size());
    if (picks.empty()) {
      result.found = "no row is of this slice";
      return;
    }
    const double value = judge_answers(answers(), manifest_, picks).get(test.metric);
    if (std::isnan(value)) {
      result.found = fmt::format("{} is not defined on its rows", test.metric);
      return;
    }
    result.found = fmt::format("{} {:.4f}", test.metric, value);
    result.state = value >= test.at_least && value <= test.at_most ? State::passed : State::failed;
  }

  /// The index of a class, a label, or a named value. Throws ConfigError.
  std::int64_t class_index(const std::string& name) const {
    const auto& head = manifest_.head;
    const auto& labels = head.form == AnswerForm::values ? head.names : manifest_.preprocessing.labels;
    const auto found = std::find(labels.begin(), labels.end(), name);
    if (found != labels.end()) return found - labels.begin();
    throw ConfigError(fmt::format("'{}' is none of the model's {}: {}.{}", name,
                                  head.form == AnswerForm::values ? "values" : "classes", join(labels),
                                  did_you_mean(name, labels)));
  }

  void known_rows(const BehaviourTest& test, BehaviourResult& result) {
    const auto& head = manifest_.head;
    const bool values = head.form == AnswerForm::values;
    double number = 0;
    std::int64_t label = 0;
    if (values && (!config::parse_number(test.expect, number) || head.width() != 1))
      throw ConfigError(fmt::format("expect: {} is no number; the model answers with {}", test.expect,
                                    head.width() == 1 ? "one" : "several, of which none can be expected"));
    if (!values) label = class_index(test.expect);
    result.asked = values ? fmt::format("{} ± {}", test.expect, test.tolerance) : "'" + test.expect + "'";
    const auto files = find_row_files({Location(test.rows)}, nullptr);
    if (!asked_) return;
    const auto source = open_row_files(files, manifest_.preprocessing, RowOptions{});
    std::int64_t right = 0;
    RowBatch batch;
    while (source->next(batch, kRowsAtOnce)) {
      for (std::size_t row = 0; row < batch.size(); ++row)
        if (!batch.errors[row].empty()) throw DataError(fmt::format("{}: {}", test.rows, batch.errors[row]));
      const auto answered = asked_->predictor.predict(batch.rows);
      for (std::int64_t row = 0; row < batch.rows.size(); ++row) {
        const bool good = values ? std::abs(answered.predictions.reshape({-1})[row].item<double>() - number) <=
                                       test.tolerance
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
                  : "'" + label_of(manifest_, answered.classes[row].item<int64_t>()) + "'");
      }
    }
    conclude(test, result, result.rows - right, fmt::format("{} of {} rows", right, result.rows));
  }

  /// By how many rows do not do as they should.
  static void conclude(const BehaviourTest& test, BehaviourResult& result, std::int64_t against,
                       const std::string& found) {
    if (result.rows == 0) {
      result.found = "no row is like that";
      return;
    }
    const auto all = static_cast<double>(result.rows);
    result.found = found;
    result.state = static_cast<double>(result.rows - against) >= test.share * all - 1e-9 ? State::passed
                                                                                        : State::failed;
    if (test.share < 1) result.asked += fmt::format(" on {:g}% of the rows", 100 * test.share);
    if (result.state == State::passed) result.example.clear();
  }

  /// Of changed rows: how far each is from its origin, in [rows]; positive where `measure` says up.
  template <class Measure>
  void compare(const BehaviourTest& test, BehaviourResult& result, Rows changed,
               const std::vector<Change>& changes, const Measure& measure) {
    result.rows = static_cast<std::int64_t>(changes.size());
    if (changes.empty()) return conclude(test, result, 0, "");
    std::vector<std::int64_t> origins;
    for (const auto& change : changes) origins.push_back(change.row);
    const auto before = scores(RowColumns::pick(rows(), origins)), after = scores(changed);
    const at::Tensor distances = measure(before, after);  // [n], how much it is against the test
    const auto against = distances.gt(test.tolerance).sum().template item<std::int64_t>();
    const auto worst = distances.argmax().template item<std::int64_t>();
    result.example = fmt::format(
        "{}: {} becomes {} with {}", place(changes[static_cast<std::size_t>(worst)].row),
        numbers_of_row(before[worst]), numbers_of_row(after[worst]),
        changes[static_cast<std::size_t>(worst)].text);
    conclude(test, result, against,
             fmt::format("{} of {} changed rows are off, by {:.4g} at most", against, result.rows,
                         std::max(0.0, distances[worst].template item<double>())));
  }
  static std::string numbers_of_row(const at::Tensor& row) {
    std::vector<std::string> texts;
    const auto shown = row.numel() == 2 ? row.slice(0, 1) : row;  // of two classes the positive one's
    for (std::int64_t i = 0; i < std::min<std::int64_t>(shown.numel(), 4); ++i)
      texts.push_back(fmt::format("{:.4g}", shown[i].item<double>()));
    return join(texts);
  }

  static void thin(std::vector<std::pair<std::int64_t, std::string>>& picks) {
    if (picks.size() <= kMostChanged) return;
    std::vector<std::pair<std::int64_t, std::string>> some;
    for (std::size_t i = 0; i < kMostChanged; ++i) some.push_back(picks[i * picks.size() / kMostChanged]);
    picks = std::move(some);
  }

  void invariant(const BehaviourTest& test, BehaviourResult& result) {
    result.asked = fmt::format("a change of at most {:g}", test.tolerance);
    Rows changed;
    std::vector<Change> changes;
    std::vector<std::string> problems;
    for (const auto& [name, values] : test.change) {
      try {
        const auto column = columns_.column(name);
        const bool any = std::find(values.begin(), values.end(), "*") != values.end();
        std::vector<std::string> given;
        for (const auto& value : values)
          if (value != "*") given.push_back(value);
        const auto concerned = columns_.any_of(column, given);
        std::vector<std::pair<std::int64_t, std::string>> picks;
        for (const auto& value : given) {
          const auto has_it = columns_.any_of(column, {value});
          for (std::int64_t row = 0; row < count(); ++row)
            if ((any || concerned(rows(), row)) && !has_it(rows(), row)) picks.emplace_back(row, value);
        }
        if (picks.empty()) continue;
        thin(picks);
        std::vector<std::int64_t> origins;
        for (const auto& pick : picks) origins.push_back(pick.first);
        auto copies = RowColumns::pick(rows(), origins);
        for (std::size_t i = 0; i < picks.size(); ++i) {
          columns_.set(copies, column, static_cast<std::int64_t>(i), picks[i].second);
          changes.push_back({picks[i].first, fmt::format("{} '{}'", name, picks[i].second)});
        }
        RowColumns::append(changed, copies);
      } catch (const ConfigError& problem) {
        problems.push_back(fmt::format("invariant.change: {}", problem.what()));
      }
    }
    if (!problems.empty()) throw ConfigError(join(problems, "; "));
    compare(test, result, std::move(changed), changes, [](const at::Tensor& before, const at::Tensor& after) {
      return (after - before).abs().amax(1);
    });
  }

  /// Which column of the scores a direction is about.
  std::int64_t asked_score(const BehaviourTest& test) const {
    if (!test.of_class.empty()) return class_index(test.of_class);
    const auto& head = manifest_.head;
    if (head.is_binary()) return 1;
    if (head.form == AnswerForm::values && head.width() == 1) return 0;
    throw ConfigError("class: missing; name the class, label or value that is meant");
  }

  void direction(const BehaviourTest& test, BehaviourResult& result) {
    const bool up = test.lower.empty();
    const auto column = columns_.numeric_column(up ? test.raise : test.lower);
    const auto score = asked_score(test);
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
    for (std::int64_t row = 0; row < count(); ++row) {
      const double value = columns_.number(rows(), column, row);
      if (!std::isnan(value) && next(value) != value) picks.emplace_back(row, "");
    }
    if (picks.empty()) return conclude(test, result, 0, "");
    thin(picks);
    std::vector<std::int64_t> origins;
    std::vector<Change> changes;
    for (const auto& pick : picks) origins.push_back(pick.first);
    auto changed = RowColumns::pick(rows(), origins);
    for (std::size_t i = 0; i < picks.size(); ++i) {
      const double value = next(columns_.number(rows(), column, picks[i].first));
      columns_.set_number(changed, column, static_cast<std::int64_t>(i), value);
      changes.push_back({picks[i].first, fmt::format("{} {:.6g}", column.name, value)});
    }
    compare(test, result, std::move(changed), changes, [&](const at::Tensor& before, const at::Tensor& after) {
      const auto rise = (after - before).select(1, score);
      return not_lower ? -rise : rise;
    });
  }

  const Asked* asked_;
  const Manifest& manifest_;
  const TaskKind& task_;
  RowColumns columns_;
  std::optional<ModelAnswers> answers_;
  std::optional<Rows> rows_;
  std::vector<std::int64_t> places_;
};

void require_columns(const Manifest& manifest) {
  if (manifest.preprocessing.tokens || manifest.preprocessing.signature)
    throw ConfigError(fmt::format(
        "tests: they are for models that read the columns of a table; {} reads {}", manifest.name,
        manifest.preprocessing.tokens ? "tokens" : "named tensors"));
}

const char* word_of(State state) {
  return state == State::passed ? "passed" : state == State::failed ? "FAILED" : "not run";
}

}  // namespace

static BehaviourResults run_all(const std::vector<BehaviourTest>& tests, const Manifest& manifest,
                                const TaskKind& task, const Asked* asked) {
  BehaviourResults results;
  if (tests.empty()) return results;
  require_columns(manifest);
  Tester tester(manifest, task, asked);
  std::vector<std::string> problems;
  for (const auto& test : tests) {
    try {
      results.push_back(tester.run(test));
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
                                     const LabelledRows& rows, const Catalogue& catalogue) {
  const auto task = task_of(predictor.manifest(), catalogue);
  const Asked asked{predictor, rows, catalogue};
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
    text += fmt::format("  {:<8} {:<{}}  {}; asked: {} ({} rows)\n", word_of(result.state), result.name,
                        width, result.found, result.asked, with_commas(result.rows));
    if (result.state == State::failed && !result.example.empty())
      text += fmt::format("  {:<8} {:<{}}  {}\n", "", "", width, result.example);
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

}  // namespace ringtrain
