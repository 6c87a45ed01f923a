#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/schema/preprocessing.h"
#include "data/schema/reading.h"
#include "data/table/file_part.h"
#include "data/table/table_files.h"
#include "storage/location.h"

namespace ringtrain {

/// A column of numbers, and the file's column that it is read from.
struct NumericField {
  NumericField(const char* name) : name(name), column(name) {}                   // NOLINT
  NumericField(std::string name) : name(std::move(name)), column(this->name) {}  // NOLINT
  NumericField(std::string name, std::string column, DatePart part)
      : name(std::move(name)), column(std::move(column)), part(part) {}
  std::string name, column;
  DatePart part = DatePart::none;  ///< of the date that `column` holds
};

/// The columns of a file that are read.
struct WantedColumns {
  std::vector<NumericField> numeric;
  std::vector<std::string> categorical;
  std::string key;  ///< "" for none; carried as text, also where it looks like a missing value
  ReadingRules reading{.version = 2, .missing = ReadingRules::usual_missing()};
  CsvConfig csv{};  ///< what is known of a CSV file
};

/// A value or row that cannot be read. `row` counts from 0 in its piece; the text names the row in the file,
/// from 1.
struct RowProblem {
  std::int64_t row;
  std::string text{};  ///< "row 2 (line 3), column 'b': expected a number, got 'oops'"
  int column = -1;     ///< its place among the numeric columns, then the categorical ones; -1: the whole row
  ValueState state = ValueState::good;
};

/// Some rows of a file.
struct ColumnPiece {
  at::Tensor numeric;                                 ///< [rows, numeric] float64, NaN for missing
  std::vector<std::vector<std::string>> categorical;  ///< [categorical][rows], "" for missing
  std::vector<std::string> keys;                      ///< [rows] where a key is wanted
  std::vector<std::int64_t> lines;                    ///< [rows] of CSV: where each row begins, from 1
  std::vector<RowProblem> problems;                   ///< in the order of rows
  std::int64_t first_row = 0;                         ///< the number of its first row in the file, from 0
  std::string file{};                                 ///< the one it is of, where the table is several
  std::int64_t rows_before = 0;                       ///< of the files before that one
  std::int64_t rows() const { return numeric.defined() ? numeric.size(0) : 0; }
  /// The number of row `row` of the piece among all rows of the table, from 0.
  std::int64_t number(std::int64_t row) const { return rows_before + first_row + row; }
  /// "row 2 (line 3)" of row `row` of the piece, of several files "b.csv, row 2 (line 3)".
  std::string place(std::int64_t row) const;
};

/// Named columns of a file, piece by piece in constant memory: the one way in which tables are read, for
/// training, evaluation and prediction.
///
/// A value that cannot be read (no number, infinite) becomes NaN or "", and a row with a wrong number of
/// fields becomes NaN and "" in all columns; each is told in `problems`. Missing values are NaN and ""
/// without a problem: the caller knows whether the model fills them.
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

/// A CSV file with a header (also .gz; "-" is the standard input). Throws DataError when it cannot be read,
/// has no header, or lacks columns (all of them named). With `part` its rows alone, numbered as in the file.
std::unique_ptr<ColumnStream> open_csv_columns(const Location& file, WantedColumns wanted,
                                               const FilePart* part = nullptr);

/// A Parquet file (parquet.apache.org/docs/file-format): numbers of every width, decimals and booleans as
/// numbers; strings, dictionaries, numbers and booleans as words; dates, timestamps and strings as dates.
/// Throws DataError when it cannot be read, lacks columns, or a column's type is another. `part`: as of CSV.
std::unique_ptr<ColumnStream> open_parquet_columns(const Location& file, WantedColumns wanted,
                                                   const FilePart* part = nullptr);

/// The files of `place` (table_files.h), each of the form that its name tells: .parquet and .pq, else CSV.
std::unique_ptr<ColumnStream> open_columns(const Location& place, WantedColumns wanted);

/// A part of one of the files of `place`, before which there are `rows_before` rows of other files.
std::unique_ptr<ColumnStream> open_part_columns(const Location& place, const TableFile& file,
                                                std::int64_t rows_before, const FilePart& part,
                                                WantedColumns wanted);

/// What a file's columns are called.
struct FileColumns {
  std::vector<std::string> names;
  /// Names of index columns, which pandas and R write beside the data: read only where they are asked for.
  std::vector<std::string> index;
  /// What the file is like where that is unusual, in one line; "" when it is as usual.
  std::string note;
  bool has_rows = true;
};
/// Of the files of `place` together. Throws DataError where one cannot be read, where none has rows, and
/// where they differ in their columns: by name.
FileColumns columns_of_file(const Location& place, const CsvConfig& csv);
/// Of one file.
FileColumns columns_of_csv(const Location& file, const CsvConfig& csv);
FileColumns columns_of_parquet(const Location& file);

/// Throws DataError that names the columns that a file lacks. Returns the places of the numeric, the
/// categorical columns and the key.
std::vector<std::size_t> places_of_columns(const Location& file, const std::vector<std::string>& header,
                                           const WantedColumns& wanted);

/// Collects the problems of one piece.
class PieceProblems {
 public:
  PieceProblems(ColumnPiece& piece, const WantedColumns& wanted) : piece_(piece), wanted_(wanted) {}
  /// A value of column `column` (numeric, then categorical) cannot be read.
  void value(std::int64_t row, std::size_t column, ValueState state, const std::string& found);
  void wrong_fields(std::int64_t row, std::size_t fields, std::size_t expected);
  /// `text` names the row.
  void whole_row(std::int64_t row, std::string text);

 private:
  ColumnPiece& piece_;
  const WantedColumns& wanted_;
};

/// A date's part, as a numeric column has it.
Number number_of_date(std::string_view text, DatePart part, const Reading& reading);

}  // namespace ringtrain
