#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string_view>

#include "storage/location.h"

namespace ringtrain {

/// The lines of a text file (also .gz) or stream, in constant memory.
class TextLines {
 public:
  /// A line longer than this is an error: a file that is not made of lines would fill the memory.
  static constexpr std::size_t kLongest = std::size_t{64} << 20;

  /// Throws DataError when the file cannot be opened.
  explicit TextLines(const Location& file);
  explicit TextLines(std::istream& in);
  ~TextLines();
  TextLines(TextLines&&) noexcept;

  /// The next line without its end (\n or \r\n), valid until the next call; false at the end. Throws
  /// DataError when reading fails or the line is longer than kLongest.
  bool next(std::string_view& line);
  /// Bytes of the file read so far (of a .gz: packed ones); of a stream 0.
  std::int64_t bytes() const;

 private:
  struct Input;
  std::unique_ptr<Input> input_;
};

}  // namespace ringtrain
