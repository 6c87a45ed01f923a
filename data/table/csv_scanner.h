#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/errors.h"
#include "data/table/byte_stream.h"
#include "data/table/csv_dialect.h"
#include "storage/location.h"

namespace ringtrain {

/// A record that cannot be used: bytes that are no text, a NUL, a quote in a wrong place. The scanner goes on
/// behind it. what() names the file; `text` is the same without it: "row 3 (line 4), column 'b': ...".
struct CsvRecordError : DataError {
  CsvRecordError(const std::string& file, std::string text_without_file)
      : DataError(file + ": " + text_without_file), text(std::move(text_without_file)) {}
  std::string text;
};

/// Reads a CSV file record by record, and knows where each one stands. Records end in \n, \r\n, or \r; lines
/// of blanks alone are passed over. The first record is the header. Columns that the dialect leaves out are
/// not given, neither in the header nor in rows.
///
/// Beyond RFC 4180: a quote in the middle of a field that began without one is a character; blanks between
/// the closing quote and the delimiter are dropped.
class CsvScanner {
 public:
  /// A longer record is an error: a quote that is never closed would fill the memory.
  static constexpr std::size_t kLongestRecord = std::size_t{64} << 20;

  /// In the dialect that find_dialect finds. Throws DataError as it does, and when the file cannot be opened.
  explicit CsvScanner(const Location& file, const CsvConfig& config = {});
  CsvScanner(ByteStream in, const CsvDialect& dialect);
  ~CsvScanner();
  CsvScanner(CsvScanner&&) noexcept;

  /// The next record's fields, as UTF-8, valid until the next call; false at the end. Throws CsvRecordError;
  /// DataError when reading fails, a quote is not closed, or a record is longer than kLongestRecord.
  bool next(std::vector<std::string_view>& fields);
  /// Passes over the record that `next` would give, whatever it holds; false at the end.
  bool skip();
  /// The line, from 1, on which the last record begins.
  std::int64_t line() const;
  /// The last record's row: 0 is the header, 1 the first data row.
  std::int64_t row() const;
  /// The bytes of the file before the next record, of a file that is UTF-8 and not packed; nothing where the
  /// last line's end may go on.
  std::optional<std::int64_t> next_begins() const;
  /// The line on which the next record begins, or blank ones before it.
  std::int64_t next_line() const;
  /// What is scanned begins with that row, on that line: it is a part of a file, without its header.
  void begin_at(std::int64_t row, std::int64_t line);
  /// "row 1,234 (line 1,300)" of the last record; "the header (line 1)".
  std::string place() const;
  /// Bytes of the file read so far (of a .gz: packed ones), up to a buffer more than the records need.
  std::int64_t bytes() const;
  const CsvDialect& dialect() const;
  /// The file, as errors name it.
  const std::string& name() const;
  /// The columns' names, for errors; read_header gives them.
  void name_columns(std::vector<std::string> names);

 private:
  struct Rows;
  std::unique_ptr<Rows> rows_;
};

}  // namespace ringtrain
