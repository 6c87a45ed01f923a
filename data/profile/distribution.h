#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringtrain {

/// How the values of one column lie, small enough to be kept with a model.
///
/// Numbers: `edges` cut them into bins of about equal counts, 20 at most; bin i holds what is above edges[i -
/// 1] and at most edges[i], the first and the last one what is below and above all edges. An edge stands
/// halfway between two values that were there, so that rounding moves none into another bin.
/// Words: the most frequent ones with their counts, and `rest`, the values that are none of them.
struct Distribution {
  static constexpr std::size_t kBins = 20, kWords = 100;

  std::string name;
  bool of_words = false;
  std::int64_t present = 0, missing = 0;  ///< of all rows
  double low = 0, high = 0;               ///< of all numbers; meaningless where there is none
  std::vector<double> edges;              ///< rising; empty: all numbers are one, or there is none
  std::vector<std::int64_t> bins;         ///< [edges + 1] of the rows that were looked at
  std::vector<std::pair<std::string, std::int64_t>> words;  ///< by falling count, then by text
  std::int64_t rest = 0;
  std::int64_t different = 0;  ///< words, of the rows that were looked at
  /// Values whose word stands there once or twice: about as many of other rows have a word that is new, or
  /// too rare to be learned (Good 1953).
  std::int64_t rare = 0;

  /// Values that the bins, or the words and the rest, count.
  std::int64_t counted() const;
  /// Missing values among all rows; 0 of none.
  double missing_share() const;
  std::size_t bin_of(double value) const;

  nlohmann::json to_json() const;
  /// Throws DataError for a field that is missing, of a wrong type, or does not fit the others.
  static Distribution from_json(const nlohmann::json& json);
};

using WordCounts = std::unordered_map<std::string_view, std::int64_t>;

/// How often each word stands in some rows of a column; missing ones are counted apart. The column outlives
/// the counts.
WordCounts count_words(const std::vector<std::string>& column, const std::vector<std::int64_t>& rows,
                       std::int64_t& missing);

/// Edges and bins of these numbers, in any order, NaN for missing; `present`, `missing`, `low` and `high` are
/// of them, too.
Distribution distribution_of_numbers(std::string name, std::vector<double> values);

/// Words and the rest of these counts.
Distribution distribution_of_words(std::string name, const WordCounts& counts, std::int64_t missing);

}  // namespace ringtrain
