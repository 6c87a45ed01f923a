#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "storage/location.h"

namespace ringtrain {

/// The bytes of a file (a .gz is unpacked) or of a stream, one after another, with a look ahead that loses
/// nothing.
class ByteStream {
 public:
  /// Throws DataError when the file cannot be opened.
  explicit ByteStream(const Location& file);
  /// The bytes [begin, end) of a file, as they are.
  ByteStream(const Location& file, std::int64_t begin, std::int64_t end);
  /// `in` outlives it. `name` stands in errors: "the standard input".
  ByteStream(std::istream& in, std::string name);
  /// A text in memory.
  ByteStream(std::string text, std::string name);
  ~ByteStream();
  ByteStream(ByteStream&&) noexcept;

  /// Puts the next bytes to `to`, at most `most`: what is there, so that rows that are typed or piped slowly
  /// come at once. How many there were; 0 at the end. Throws DataError when reading fails.
  std::size_t read(char* to, std::size_t most);
  /// The next `count` bytes, fewer only where the end comes first; `read` gives them again. Valid until the
  /// next call.
  std::string_view peek(std::size_t count);
  /// Bytes of the file read so far (of a .gz: packed ones); of a stream and a text 0.
  std::int64_t bytes() const;
  const std::string& name() const;

 private:
  struct Input;
  std::unique_ptr<Input> input_;
};

}  // namespace ringtrain
