#include "launch/report/slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "launch/report/answer_measures.h"
#include "launch/report/html.h"
#include "launch/report/measures.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kFewest = 10;
constexpr std::size_t kMostSlices = 40, kMostValues = 10, kMostNumeric = 200;

/// The value of each row, as text, where a column divides the rows into groups; else empty.
std::vector<std::string> groups_of_numeric(const Table& table, std::int64_t column,
                                           const std::vector<std::int64_t>& rows) {
  const auto numbers = numeric_column(table, column, rows);
  std::set<double> values;
  for (const double number : numbers)
    if (!std::isnan(number) && values.insert(number).second && values.size() > kMostValues) return {};
  if (values.size() < 2) return {};
  std::vector<std::string> texts;
  for (const double number : numbers)
    texts.push_back(std::isnan(number) ? "" : fmt::format("{:.6g}", number));
  return texts;
}

struct Group {
  std::int64_t rows = 0, right = 0;
  double loss = 0;
};

}  // namespace

ordered_json slices_of(const AskedModel& model, const AnsweredPart& part) {
  const auto& losses = part.answers.losses;
  const auto right = right_rows(model, part);
  double sum = 0, squares = 0;
  std::int64_t all_right = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    sum += losses[i];
    squares += losses[i] * losses[i];
    all_right += !right.empty() && right[i];
  }
  const auto count = static_cast<double>(losses.size());
  const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
  std::int64_t columns = 0, small = 0;
  std::vector<ordered_json> slices;
  const auto take = [&](const std::string& column, const std::vector<std::string>& values) {
    ++columns;
    std::map<std::string, Group> groups;
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto& group = groups[values[i]];
      ++group.rows;
      group.loss += losses[i];
      group.right += !right.empty() && right[i];
    }
    for (const auto& [value, group] : groups) {
      if (group.rows < kFewest) {
        ++small;
        continue;
      }
      const auto rows = static_cast<double>(group.rows);
      const double error = deviation / std::sqrt(rows);
      ordered_json slice{
          {"column", column}, {"value", value}, {"rows", group.rows}, {"loss", finite(group.loss / rows)}};
      if (!right.empty()) slice["right"] = static_cast<double>(group.right) / rows;
      slice["distance"] = error > 0 ? finite((group.loss / rows - mean) / error) : ordered_json(0.0);
      slices.push_back(std::move(slice));
    }
  };
  const auto& table = *part.table;
  for (std::size_t c = 0; c < table.categorical.size(); ++c) {
    std::vector<std::string> words;
    for (const auto row : part.rows()) words.push_back(table.categorical[c][static_cast<std::size_t>(row)]);
    take(table.categorical_names[c], words);
  }
  if (table.numeric_names.size() <= kMostNumeric)
    for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
      if (const auto values = groups_of_numeric(table, static_cast<std::int64_t>(c), part.rows());
          !values.empty())
        take(table.numeric_names[c].name, values);
  std::stable_sort(slices.begin(), slices.end(), [](const ordered_json& a, const ordered_json& b) {
    return a["distance"].is_number() && b["distance"].is_number() && a["distance"] > b["distance"];
  });
  const auto whole = slices.size();
  // The worst ones and the best ones.
  if (whole > kMostSlices)
    slices.erase(slices.begin() + static_cast<std::ptrdiff_t>(kMostSlices - 10), slices.end() - 10);
  ordered_json json{{"columns", columns}, {"groups", whole}, {"small", small}};
  json["all"] = {{"rows", losses.size()}, {"loss", finite(mean)}};
  if (!right.empty()) json["all"]["right"] = static_cast<double>(all_right) / count;
  json["slices"] = slices;
  return json;
}

}  // namespace ringtrain::report
