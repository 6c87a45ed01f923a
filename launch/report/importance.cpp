#include "launch/report/importance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "launch/report/measures.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kRows = 2000;
constexpr std::size_t kMostColumns = 200, kFewColumns = 40;

/// A column of the file: the numbers that it became, or its words.
struct FileColumn {
  std::string name;
  std::vector<std::int64_t> numeric{};
  int categorical = -1;
};

std::vector<FileColumn> columns_of(const Table& table) {
  std::vector<FileColumn> columns;
  for (std::size_t c = 0; c < table.numeric_names.size(); ++c) {
    const auto& name = table.numeric_names[c].column;
    auto found =
        std::find_if(columns.begin(), columns.end(), [&](const FileColumn& one) { return one.name == name; });
    if (found == columns.end()) found = columns.insert(columns.end(), FileColumn{name});
    found->numeric.push_back(static_cast<std::int64_t>(c));
  }
  for (std::size_t c = 0; c < table.categorical_names.size(); ++c)
    columns.push_back({table.categorical_names[c], {}, static_cast<int>(c)});
  return columns;
}

/// The table with a column's values exchanged; the others share its memory.
Table exchanged(const Table& table, const FileColumn& column, const std::vector<std::int64_t>& order) {
  Table other = table;
  const auto places = at::tensor(order, at::kLong);
  if (!column.numeric.empty()) other.numeric = table.numeric.clone();
  for (const auto c : column.numeric) {
    other.numeric.select(1, c).copy_(table.numeric.select(1, c).index_select(0, places));
    const auto at = static_cast<std::size_t>(c);
    if (at < table.exact.size() && table.exact[at].defined())
      other.exact[at] = table.exact[at].index_select(0, places);
  }
  if (column.categorical >= 0) {
    const auto at = static_cast<std::size_t>(column.categorical);
    for (std::size_t i = 0; i < order.size(); ++i)
      other.categorical[at][i] = table.categorical[at][static_cast<std::size_t>(order[i])];
  }
  return other;
}

}  // namespace

ordered_json importance_of(const AskedModel& model, const AnsweredPart& part, const Effort& effort) {
  const auto table = rows_of_table(*part.table, sampled(part.rows(), kRows));
  const auto columns = columns_of(table);
  const auto loss = [&](const Table& rows) { return model.answered_rows(rows).answers.loss; };
  ordered_json json{{"rows", table.rows()}, {"columns", ordered_json::array()}, {"left_out", 0}};
  if (columns.size() > kMostColumns || table.rows() < 2) {
    json["left_out"] = columns.size();
    return json;
  }
  const double before = loss(table);
  const int shuffles = columns.size() <= kFewColumns ? 3 : 1;
  json["shuffles"] = shuffles;
  json["loss"] = finite(before);
  std::vector<std::pair<double, ordered_json>> found;
  std::mt19937_64 random(model.seed());
  std::size_t left_out = 0;
  for (const auto& column : columns) {
    if (effort.is_over()) {
      ++left_out;
      continue;
    }
    double sum = 0, squares = 0;
    for (int s = 0; s < shuffles; ++s) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(table.rows()));
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::shuffle(order.begin(), order.end(), random);
      const double rise = loss(exchanged(table, column, order)) - before;
      sum += rise;
      squares += rise * rise;
    }
    const double mean = sum / shuffles,
                 deviation = std::sqrt(std::max(0.0, squares / shuffles - mean * mean));
    found.emplace_back(
        std::isfinite(mean) ? mean : -INFINITY,
        ordered_json{{"column", column.name}, {"rise", finite(mean)}, {"deviation", finite(deviation)}});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [rise, entry] : found) json["columns"].push_back(std::move(entry));
  json["left_out"] = left_out;
  return json;
}

}  // namespace ringtrain::report
