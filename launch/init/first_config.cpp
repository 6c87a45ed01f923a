#include "launch/init/first_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/excerpt.h"
#include "trainer/tasks/built_in_tasks.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kFewestRows = 10, kMostNumberClasses = 20;

std::string shown(const std::string& text) {
  return text.size() > 24 ? excerpt(text.substr(0, 24)) : excerpt(text);
}

/// "no (817), yes (499)".
std::string counts(const ColumnProfile& column, std::size_t most) {
  std::vector<std::string> parts;
  for (const auto& value : column.values) {
    if (parts.size() == most) {
      parts.emplace_back("...");
      break;
    }
    parts.push_back(fmt::format("{} ({})", shown(value.text), with_commas(value.count)));
  }
  return join(parts);
}

bool sounds_like_a_target(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  static const std::vector<std::string> known = {"target",  "label",  "labels",    "class",   "y",
                                                 "outcome", "result", "diagnosis", "survived"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

const ColumnProfile& target_of(const TableProfile& table, const std::string& target) {
  const auto names = table.names();
  if (!target.empty()) {
    if (const auto* found = table.find(target)) return *found;
    throw ConfigError(fmt::format("--target: {} has no column '{}'.{} There are: {}", table.file.string(),
                                  target, did_you_mean(target, names), join(names)));
  }
  std::vector<std::string> likely;
  for (const auto& name : names)
    if (sounds_like_a_target(name)) likely.push_back(fmt::format("'{}', which its name says", name));
  if (!names.empty() && !sounds_like_a_target(names.back()))
    likely.push_back(fmt::format("'{}', the last column", names.back()));
  throw ConfigError(fmt::format("--target is missing: the column to predict. Is it {}? {} has: {}",
                                join(likely, " or "), table.file.string(), join(names)));
}

[[noreturn]] void refuse(const TableProfile& table, const ColumnProfile& target, const std::string& why) {
  throw DataError(fmt::format("{}, column '{}' (--target): {}", table.file.string(), target.name, why));
}

void require_learnable(const TableProfile& table, const ColumnProfile& target) {
  if (table.rows == 0)
    throw DataError(
        fmt::format("{} has a header and no rows; there is nothing to learn from", table.file.string()));
  if (!target.unread.empty())
    refuse(table, target, fmt::format("it is of type {}, which is neither numbers nor words", target.unread));
  if (target.present == 0) refuse(table, target, "it has no values. Check that it is the right column");
  if (target.present < kFewestRows)
    refuse(table, target,
           fmt::format("{} rows have a value; at least {} are needed, and some hundred to learn something",
                       target.present, kFewestRows));
  if (target.distinct == 1)
    refuse(
        table, target,
        fmt::format("it has one value only, {}, in all {} rows; there is nothing to learn. Check that it is "
                    "the right column and that the file is whole",
                    shown(target.values[0].text), with_commas(target.present)));
  if (target.all_dates())
    refuse(
        table, target,
        "it holds dates. A model predicts numbers or classes: add a column with, say, the days until then");
}

void choose_task(const TableProfile& table, const ColumnProfile& target, FirstConfig& config) {
  const auto values = with_commas(target.distinct);
  if (target.distinct == 2) {
    config.asks_for = Asked::one_of_two;
    config.task_why = "two values";
  } else if (target.all_numbers()) {
    const bool few = target.whole == target.present && target.distinct <= kMostNumberClasses &&
                     10 * target.distinct <= target.present;
    config.asks_for = few ? Asked::one_of_several : Asked::number;
    config.task_why =
        few ? fmt::format("{} different whole numbers; if they are amounts, not kinds: regression", values)
            : fmt::format("numbers with {} different values", values);
  } else {
    if (10 * target.numbers > 9 * target.present)
      refuse(table, target,
             fmt::format("{} of {} values are numbers, but {} in row {} is not. Mend it, or leave it empty",
                         with_commas(target.numbers), with_commas(target.present), shown(target.odd),
                         with_commas(target.odd_row)));
    if (3 * target.distinct > target.present ||
        target.distinct > static_cast<std::int64_t>(ColumnProfile::kKept))
      refuse(table, target,
             fmt::format("{} different words in {} rows are too many for classes. Check that it is the right "
                         "column",
                         values, with_commas(target.present)));
    config.asks_for = Asked::one_of_several;
    config.task_why = fmt::format("{} different words", values);
  }
  config.target_is = config.asks_for == Asked::number
                         ? fmt::format("numbers, {:.6g} to {:.6g}", target.low, target.high)
                         : fmt::format("{} classes: {}", values, counts(target, 6));
  if (config.asks_for == Asked::one_of_two) {
    const auto& rare = target.values.back();
    config.imbalanced = 5 * rare.count < target.present;
    if (config.imbalanced) {
      config.positive = rare.text;
      config.notes.push_back(fmt::format(
          "{} has {:.1f}% of the rows: accuracy says little, so that pr_auc chooses the checkpoint, and "
          "the best F1 the threshold",
          shown(rare.text), 100.0 * static_cast<double>(rare.count) / static_cast<double>(target.present)));
    }
  }
  if (config.asks_for != Asked::number && target.values.back().count < 10)
    config.notes.push_back(fmt::format("{} has {} row(s): too few to learn it, or to measure that",
                                       shown(target.values.back().text), target.values.back().count));
}

/// "177 of age, 2 of embarked" in words, of the columns of a role.
std::string missing_in(const TableProfile& table, const std::vector<ColumnRole>& roles,
                       const std::vector<Role>& wanted) {
  std::vector<std::string> parts;
  std::size_t others = 0;
  for (std::size_t c = 0; c < roles.size(); ++c) {
    const auto& column = table.columns[c];
    if (column.missing == 0 || std::find(wanted.begin(), wanted.end(), roles[c].role) == wanted.end())
      continue;
    if (parts.size() < 4)
      parts.push_back(fmt::format("{} of {}", with_commas(column.missing), shown(column.name)));
    else
      ++others;
  }
  if (others > 0) parts.push_back(fmt::format("some of {} more columns", others));
  return join(parts);
}

void choose_network(std::int64_t rows, FirstConfig& config) {
  config.batch = batch_for(rows);
  config.hidden = {64, 32};
  config.learning_rate = 0.002;
  config.weight_decay = 0.01;
}

}  // namespace

std::int64_t batch_for(std::int64_t rows) {
  const double wished = std::clamp(static_cast<double>(rows) / 64, 16.0, 1024.0);
  return std::int64_t{1} << std::lround(std::log2(wished));
}

std::string name_after(const Location& file) {
  auto stem = file.filename();
  if (stem.extension() == ".gz") stem = stem.stem();
  if (is_table_file(stem)) stem = stem.stem();
  std::string name;
  for (const char c : stem.string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    name += plain ? c : '_';
  }
  const auto begin = name.find_first_not_of("._-");
  return begin == std::string::npos ? "model" : name.substr(begin);
}

std::string FirstConfig::task() const {
  switch (asks_for) {
    case Asked::one_of_two:
      return binary_classification_kind()->name();
    case Asked::one_of_several:
      return classification_kind()->name();
    case Asked::number:
      break;
  }
  return regression_kind()->name();
}

FirstConfig propose(const TableProfile& table, const std::string& target) {
  const ColumnProfile& wanted = target_of(table, target);
  FirstConfig config;
  config.name = name_after(table.file);
  config.train_file = table.file.string();
  config.target = target;
  require_learnable(table, wanted);
  choose_task(table, wanted, config);
  config.roles = choose_roles(table, target, config.asks_for != Asked::number);
  const auto used = [](const ColumnRole& role) {
    return role.role != Role::ignored && role.role != Role::target;
  };
  if (std::none_of(config.roles.begin(), config.roles.end(), used)) {
    std::vector<std::string> reasons;
    for (std::size_t c = 0; c < table.columns.size() && reasons.size() < 5; ++c)
      if (config.roles[c].role == Role::ignored)
        reasons.push_back(fmt::format("'{}' ({})", table.columns[c].name, config.roles[c].why));
    throw DataError(fmt::format("{}: no column is left to predict '{}' from{}{}", table.file.string(), target,
                                reasons.empty() ? "; it is the only one" : ": ", join(reasons)));
  }
  for (std::size_t c = 0; c < config.roles.size(); ++c)
    if (config.roles[c].warning)
      config.notes.push_back(fmt::format("'{}': {}", table.columns[c].name, config.roles[c].why));
  config.missing_targets = wanted.missing;
  config.missing_numbers = missing_in(table, config.roles, {Role::number, Role::date});
  config.missing_words = missing_in(table, config.roles, {Role::category});
  const auto learned = table.all_rows - wanted.missing;
  if (learned < 200)
    config.notes.push_back(fmt::format(
        "{} rows are few: the test part has about {}, so that what is measured on it may be off by a lot",
        learned, std::max<std::int64_t>(1, std::llround(0.15 * static_cast<double>(learned)))));
  choose_network(learned, config);
  return config;
}

}  // namespace ringtrain
