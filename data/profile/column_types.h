#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/table/column_stream.h"
#include "storage/location.h"

namespace ringtrain {

/// A column of a file, and how its values are looked at: as words, from which numbers are told; dates and
/// timestamps of Parquet as dates; what is neither (a list) is not read.
struct ColumnType {
  enum class Kind { words, dates, none };
  std::string name;
  Kind kind = Kind::words;
  std::string type;  ///< as Parquet calls it
};

/// In the file's order. Throws DataError when it cannot be read or has no rows.
std::vector<ColumnType> column_types(const Location& file);

/// The number that a word is to training and prediction; a boolean is a word.
std::optional<double> number_of(const std::string& word);

/// A point in time as parse_date reads it.
std::string text_of_days(double days);

}  // namespace ringtrain
