#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace ringtrain {

/// The columns of a file that are read.
struct WantedColumns {
  std::vector<std::string> numeric, categorical;
  std::string key;  ///< "" for none; carried as text, also where it looks like a missing value
};

/// A value or row that cannot be read. `row` counts from 0 in its piece; the text names the row in the file,
/// from 1.
struct RowProblem {
  std::int64_t row;
  std::string text;
};

/// Some rows of a file.
struct ColumnPiece {
  at::Tensor numeric;                                 ///< [rows, numeric] float32, NaN for missing
  std::vector<std::vector<std::string>> categorical;  ///< [categorical][rows], "" for missing
  std::vector<std::string> keys;                      ///< [rows] where a key is wanted
  std::vector<RowProblem> problems;                   ///< in the order of rows
  std::int64_t rows() const { return numeric.defined() ? numeric.size(0) : 0; }
};

/// Named columns of a file, without a target, piece by piece in constant memory: for prediction.
///
/// A value that cannot be read (no number, infinite) becomes NaN, and a row with a wrong number of fields
/// becomes NaN and "" in all columns; each is told in `problems`. Missing values are NaN and "" without a
/// problem: the caller knows whether the model fills them.
class ColumnStream {
 public:
  virtual ~ColumnStream() = default;

  /// Replaces `piece` by the next rows, at most `most`. False when there are no more. Throws DataError when
  /// the file cannot be read on.
  virtual bool next(ColumnPiece& piece, std::int64_t most) = 0;
  /// Passes over the rows that `next` would give; returns how many.
  virtual std::int64_t skip(std::int64_t most) = 0;
  /// Bytes of the file read so far, about.
  virtual std::int64_t bytes() const = 0;
};

/// A CSV file with a header (also .gz). Throws DataError when it cannot be read, has no header, or lacks
/// columns (all of them named).
std::unique_ptr<ColumnStream> open_csv_columns(const std::filesystem::path& file, WantedColumns wanted);

/// A Parquet file (parquet.apache.org/docs/file-format): numbers of every width and booleans as numbers,
/// strings, dictionaries of strings, whole numbers and booleans as words. Throws DataError when it cannot be
/// read, lacks columns, or a column's type is another.
std::unique_ptr<ColumnStream> open_parquet_columns(const std::filesystem::path& file, WantedColumns wanted);

/// Throws DataError that names the columns that a file lacks. Returns the place of each of `names`.
std::vector<std::size_t> places_of_columns(const std::filesystem::path& file,
                                           const std::vector<std::string>& header,
                                           const WantedColumns& wanted);

}  // namespace ringtrain
