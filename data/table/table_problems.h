#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/column_selection.h"
#include "data/table/column_stream.h"
#include "data/table/table.h"

namespace ringtrain {

/// Everything that is wrong with a table, column by column.
class TableProblems {
 public:
  /// All outlive it. Columns are counted as `wanted` counts them: numeric, then categorical.
  TableProblems(const TableConfig& config, const ColumnSelection& selection, const WantedColumns& wanted,
                TargetKind kind, at::ScalarType dtype);

  void add(const ColumnPiece& piece, const RowProblem& problem);
  /// A value is missing, or infinite as float32, in row `row` of a piece; or is a number that its column does
  /// not take.
  void add(const ColumnPiece& piece, std::int64_t row, std::size_t column, ValueState state,
           const std::string& found);
  /// The text of the first one of a kind.
  const std::string& first_of(std::size_t column, ValueState state) const {
    return columns_.at(column).at(state).first;
  }
  bool empty() const { return columns_.empty() && rows_.count == 0; }
  /// Throws DataError with all of them, and with the `data:` block that reads the file where there is one.
  [[noreturn]] void raise() const;

 private:
  struct Tally {
    std::int64_t count = 0;
    std::int64_t row = 0;  ///< of the first one, in the file
    std::string first;     ///< its text, with the place
    /// Counts one more; whether it is the first in the file of those so far.
    bool add(std::int64_t at);
  };
  bool is_target(std::size_t column) const;
  bool is_weight(std::size_t column) const;
  bool is_group(std::size_t column) const;
  bool is_time(std::size_t column) const;
  std::string expected_of(std::size_t column, ValueState state) const;
  std::string name_of(std::size_t column) const;
  std::string place_of(const ColumnPiece& piece, std::int64_t row, std::size_t column) const;
  std::string line_of(std::size_t column, const std::map<ValueState, Tally>& found) const;
  std::string remedy(std::size_t column, const std::map<ValueState, Tally>& found) const;
  std::string block() const;

  const TableConfig& config_;
  const ColumnSelection& selection_;
  const WantedColumns& wanted_;
  TargetKind kind_;
  at::ScalarType dtype_;
  std::map<std::size_t, std::map<ValueState, Tally>> columns_;
  Tally rows_;
};

}  // namespace ringtrain
