#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/schema/preprocessing.h"

namespace ringtrain {

/// Reads rows given as JSON: an object by column names, or an array in the manifest's order (numeric columns,
/// then categorical ones). null and, for numbers, NaN: a missing value. The target's field is ignored, so
/// that rows of the training file can be given.
class JsonRowReader {
 public:
  /// `preprocessing` has columns, and outlives the reader. Fields called as one of `dropped` are ignored.
  explicit JsonRowReader(const Preprocessing& preprocessing, const std::vector<std::string>& dropped = {});

  /// Where the values of one row go: NaN and "" before they are set.
  struct Row {
    float* numbers;                                ///< [numeric columns]
    std::vector<std::vector<std::string>>* words;  ///< [categorical columns][rows]
    std::size_t index = 0;                         ///< the row's place in `words`
  };
  /// Throws DataError that names the field. Missing values are not looked at.
  void read(const rapidjson::Value& value, const Row& row) const;
  /// Sets one column of a row. Throws DataError that names it.
  void set(std::size_t place, const rapidjson::Value& value, const Row& row) const;

  /// The column's place; throws DataError that names those that are meant.
  std::size_t place_of(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  void read_array(const rapidjson::Value& value, const Row& row) const;

  const Preprocessing& preprocessing_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places_;  ///< kIgnored: no column
};

}  // namespace ringtrain
