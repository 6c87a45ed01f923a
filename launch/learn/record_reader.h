#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/table/csv_dialect.h"
#include "data/table/csv_scanner.h"
#include "launch/learn/stream_source.h"

namespace ringtrain {

/// Takes the bytes of one file, as they come, apart into records: CSV with a header (read by
/// data/table/csv_scanner.h), or JSON lines.
class RecordReader {
 public:
  enum class Form { unknown, csv, json_lines };
  /// `unknown`: as the first byte that is no blank shows.
  RecordReader(std::string source, Form form, CsvConfig csv);

  /// The byte that is wanted next.
  std::int64_t wanted() const { return base_ + static_cast<std::int64_t>(buffer_.size()); }
  /// Bytes that begin at `offset`, which is not behind `wanted`; those before `wanted` are passed over.
  void feed(std::string_view bytes, std::int64_t offset);
  /// No more bytes come: what is there is whole.
  void finish() { finished_ = true; }
  bool finished() const { return finished_; }

  /// The next record; false where more bytes are needed. Throws DataError for a header that cannot be used,
  /// and for a text that is not UTF-8.
  bool next(StreamRecord& record);
  /// Where the next record begins.
  std::int64_t offset() const { return offset_; }
  /// Goes on at a record that begins there; the header has to be fed first where there is one.
  void jump(std::int64_t offset);

 private:
  bool begin();
  bool begin_part();
  bool next_csv(StreamRecord& record);
  bool next_line(StreamRecord& record);
  void read_json(std::string_view line, StreamRecord& record);
  void end_part();
  std::size_t complete() const;
  bool opens_quote(std::string_view before) const;

  std::string source_;
  Form form_;
  CsvConfig csv_;
  std::string buffer_;  // what begins at base_
  std::int64_t base_ = 0, offset_ = 0;
  std::optional<std::int64_t> jump_;
  bool finished_ = false;
  CsvDialect dialect_;
  bool knows_dialect_ = false;
  std::shared_ptr<const std::vector<std::string>> names_;
  std::unique_ptr<CsvScanner> scanner_;  // of the first part_ bytes of the buffer
  std::size_t part_ = 0;
};

}  // namespace ringtrain
