#include "data/profile/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// Halfway between two neighbours, at about every twentieth of the values; `sorted` holds no NaN.
std::vector<double> quantile_edges(const std::vector<double>& sorted) {
  std::vector<double> edges;
  for (std::size_t k = 1; k < Distribution::kBins; ++k) {
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(k * sorted.size() / Distribution::kBins);
    if (at == sorted.begin()) continue;
    const auto next = std::upper_bound(sorted.begin(), sorted.end(), *(at - 1));
    if (next == sorted.end()) break;
    const double edge = *(at - 1) / 2 + *next / 2;
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  return edges;
}

template <class T>
T read(const nlohmann::json& json, const char* key) {
  try {
    return json.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("profile: field '{}' is missing or of a wrong type ({})", key, error.what()));
  }
}

}  // namespace

std::int64_t Distribution::counted() const {
  std::int64_t sum = rest;
  for (const auto count : bins) sum += count;
  for (const auto& [word, count] : words) sum += count;
  return sum;
}

double Distribution::missing_share() const {
  const auto rows = present + missing;
  return rows > 0 ? static_cast<double>(missing) / static_cast<double>(rows) : 0;
}

std::size_t Distribution::bin_of(double value) const {
  return static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
}

WordCounts count_words(const std::vector<std::string>& column, const std::vector<std::int64_t>& rows,
                       std::int64_t& missing) {
  WordCounts counts;
  for (const auto row : rows) {
    const std::string_view word = column[static_cast<std::size_t>(row)];
    word.empty() ? ++missing : ++counts[word];
  }
  return counts;
}

Distribution distribution_of_numbers(std::string name, std::vector<double> values) {
  Distribution result;
  result.name = std::move(name);
  const auto rows = values.size();
  std::erase_if(values, [](double value) { return std::isnan(value); });
  result.present = static_cast<std::int64_t>(values.size());
  result.missing = static_cast<std::int64_t>(rows - values.size());
  std::sort(values.begin(), values.end());
  if (!values.empty()) {
    result.low = values.front();
    result.high = values.back();
    result.edges = quantile_edges(values);
  }
  result.bins.assign(result.edges.size() + 1, 0);
  auto from = values.begin();
  for (std::size_t bin = 0; bin < result.bins.size(); ++bin) {
    const auto to =
        bin < result.edges.size() ? std::upper_bound(from, values.end(), result.edges[bin]) : values.end();
    result.bins[bin] = to - from;
    from = to;
  }
  return result;
}

Distribution distribution_of_words(std::string name, const WordCounts& counts, std::int64_t missing) {
  Distribution result;
  result.name = std::move(name);
  result.of_words = true;
  result.missing = missing;
  result.different = static_cast<std::int64_t>(counts.size());
  std::vector<std::pair<std::string_view, std::int64_t>> sorted(counts.begin(), counts.end());
  const auto kept = std::min(sorted.size(), Distribution::kWords);
  const auto more_frequent = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  std::partial_sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept), sorted.end(),
                    more_frequent);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    result.present += sorted[i].second;
    if (sorted[i].second <= 2) result.rare += sorted[i].second;
    if (i < kept)
      result.words.emplace_back(sorted[i].first, sorted[i].second);
    else
      result.rest += sorted[i].second;
  }
  return result;
}

nlohmann::json Distribution::to_json() const {
  nlohmann::json json{{"name", name}, {"present", present}, {"missing", missing}};
  if (of_words) {
    json["words"] = words;
    json["rest"] = rest;
    json["different"] = different;
    json["rare"] = rare;
    return json;
  }
  json["low"] = low;
  json["high"] = high;
  json["edges"] = edges;
  json["bins"] = bins;
  return json;
}

Distribution Distribution::from_json(const nlohmann::json& json) {
  Distribution result;
  result.name = read<std::string>(json, "name");
  result.present = read<std::int64_t>(json, "present");
  result.missing = read<std::int64_t>(json, "missing");
  result.of_words = json.contains("words");
  if (result.of_words) {
    result.words = read<decltype(result.words)>(json, "words");
    result.rest = read<std::int64_t>(json, "rest");
    result.different = read<std::int64_t>(json, "different");
    result.rare = read<std::int64_t>(json, "rare");
    return result;
  }
  result.low = read<double>(json, "low");
  result.high = read<double>(json, "high");
  result.edges = read<std::vector<double>>(json, "edges");
  result.bins = read<std::vector<std::int64_t>>(json, "bins");
  if (result.bins.size() != result.edges.size() + 1 ||
      !std::is_sorted(result.edges.begin(), result.edges.end()))
    throw DataError(fmt::format("profile: the bins of '{}' do not fit its edges", result.name));
  return result;
}

}  // namespace ringtrain
