#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "data/data_config.h"

namespace ringtrain {

/// Where a record begins: in a file (or topic), in one of its partitions, at an offset. Of files the
/// partition is 0 and the offset a byte's, from 0.
struct StreamPosition {
  std::string source{};
  std::int64_t partition = 0, offset = 0;
  bool operator==(const StreamPosition&) const = default;
};

/// A value as the stream has it: nothing (JSON's null), or what data/schema/reading.h reads.
using StreamValue = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

/// One record of a stream.
struct StreamRecord {
  StreamPosition position;
  std::shared_ptr<const std::vector<std::string>> names;
  std::vector<StreamValue> values;  ///< as many as names; none where there is a problem
  bool decimal_comma = false;       ///< a text such as 12,5 is a number
  std::string text;                 ///< as it stands in the stream
  std::string problem;              ///< why it cannot be taken apart; "" where it can
};

/// Records in an order that is the same whenever they are read again.
class StreamSource {
 public:
  enum class Next { record, nothing_yet, end };
  virtual ~StreamSource() = default;
  /// Replaces `record` by the next one. Waits for at most a moment. Throws DataError when reading fails.
  virtual Next next(StreamRecord& record) = 0;
  /// What lies behind the record that `next` gave last, for `seek` of another process.
  virtual nlohmann::ordered_json position() const = 0;
  /// Before the first `next`: goes on there. Throws DataError where that is no longer possible.
  virtual void seek(const nlohmann::ordered_json& position) = 0;
  /// After `seek`: the files that another process took next, in order; those that lie between are passed
  /// over.
  virtual void take_in_order(const std::vector<std::string>& /*sources*/) {}
  /// Bytes read so far, and of all that is there now; 0: nobody knows.
  virtual std::int64_t bytes() const = 0;
  virtual std::int64_t total_bytes() const = 0;
};

/// What `place` names: a folder of files, a file, or "-", the standard input. Files are CSV with a header, or
/// JSON lines (.jsonl, .ndjson, .json, or text that begins with an object); UTF-8, not packed.
///
/// A folder's files are taken in the order of their names, each when it is there: it is to be whole then, so
/// write it under another name (ending in .tmp or .part, or beginning with . or _) and rename it. A file that
/// comes later with a name before that of one taken is passed over, with a warning.
///
/// `follow`: at the end there is nothing yet in place of the end, and a file's last line is taken when its
/// newline is there. Throws ConfigError, DataError.
std::unique_ptr<StreamSource> open_stream(const std::string& place, bool follow, const CsvConfig& csv);

}  // namespace ringtrain
