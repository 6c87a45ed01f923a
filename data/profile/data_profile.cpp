#include "data/profile/data_profile.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/errors.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kMostRows = 20'000, kLeastRows = 2'000, kMostCells = 2'000'000;
constexpr std::uint64_t kSeed = 0x70726f66696c65;

/// By the hashes of their numbers: the same rows whoever looks, wherever they stand.
std::vector<std::int64_t> sample_of(const Table& table, const std::vector<std::int64_t>& rows) {
  const auto columns = static_cast<std::int64_t>(table.numeric_names.size() + table.categorical_names.size());
  const auto most = std::clamp(kMostCells / std::max<std::int64_t>(1, columns), kLeastRows, kMostRows);
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count <= most) return rows;
  const double share = static_cast<double>(most) / static_cast<double>(count);
  const auto limit = static_cast<std::uint64_t>(share * 0x1p64);
  std::vector<std::int64_t> sample;
  for (const auto row : rows)
    if (mix64(static_cast<std::uint64_t>(table.file_row(row)) ^ kSeed) < limit) sample.push_back(row);
  return sample;
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::int64_t missing = 0;
};

/// [columns] of all these rows of a matrix [rows, columns].
template <class T>
std::vector<Extent> extents(const at::Tensor& matrix, const std::vector<std::int64_t>& rows) {
  const auto width = matrix.size(1);
  const auto size = static_cast<std::size_t>(width);
  const auto numbers = matrix.contiguous();
  const T* const all = numbers.const_data_ptr<T>();
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  std::vector<T> low(size, kInfinity), high(size, -kInfinity);
  std::vector<std::int64_t> missing(size, 0);
  for (const auto row : rows) {
    const T* const values = all + row * width;
    for (std::size_t c = 0; c < size; ++c) {  // comparisons with NaN are false
      low[c] = values[c] < low[c] ? values[c] : low[c];
      high[c] = values[c] > high[c] ? values[c] : high[c];
      missing[c] += values[c] != values[c];
    }
  }
  std::vector<Extent> result;
  for (std::size_t c = 0; c < size; ++c)
    result.push_back({static_cast<double>(low[c]), static_cast<double>(high[c]), missing[c]});
  return result;
}

std::vector<Extent> extents_of(const at::Tensor& matrix, const std::vector<std::int64_t>& rows) {
  return matrix.scalar_type() == at::kDouble ? extents<double>(matrix, rows) : extents<float>(matrix, rows);
}

/// `sample`: [looked at, columns] float64. Counts and range are those of all rows.
std::vector<Distribution> of_numbers(const std::vector<std::string>& names, const at::Tensor& sample,
                                     const std::vector<Extent>& all, std::int64_t rows) {
  const auto columns = sample.t().contiguous();
  const auto height = columns.size(1);
  std::vector<Distribution> result;
  for (std::size_t c = 0; c < names.size(); ++c) {
    const auto* const values = columns.const_data_ptr<double>() + static_cast<std::int64_t>(c) * height;
    result.push_back(distribution_of_numbers(names[c], {values, values + height}));
    auto& column = result.back();
    column.missing = all[c].missing;
    column.present = rows - all[c].missing;
    if (column.present > 0) {
      column.low = all[c].low;
      column.high = all[c].high;
    }
  }
  return result;
}

Distribution of_words(const std::string& name, const std::vector<std::string>& column,
                      const std::vector<std::int64_t>& sample, const std::vector<std::int64_t>& rows) {
  std::int64_t missing = 0;
  auto result = distribution_of_words(name, count_words(column, sample, missing), missing);
  result.missing = std::count_if(rows.begin(), rows.end(), [&](std::int64_t row) {
    return column[static_cast<std::size_t>(row)].empty();
  });
  result.present = static_cast<std::int64_t>(rows.size()) - result.missing;
  return result;
}

std::vector<Distribution> of_targets(const Table& table, const std::vector<std::int64_t>& rows,
                                     const std::vector<std::int64_t>& sample) {
  if (!table.target.defined() || table.target_names.empty()) return {};
  if (table.has_classes()) {
    WordCounts counts;
    const auto* const classes = table.target.const_data_ptr<std::int64_t>();
    for (const auto row : rows) ++counts[table.labels[static_cast<std::size_t>(classes[row])]];
    return {distribution_of_words(table.target_names[0], counts, 0)};
  }
  const auto matrix = table.target.reshape({table.target.size(0), -1});
  return of_numbers(table.target_names, matrix.index_select(0, at::tensor(sample, at::kLong)).to(at::kDouble),
                    extents_of(matrix, rows), static_cast<std::int64_t>(rows.size()));
}

std::vector<Distribution> list_of(const nlohmann::json& json, const char* key) {
  std::vector<Distribution> all;
  for (const auto& one : json.at(key)) all.push_back(Distribution::from_json(one));
  return all;
}

nlohmann::json json_of(const std::vector<Distribution>& all) {
  auto list = nlohmann::json::array();
  for (const auto& one : all) list.push_back(one.to_json());
  return list;
}

}  // namespace

DataProfile profile_of(const Table& table, const std::vector<std::int64_t>& rows) {
  DataProfile profile;
  const auto sample = sample_of(table, rows);
  profile.rows = static_cast<std::int64_t>(rows.size());
  profile.looked_at = static_cast<std::int64_t>(sample.size());
  std::vector<std::string> names;
  for (const auto& field : table.numeric_names) names.push_back(field.name);
  if (!names.empty()) {
    auto ranges = extents_of(table.numeric, rows);
    for (std::size_t c = 0; c < table.exact.size(); ++c)
      if (table.exact[c].defined()) ranges[c] = extents_of(table.exact[c].unsqueeze(1), rows)[0];
    profile.columns = of_numbers(names, table.numbers(sample, at::kDouble), ranges, profile.rows);
  }
  for (std::size_t c = 0; c < table.categorical_names.size(); ++c)
    profile.columns.push_back(of_words(table.categorical_names[c], table.categorical[c], sample, rows));
  profile.targets = of_targets(table, rows, sample);
  return profile;
}

nlohmann::json DataProfile::to_json() const {
  return {{"version", kVersion},
          {"rows", rows},
          {"looked_at", looked_at},
          {"columns", json_of(columns)},
          {"targets", json_of(targets)},
          {"scores", json_of(scores)},
          {"scored", scored}};
}

DataProfile DataProfile::from_json(const nlohmann::json& json) {
  DataProfile profile;
  try {
    if (const auto version = json.at("version").get<std::int64_t>(); version > kVersion)
      throw DataError(
          fmt::format("its profile has version {}, but this ringtrain reads up to {}; use a newer ringtrain",
                      version, kVersion));
    profile.rows = json.at("rows").get<std::int64_t>();
    profile.looked_at = json.at("looked_at").get<std::int64_t>();
    profile.columns = list_of(json, "columns");
    profile.targets = list_of(json, "targets");
    profile.scores = list_of(json, "scores");
    profile.scored = json.at("scored").get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("profile: a field is missing or of a wrong type ({})", error.what()));
  }
  return profile;
}

}  // namespace ringtrain
