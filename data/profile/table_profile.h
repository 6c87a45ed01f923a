#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/location.h"

namespace ringtrain {

/// What the rows that were looked at say of one column.
struct ColumnProfile {
  struct Value {
    std::string text;
    std::int64_t count;
  };
  /// So many different values are kept.
  static constexpr std::size_t kKept = 1000;

  std::string name;
  std::string unread;        ///< the type of a Parquet column that is not read at all, else ""
  std::int64_t missing = 0;  ///< rows without a value
  std::int64_t present = 0;  ///< rows with one
  std::int64_t numbers = 0;  ///< values that are finite numbers, as float32 too
  std::int64_t whole = 0;    ///< whole numbers
  std::int64_t dates = 0;
  std::int64_t distinct = 0;      ///< different values; 1 and 1.0 are one
  double low = 0, high = 0;       ///< of the numbers
  bool counts_rows = false;       ///< the numbers 0, 1, 2 ... or 1, 2, 3 ... in the order of the rows
  double words_per_value = 0;     ///< mean number of words, divided by blanks
  std::string odd;                ///< the first value that is no finite number, where others are
  std::int64_t odd_row = 0;       ///< its row, from 1
  std::string code;               ///< the first whole number with zeros in front, such as 01234
  std::vector<Value> values;      ///< the most frequent first; all of them up to kKept
  std::vector<std::uint64_t> of;  ///< [rows] what tells values apart; 0: missing
  std::vector<double> as_number;  ///< [rows] NaN where it is none
  bool all_numbers() const { return present > 0 && numbers == present; }
  bool all_dates() const { return present > 0 && dates == present; }
};

/// A file of rows as it was found, all columns in the file's order.
struct TableProfile {
  Location file;
  std::int64_t rows = 0;      ///< that were looked at, from the first on
  std::int64_t all_rows = 0;  ///< of the file
  std::vector<ColumnProfile> columns;
  bool whole() const { return rows == all_rows; }
  /// Null when there is none.
  const ColumnProfile* find(const std::string& name) const;
  std::vector<std::string> names() const;
};

/// Whether a file's name says that it holds a table: .csv, .tsv, either with .gz, .parquet, .pq.
bool is_table_file(const Location& file);

/// Looks at the first `most_rows` rows of a CSV or Parquet file; fewer where there are more than 50 columns,
/// and counts the others. Throws DataError when the file cannot be read or a row has a wrong number of
/// fields.
TableProfile profile_table(const Location& file, std::int64_t most_rows = 100'000);

/// Whether one value of `a` always stands beside the same value of `b`, and the other way round, in the rows
/// where both have one: two names for the same thing. False for columns with one value.
bool one_to_one(const ColumnProfile& a, const ColumnProfile& b);

/// Pearson's correlation in the rows where both are numbers; 0 where it is not defined.
double correlation(const ColumnProfile& a, const ColumnProfile& b);

}  // namespace ringtrain
