#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/column_selection.h"
#include "data/table/column_stream.h"
#include "data/table/table.h"
#include "data/table/table_problems.h"

namespace ringtrain {

/// Some rows of a table that can be learned from.
struct CheckedPiece {
  at::Tensor numeric;                                 ///< [rows, numeric] float64, NaN for missing
  std::vector<std::vector<std::string>> categorical;  ///< [categorical][rows], "" for missing
  at::Tensor targets;                                 ///< [rows, targets] float64; undefined for classes
  std::vector<std::string> classes;                   ///< [rows]; empty for numbers
  at::Tensor weight;                                  ///< [rows] float64; undefined without data.weight
  std::vector<std::string> groups;                    ///< [rows]; empty without data.split.group
  std::vector<double> times;                          ///< [rows]; empty without data.split.time
  std::vector<std::int64_t> numbers;                  ///< [rows] of each among all of the table, from 0
  std::int64_t rows() const { return static_cast<std::int64_t>(numbers.size()); }
};

/// The one way from a file's columns to rows that are learned from: which columns a configuration (or a
/// schema) wants, which rows it leaves out, and what is wrong with the others.
class CheckedRows {
 public:
  /// `config`, `schema` (may be null) outlive it. Throws DataError, ConfigError as read_table does.
  CheckedRows(const TableConfig& config, TargetKind kind, at::ScalarType dtype, const Preprocessing* schema);
  CheckedRows(const CheckedRows&) = delete;
  CheckedRows& operator=(const CheckedRows&) = delete;

  const ColumnSelection& selection() const { return selection_; }
  const WantedColumns& wanted() const { return wanted_; }
  /// What is unusual about the file and its columns; "" for nothing.
  std::string note() const;

  /// The rows of `piece`, which it empties. False where some row so far has a problem that is not passed
  /// over: then nothing more is made.
  bool take(ColumnPiece& piece, CheckedPiece& rows);
  /// Left out for want of a target (data.missing.target: drop), and for problems (data.bad_rows: skip).
  std::int64_t dropped_rows() const { return dropped_; }
  std::int64_t bad_rows() const { return bad_; }
  /// What is wrong with the first bad row.
  const std::string& first_bad() const { return first_bad_; }
  /// Throws DataError with all that is wrong, where that ends the reading; with data.bad_rows: skip where
  /// `bad_rows` (of all ranks, if some read a part each) are more than config.most_bad_rows.
  void require_good(std::int64_t bad_rows) const;
  /// Throws DataError: no row has a target.
  [[noreturn]] void raise_no_target() const;

 private:
  class BadCells;
  bool takes_numbers() const { return kind_ != TargetKind::classes; }
  std::size_t target_column(std::size_t i) const;
  bool target_is_missing(const ColumnPiece& piece, std::int64_t row, std::size_t i,
                         const BadCells& bad) const;
  bool lacks_a_target(const ColumnPiece& piece, std::int64_t row, const BadCells& bad) const;
  void check_targets(const ColumnPiece& piece, std::int64_t row, const BadCells& bad);
  void check_weight(const ColumnPiece& piece, std::int64_t row, const BadCells& bad);
  void check_split(const ColumnPiece& piece, std::int64_t row, const BadCells& bad);
  std::size_t time_column() const;
  void check_features(const ColumnPiece& piece, std::int64_t row, const BadCells& bad);
  void report(const ColumnPiece& piece, std::int64_t row, std::size_t column, ValueState state,
              const std::string& found);

  const TableConfig& config_;
  TargetKind kind_;
  at::ScalarType dtype_;
  bool has_schema_;
  FileColumns columns_;
  ColumnSelection selection_;
  WantedColumns wanted_;
  std::vector<bool> refused_numbers_, refused_words_;  ///< whose missing values are refused
  TableProblems problems_;
  std::vector<char> is_bad_;  ///< [rows of the piece]
  std::int64_t dropped_ = 0, bad_ = 0;
  std::string first_bad_;
};

}  // namespace ringtrain
