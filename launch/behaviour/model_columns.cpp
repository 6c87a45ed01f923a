#include "launch/behaviour/model_columns.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/excerpt.h"
#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

using config::Mapping;

/// Numbers from `low` to `high`.
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  bool has(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }
};

}  // namespace

ModelColumns::Column ModelColumns::column(const std::string& name) const {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < schema_.numeric.size(); ++i) {
    if (schema_.numeric[i].name == name) return {name, true, i};
    known.push_back(schema_.numeric[i].name);
  }
  for (std::size_t i = 0; i < schema_.categorical.size(); ++i) {
    if (schema_.categorical[i].name == name) return {name, false, i};
    known.push_back(schema_.categorical[i].name);
  }
  throw ConfigError(fmt::format("'{}' is no column of the model.{}", name, did_you_mean(name, known)));
}

ModelColumns::Column ModelColumns::numeric_column(const std::string& name) const {
  auto found = column(name);
  if (!found.is_numeric) throw ConfigError(fmt::format("the column '{}' holds words, not numbers", name));
  return found;
}

std::string ModelColumns::word_of(const Column& column, const std::string& value) const {
  const auto& of = schema_.categorical[column.index];
  auto word = reading_.word(value).text;
  if (word.empty() || of.knows(word)) return word;
  throw ConfigError(fmt::format("column '{}': training did not see {}.{}", column.name, excerpt(value),
                                did_you_mean(value, of.vocabulary)));
}

double ModelColumns::number_of(const Column& column, const std::string& value) const {
  const auto number = reading_.number(value);
  if (number.state == ValueState::missing) return std::numeric_limits<double>::quiet_NaN();
  if (number.state == ValueState::good) return number.value;
  throw ConfigError(fmt::format("column '{}': {} is no number", column.name, excerpt(value)));
}

ModelColumns::Condition ModelColumns::any_of(const Column& column,
                                             const std::vector<std::string>& values) const {
  if (!column.is_numeric) {
    std::vector<std::string> words;
    for (const auto& value : values) words.push_back(word_of(column, value));
    return [words, c = column.index](const Rows& rows, std::int64_t row) {
      const auto& word = rows.categorical[c][static_cast<std::size_t>(row)];
      return std::find(words.begin(), words.end(), word) != words.end();
    };
  }
  // Raw numbers are float32 where that does not lose digits; so are then those that they are compared with.
  const bool wide = schema_.numeric_type() == at::kDouble;
  const auto of_text = [&](std::string_view text) {
    const double number = number_of(column, std::string(trimmed(text)));
    return wide ? number : static_cast<double>(static_cast<float>(number));
  };
  std::vector<NumberRange> ranges;
  bool missing = false;
  for (const auto& value : values) {
    const auto text = trimmed(value);
    const auto dots = text.find("..");
    NumberRange range;
    if (text.starts_with(">=")) {
      range.low = of_text(text.substr(2));
    } else if (text.starts_with("<=")) {
      range.high = of_text(text.substr(2));
    } else if (text.starts_with(">")) {
      range.low = of_text(text.substr(1));
      range.low_open = true;
    } else if (text.starts_with("<")) {
      range.high = of_text(text.substr(1));
      range.high_open = true;
    } else if (dots != std::string_view::npos) {
      range.low = of_text(text.substr(0, dots));
      range.high = of_text(text.substr(dots + 2));
    } else {
      range.low = range.high = of_text(text);
      missing = missing || std::isnan(range.low);
    }
    ranges.push_back(range);
  }
  return [this, ranges, missing, column](const Rows& rows, std::int64_t row) {
    const double value = number(rows, column, row);
    if (std::isnan(value)) return missing;
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const NumberRange& range) { return range.has(value); });
  };
}

ModelColumns::Condition ModelColumns::all_of(const Mapping& columns) const {
  std::vector<Condition> conditions;
  std::vector<std::string> problems;
  for (const auto& [name, values] : columns) {
    try {
      conditions.push_back(any_of(column(name), values));
    } catch (const ConfigError& problem) {
      problems.emplace_back(problem.what());
    }
  }
  if (!problems.empty()) throw ConfigError(join(problems, "; "));
  return [conditions](const Rows& rows, std::int64_t row) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const auto& one) { return one(rows, row); });
  };
}

void ModelColumns::require_taken(const Column& column, const std::string& value) const {
  if (!reading_.is_missing(value)) return;
  const bool taken =
      column.is_numeric ? schema_.numeric[column.index].fill.has_value()
                        : schema_.categorical[column.index].missing_is_category ||
                              (schema_.categorical[column.index].missing_is_unseen && !schema_.refuse_unseen);
  if (!taken)
    throw ConfigError(fmt::format(
        "column '{}': the model was trained without missing values there, and takes none", column.name));
}

void ModelColumns::set(Rows& rows, const Column& column, std::int64_t row, const std::string& value) const {
  if (column.is_numeric)
    set_number(rows, column, row, number_of(column, value));
  else
    rows.categorical[column.index][static_cast<std::size_t>(row)] = word_of(column, value);
}

double ModelColumns::number(const Rows& rows, const Column& column, std::int64_t row) const {
  const auto place = row * rows.numeric.size(1) + static_cast<std::int64_t>(column.index);
  return rows.numeric.scalar_type() == at::kDouble ? rows.numeric.const_data_ptr<double>()[place]
                                                   : rows.numeric.const_data_ptr<float>()[place];
}

void ModelColumns::set_number(Rows& rows, const Column& column, std::int64_t row, double value) const {
  const auto place = row * rows.numeric.size(1) + static_cast<std::int64_t>(column.index);
  if (rows.numeric.scalar_type() == at::kDouble)
    rows.numeric.mutable_data_ptr<double>()[place] = value;
  else
    rows.numeric.mutable_data_ptr<float>()[place] = static_cast<float>(value);
}

ModelColumns::Rows ModelColumns::pick(const Rows& rows, const std::vector<std::int64_t>& picks) {
  Rows picked;
  picked.numeric = rows.numeric.index_select(0, at::tensor(picks, at::kLong));
  for (const auto& column : rows.categorical) {
    auto& words = picked.categorical.emplace_back();
    words.reserve(picks.size());
    for (const auto row : picks) words.push_back(column[static_cast<std::size_t>(row)]);
  }
  return picked;
}

ModelColumns::Rows ModelColumns::joined(const std::vector<Rows>& parts) {
  Rows all;
  std::vector<at::Tensor> numeric;
  for (const auto& part : parts) {
    numeric.push_back(part.numeric);
    all.categorical.resize(part.categorical.size());
    for (std::size_t c = 0; c < part.categorical.size(); ++c)
      all.categorical[c].insert(all.categorical[c].end(), part.categorical[c].begin(),
                                part.categorical[c].end());
  }
  if (!parts.empty()) all.numeric = at::cat(numeric);
  return all;
}

}  // namespace ringtrain
