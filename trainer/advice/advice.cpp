#include "trainer/advice/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/reading.h"

namespace ringtrain::advice {
namespace {

/// Rows of each true class.
std::vector<std::int64_t> rows_by_class(const Confusion& confusion) {
  std::vector<std::int64_t> rows;
  for (const auto& line : confusion) {
    std::int64_t sum = 0;
    for (const auto count : line) sum += count;
    rows.push_back(sum);
  }
  return rows;
}

std::int64_t sum_of(const std::vector<std::int64_t>& rows) {
  std::int64_t sum = 0;
  for (const auto count : rows) sum += count;
  return sum;
}

std::string name_of(const std::vector<std::string>& labels, std::size_t k) {
  return k < labels.size() ? labels[k] : std::to_string(k);
}

}  // namespace

Sentence still_falling(const std::vector<double>& losses) {
  const std::size_t count = losses.size();
  if (count < 4 || !std::all_of(losses.begin(), losses.end(), [](double x) { return std::isfinite(x); }))
    return {};
  const std::size_t back = std::max<std::size_t>(1, count / 4);
  const double last = losses.back(), before = losses[count - 1 - back];
  if (last > *std::min_element(losses.begin(), losses.end()) || !(before - last > 0.01 * std::abs(before)))
    return {};
  return fmt::format(
      "the validation loss was still falling at the end, from {:.4g} to {:.4g} in the last {}: train longer "
      "(more trainer.epochs; --resume goes on)",
      before, last, back == 1 ? "evaluation" : fmt::format("{} evaluations", back));
}

Sentence warm_up_too_long(std::int64_t warmup_steps, std::int64_t steps) {
  if (warmup_steps == 0 || warmup_steps < steps) return {};
  return fmt::format(
      "trainer.schedule.warmup_steps is {}, but the run has {} steps: the learning rate {}; shorten the "
      "warm-up, or train longer",
      with_commas(warmup_steps), with_commas(steps),
      warmup_steps == steps ? "reaches its value with the last one" : "never reaches its value");
}

Sentence frozen_throughout(const std::vector<ParameterGroupConfig>& groups, std::int64_t steps) {
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (groups[g].freeze_until >= steps && steps > 0 && groups[g].freeze_until > 0)
      return fmt::format(
          "trainer.optimizer.groups[{}].freeze_until is {}, but the run has {} steps: these parameters are "
          "never trained; say freeze: true if that is meant",
          g, with_commas(groups[g].freeze_until), with_commas(steps));
  return {};
}

Sentence early_stopping_cannot_fire(std::int64_t patience, std::int64_t evaluations,
                                    std::int64_t validation_rows) {
  if (patience == 0) return {};
  if (validation_rows == 0)
    return "trainer.early_stopping cannot stop the run: the validation part is empty; give it a share "
           "(data.split.validation)";
  if (patience < evaluations) return {};
  return fmt::format(
      "trainer.early_stopping.patience is {}, but the run has {} evaluation{}: it cannot stop early; lower "
      "it, "
      "or evaluate more often (trainer.evaluate_every_steps)",
      patience, with_commas(evaluations), evaluations == 1 ? "" : "s");
}

Sentence few_rows(const std::string& part, std::int64_t rows, bool counts) {
  const bool test = part == "test";
  if (rows == 0)
    return fmt::format("the {} part is empty: {} (data.split.{})", part,
                       test ? "nothing says how good the model is on rows that it has not seen"
                            : "no checkpoint can be told to be the best, and no threshold be chosen",
                       part);
  if (!counts || rows >= kFewRows) return {};
  return fmt::format("the {} part has {} row{}: {}; give it more (data.split.{})", part, rows,
                     rows == 1 ? "" : "s",
                     test ? "its metrics say little" : "what is chosen by it is chosen by chance", part);
}

Sentence undefined_metrics(const std::string& part, const MetricsReport& report,
                           const std::vector<std::string>& labels) {
  std::vector<std::string> names;
  for (const auto& [name, value] : report.values)
    if (std::isnan(value)) names.push_back(name);
  const auto rows = rows_by_class(report.confusion);
  if (names.empty() || (!rows.empty() && sum_of(rows) == 0)) return {};
  std::string why;
  const auto classes = std::count_if(rows.begin(), rows.end(), [](std::int64_t n) { return n > 0; });
  if (classes == 1) {
    const auto only = std::find_if(rows.begin(), rows.end(), [](std::int64_t n) { return n > 0; });
    why = fmt::format(": its rows are all of one class, '{}'",
                      name_of(labels, static_cast<std::size_t>(only - rows.begin())));
  } else if (rows.empty() && names == std::vector<std::string>{"r2"}) {
    why = ": it takes at least two rows";
  }
  return fmt::format("{} {} undefined on the {} part{}", join(names), names.size() == 1 ? "is" : "are", part,
                     why);
}

Sentence absent_classes(const std::string& part, const MetricsReport& report,
                        const std::vector<std::string>& labels) {
  const auto rows = rows_by_class(report.confusion);
  std::vector<std::string> absent;
  for (std::size_t k = 0; k < rows.size(); ++k)
    if (rows[k] == 0) absent.push_back(name_of(labels, k));
  if (rows.size() <= 2 || absent.empty() || absent.size() + 1 >= rows.size()) return {};
  return fmt::format(
      "{} of {} classes have no row in the {} part ({}): what is averaged over classes leaves "
      "them out",
      absent.size(), rows.size(), part, shortened(absent, 5));
}

Sentence no_better_than_majority(const std::string& part, const MetricsReport& report,
                                 const std::vector<std::string>& labels) {
  const auto rows = rows_by_class(report.confusion);
  const auto accuracy = report.find("accuracy");
  const auto all = sum_of(rows);
  if (rows.empty() || all == 0 || !accuracy) return {};
  const auto most = std::max_element(rows.begin(), rows.end());
  std::int64_t right = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) right += report.confusion[k][k];
  if (right > *most || *most == all) return {};
  return fmt::format(
      "accuracy on the {} part is {:.4g}, not above the {:.4g} of always answering '{}': look at the other "
      "metrics, or the model has learnt nothing",
      part, *accuracy, static_cast<double>(*most) / static_cast<double>(all),
      name_of(labels, static_cast<std::size_t>(most - rows.begin())));
}

Sentence worse_than_mean(const std::string& part, const MetricsReport& report) {
  const auto r2 = report.find("r2");
  if (!r2 || !(*r2 < 0)) return {};
  return fmt::format(
      "r2 on the {} part is {:.4g}, below 0: always answering the mean would be better. Train longer, lower "
      "the learning rate, or look for features that foretell the target",
      part, *r2);
}

Sentence labels_of_none_or_all(const std::vector<std::string>& labels,
                               const std::vector<std::int64_t>& counts, std::int64_t rows) {
  std::vector<std::string> found;
  for (std::size_t k = 0; k < labels.size() && k < counts.size(); ++k)
    if (counts[k] == 0 || counts[k] == rows)
      found.push_back(fmt::format("'{}' in {}", labels[k], counts[k] == 0 ? "none" : "all"));
  if (found.empty()) return {};
  return fmt::format(
      "of the {} rows of the training part some labels stand in none or in all, so that nothing can be "
      "learned "
      "of them: {}; leave them out of data.target, or put other rows into the training part",
      with_commas(rows), shortened(found, 5));
}

Sentence looks_like_regression(const std::string& target, const std::vector<std::string>& labels,
                               std::int64_t rows) {
  constexpr std::int64_t many = 20, few_rows_each = 5;
  const Reading reading({});
  const bool numbers = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
    return reading.number(label).state == ValueState::good;
  });
  const auto classes = static_cast<std::int64_t>(labels.size());
  const auto decimals = count_decimals(labels);
  std::string what;
  if (decimals >= many)
    what = fmt::format("{} distinct decimals", with_commas(decimals));
  else if (numbers && classes >= many && rows < few_rows_each * classes)
    what = fmt::format("{} distinct numbers in {} training rows", with_commas(classes), with_commas(rows));
  else
    return {};
  return fmt::format(
      "data.target '{}' has {}, each of which becomes a class of its own. Is it a number to predict? Then "
      "set "
      "task.type: regression",
      target, what);
}

Sentence many_one_hot(const std::vector<CategoricalColumn>& columns) {
  constexpr std::int64_t many = 1000;
  std::vector<std::string> found, names;
  for (const auto& column : columns) {
    if (column.width() <= many) continue;
    found.push_back(fmt::format("'{}' ({})", column.name, with_commas(column.width())));
    names.push_back(column.name);
  }
  if (found.empty()) return {};
  return fmt::format(
      "one-hot columns with more than {} words make a feature of each: {}. A learned vector for each word is "
      "smaller, faster and often better: data.features.encodings: {{embedding: [{}]}}, with model.type: mlp",
      with_commas(many), shortened(found, 5), shortened(names, 5));
}

}  // namespace ringtrain::advice
