#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/schema/preprocessing.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// Reads rows given as JSON: an object by column names, or an array in the manifest's order (numeric columns,
/// then categorical ones). Values are read as those of files are (data/schema/reading.h): null is missing, a
/// number or boolean of a categorical column is its word, a text of a numeric column its number. A date is
/// given by its own column's name, or in an array by its parts. The fields of the target and of other columns
/// of the training file that the model does not take are passed over, so that its rows can be given.
class JsonRowReader {
 public:
  /// `preprocessing` has columns, and outlives the reader. Fields called as one of `dropped` are ignored.
  explicit JsonRowReader(const Preprocessing& preprocessing, const std::vector<std::string>& dropped = {});

  /// Where the values of one row go: NaN and "" before they are set.
  struct Row {
    float* numbers;                                ///< [numeric columns]; null where they are float64
    double* exact;                                 ///< [numeric columns]; null where they are float32
    std::vector<std::vector<std::string>>* words;  ///< [categorical columns][rows]
    std::size_t index = 0;                         ///< the row's place in `words`
  };
  /// That of row `index` of `rows` (missing_rows makes them).
  static Row row_of(Predictor::Rows& rows, std::size_t index);
  /// Throws DataError that names the field. Missing values are not looked at.
  void read(const rapidjson::Value& value, const Row& row) const;
  /// Sets the column `name` of a row, or what is read from it. Throws DataError that names it.
  void set(std::string_view name, const rapidjson::Value& value, const Row& row) const;

  bool has(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  /// The fields that an object may have, as a person gives them.
  std::vector<std::string> given_names() const;
  void read_array(const rapidjson::Value& value, const Row& row) const;
  void set(std::size_t place, const rapidjson::Value& value, const Row& row, bool is_date) const;
  Number number_of(std::size_t place, const rapidjson::Value& value, bool is_date) const;

  const Preprocessing& preprocessing_;
  Reading reading_;
  std::vector<std::string> names_;
  /// Places of what is read from a field; none: it is ignored. Parts of dates have fields of their own too.
  std::unordered_map<std::string, std::vector<std::size_t>, Hash, std::equal_to<>> places_, dates_;
};

}  // namespace ringtrain
