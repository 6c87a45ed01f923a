#include "data/profile/schema_infer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "common/text.h"
#include "data/schema/classes.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kMostWords = 64;

/// To hundredths; not -0.
double rounded_up(double share) { return std::clamp(std::ceil(share * 100 - 1e-9) / 100, 0.0, 1.0) + 0.0; }

SchemaColumn infer_column(const ColumnProfile& column) {
  SchemaColumn result{.name = column.name};
  const auto rows = column.present + column.missing;
  if (rows > 0) result.missing = rounded_up(static_cast<double>(column.missing) / static_cast<double>(rows));
  if (column.present == 0) {
    result.missing = 1;
    return result;
  }
  if (column.all_numbers()) {
    // 01234 is a word that is made of digits.
    if (!column.code.empty()) return result;
    result.type = column.whole == column.numbers ? "whole" : "number";
    if (!column.counts_rows) result.range = {column.low, column.high};
  } else if (column.all_dates()) {
    result.type = "date";
  } else if (column.distinct <= kMostWords && column.distinct * 2 <= column.present &&
             static_cast<std::int64_t>(column.values.size()) == column.distinct) {
    for (const auto& value : column.values) result.domain.push_back(value.text);
    std::sort(result.domain.begin(), result.domain.end());
  }
  return result;
}

SchemaColumn of_distribution(const Distribution& column) {
  SchemaColumn result{.name = column.name, .type = column.of_words ? "word" : "number"};
  result.missing = rounded_up(column.missing_share());
  if (!column.of_words && column.present > 0) result.range = {column.low, column.high};
  if (column.of_words && column.rest == 0)
    for (const auto& [word, count] : column.words) result.domain.push_back(word);
  std::sort(result.domain.begin(), result.domain.end());
  return result;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string words_text(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const auto& word : words) all.push_back("'" + word + "'");
  return shortened(all, 10);
}

/// Those of `from` that `other` lacks; both are sorted here.
std::vector<std::string> without(std::vector<std::string> from, std::vector<std::string> other) {
  std::sort(from.begin(), from.end());
  std::sort(other.begin(), other.end());
  std::vector<std::string> result;
  std::set_difference(from.begin(), from.end(), other.begin(), other.end(), std::back_inserter(result));
  return result;
}

/// 0.3 of the file and the 0.300000012 that a model in float32 has seen of it are one.
bool same_number(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

std::string range_text(const std::vector<double>& range) {
  return range.empty() ? "any" : fmt::format("[{:.7g}, {:.7g}]", range[0], range[1]);
}

void compare(const SchemaColumn& then, const SchemaColumn& now, std::vector<std::string>& lines) {
  const auto add = [&](const std::string& text) {
    lines.push_back(fmt::format("column '{}': {}", now.name, text));
  };
  // Whole numbers are numbers: that a model's were, nobody noted.
  const bool both_numbers = then.takes_numbers() && now.takes_numbers();
  if (then.type != now.type && !both_numbers) add(fmt::format("its type was {}, is {}", then.type, now.type));
  if (!then.domain.empty() && !now.domain.empty()) {
    if (const auto come = without(now.domain, then.domain); !come.empty())
      add("new words: " + words_text(come));
    if (const auto gone = without(then.domain, now.domain); !gone.empty())
      add("words that are gone: " + words_text(gone));
  } else if (then.domain.empty() != now.domain.empty() && then.type == "word" && now.type == "word") {
    add(then.domain.empty() ? fmt::format("any word before, {} words now", now.domain.size())
                            : fmt::format("{} words before, any word now", then.domain.size()));
  }
  const bool same_range = then.range.empty() == now.range.empty() &&
                          (then.range.empty() || (same_number(then.range[0], now.range[0]) &&
                                                  same_number(then.range[1], now.range[1])));
  if (both_numbers && !same_range)
    add(fmt::format("its range was {}, is {}", range_text(then.range), range_text(now.range)));
  if (then.missing != now.missing)
    add(fmt::format("at most {:g} of its values were missing, {:g} are", then.missing, now.missing));
}

}  // namespace

DataSchema infer_schema(const TableProfile& table) {
  DataSchema schema;
  for (const auto& column : table.columns)
    if (column.unread.empty()) schema.columns.push_back(infer_column(column));
  return schema;
}

DataSchema schema_of_model(const Preprocessing& preprocessing, const DataProfile& profile) {
  std::map<std::string, const Distribution*> known;
  for (const auto& column : profile.columns) known[column.name] = &column;
  DataSchema schema;
  for (const auto& column : preprocessing.numeric) {
    if (column.part != DatePart::none) {
      if (!schema.find(column.column())) schema.columns.push_back({.name = column.column(), .type = "date"});
      continue;
    }
    const auto found = known.find(column.name);
    auto one = found == known.end() ? SchemaColumn{.name = column.name, .type = "number"}
                                    : of_distribution(*found->second);
    if (!column.fill) one.missing = 0;  // the model refuses a missing value there
    schema.columns.push_back(std::move(one));
  }
  for (const auto& column : preprocessing.categorical) {
    const auto found = known.find(column.name);
    SchemaColumn one{.name = column.name};
    if (found != known.end()) one.missing = rounded_up(found->second->missing_share());
    if (!column.takes_missing()) one.missing = 0;
    if (column.encoding == Encoding::one_hot) one.domain = column.vocabulary;
    schema.columns.push_back(std::move(one));
  }
  for (const auto& target : profile.targets) schema.columns.push_back(of_distribution(target));
  return schema;
}

std::string schema_yaml(const DataSchema& schema, const std::string& remark) {
  std::string text =
      fmt::format("# {}\ndata:\n  schema:\n    on_violation: {}\n", remark, schema.on_violation);
  if (!schema.quarantine_file.empty())
    text += fmt::format("    quarantine_file: {}\n", quoted(schema.quarantine_file));
  text += schema.columns.empty() ? "    columns: []\n" : "    columns:\n";
  for (const auto& column : schema.columns) {
    text += fmt::format("      - name: {}\n        type: {}\n", quoted(column.name), column.type);
    if (!column.domain.empty()) {
      std::vector<std::string> words;
      for (const auto& word : column.domain) words.push_back(quoted(word));
      text += fmt::format("        domain: [{}]\n", join(words));
    }
    if (!column.range.empty())
      text += fmt::format("        range: [{}, {}]\n", column.range[0], column.range[1]);
    text += fmt::format("        missing: {}\n", column.missing);
  }
  return text;
}

std::vector<std::string> schema_differences(const DataSchema& then, const DataSchema& now) {
  std::vector<std::string> lines;
  for (const auto& column : then.columns)
    if (!now.find(column.name)) lines.push_back(fmt::format("column '{}': is gone", column.name));
  for (const auto& column : now.columns) {
    const auto* const before = then.find(column.name);
    if (before)
      compare(*before, column, lines);
    else
      lines.push_back(fmt::format("column '{}': is new ({})", column.name, column.type));
  }
  return lines;
}

}  // namespace ringtrain
