#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/preprocessing.h"
#include "data/table/column_stream.h"

namespace ringtrain {

/// How the target columns are read.
enum class TargetKind {
  classes,  ///< one column of words or whole numbers; each distinct one a class
  number,   ///< floating numbers
  flags     ///< 0 or 1, false or true
};

/// A data file in memory, as declared: raw, not normalised. Rows keep the file's order.
struct Table {
  std::vector<NumericField> numeric_names;
  std::vector<std::string> categorical_names;
  at::Tensor numeric;  ///< [rows, numeric], float32 or float64, NaN for missing
  /// By numeric column: [rows] float64 where float32 may lose digits of its values, else undefined; all
  /// undefined where `numeric` is float64.
  std::vector<at::Tensor> exact;
  std::vector<std::vector<std::string>> categorical;  ///< [categorical][rows], "" for missing
  std::vector<std::string> target_names;
  std::vector<std::string> ignored_names;  ///< columns of the file that are not here
  /// Classes: sorted, numbers by value, else by text. Flags: the targets' names. Else empty.
  std::vector<std::string> labels;
  /// Classes: [rows] int64, indices into labels. Else floats of numeric's dtype: [rows] of one number,
  /// [rows, targets] of several and of flags. Undefined without targets.
  at::Tensor target;
  at::Tensor weight;                  ///< [rows] float64, finite, from 0 on; undefined without data.weight
  std::vector<std::uint64_t> groups;  ///< [rows] hash_bytes of data.split.group; empty without it
  std::vector<double> times;  ///< [rows] of data.split.time, of dates days since 1970; empty without it
  /// The row of the file, from 0, that each row is, where some were left out; else empty.
  std::vector<std::int64_t> file_rows;
  std::int64_t dropped_rows = 0;  ///< for want of a target
  std::int64_t bad_rows = 0;      ///< left out with data.bad_rows: skip
  std::string first_bad_row{};    ///< what is wrong with the first of them
  std::string note;               ///< what is unusual about the file and its columns; "" for nothing
  bool has_classes() const { return target.defined() && target.scalar_type() == at::kLong; }
  std::int64_t rows() const { return numeric.defined() ? numeric.size(0) : 0; }
  std::int64_t file_row(std::int64_t row) const {
    return file_rows.empty() ? row : file_rows[static_cast<std::size_t>(row)];
  }
  /// The numbers of some rows, in `type`: [rows, numeric]; float64 has the digits of `exact`.
  at::Tensor numbers(const std::vector<std::int64_t>& rows, at::ScalarType type) const;
};

/// Reads a CSV file (also .gz) with a header line, or a Parquet file (.parquet, .pq). `schema`: of a model
/// that was trained; then the columns are its columns, found by their names, and read by its rules. Values
/// that cannot be read or are missing where `config.missing` refuses that throw DataError with all of the
/// file's problems, column by column: the first place of each (row 1 is the first data row; of CSV with its
/// line in the file), what was found, how many there are, and what to do. So do flags that are neither 0 nor
/// 1 and weights below 0; several targets of classes throw ConfigError. `dtype`: at::kFloat or at::kDouble.
Table read_table(const TableConfig& config, TargetKind target, at::ScalarType dtype,
                 const Preprocessing* schema = nullptr);

}  // namespace ringtrain
