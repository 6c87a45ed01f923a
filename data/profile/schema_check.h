#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/data_schema.h"
#include "storage/location.h"

namespace ringtrain {

/// One way in which a column is not what its schema says.
struct Violation {
  struct Example {
    std::int64_t row;  ///< of all rows of the place, from 0
    std::string value;
  };
  static constexpr std::size_t kExamples = 3;

  std::string column, rule;       ///< rule: "outside [0, 120]", "none of its 3 words"
  std::int64_t count = 0;         ///< rows
  std::vector<Example> examples;  ///< the first ones
  bool of_rows = true;            ///< leaving those rows out mends it; else the column itself is wrong
  /// "column 'age': 3 rows outside [0, 120]: row 7: 420, row 12: -1".
  std::string text() const;
};

struct SchemaReport {
  std::int64_t rows = 0;
  std::vector<Violation> violations;   ///< in the schema's order
  std::vector<std::int64_t> bad_rows;  ///< with a violation that leaving out mends, from 0, rising
  bool good() const { return violations.empty(); }
  /// A line for each violation.
  std::string text() const;
};

/// A row that is not as the schema says: its number from 0, the schema's columns with their values, and why.
struct BadRow {
  std::int64_t row;
  std::vector<std::pair<std::string, std::string>> values;  ///< "" for what is missing or cannot be read
  std::string why;
};

/// Holds all rows of CSV or Parquet files against a schema. Values are read as training reads them. A row
/// that cannot be read at all breaks it, too. Throws DataError where a file cannot be read.
SchemaReport hold_against(const DataSchema& schema, const Location& place, const CsvConfig& csv,
                          const std::function<void(const BadRow&)>& on_bad_row = {});

}  // namespace ringtrain
