#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace ringtrain {

/// Reads a CSV file (RFC 4180: quotes, doubled quotes, line breaks inside quotes; .gz too) record by record,
/// and knows where each one stands. For headers, for finding the place of an error, and for rows that may be
/// wrong; whole tables go through Arrow.
class CsvScanner {
 public:
  /// Throws DataError when the file cannot be opened.
  explicit CsvScanner(const std::filesystem::path& file);
  ~CsvScanner();
  CsvScanner(CsvScanner&&) noexcept;

  /// The next record; false at the end. Empty lines are skipped. Throws DataError when reading fails.
  bool next(std::vector<std::string>& fields);
  /// Passes over the next record; false at the end.
  bool skip();
  /// The line, from 1, on which the last record begins.
  std::int64_t line() const { return record_line_; }
  /// Bytes of the file read so far (of a .gz: packed ones), up to a buffer more than the records need.
  std::int64_t bytes() const;

 private:
  struct Input;
  bool refill();
  template <class Fields>
  bool scan(Fields& fields);

  std::unique_ptr<Input> input_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 0;
  bool after_return_ = false;
};

/// The names in the header line. Throws DataError for an empty file, a name that occurs twice, and an empty
/// name.
std::vector<std::string> read_header(CsvScanner& scanner, const std::filesystem::path& file);

}  // namespace ringtrain
