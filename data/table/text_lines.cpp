#include "data/table/text_lines.h"

#include <fmt/format.h>

#include <cstring>
#include <vector>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/byte_stream.h"

namespace ringtrain {

struct TextLines::Input {
  ByteStream bytes;
  std::vector<char> buffer = std::vector<char>(1 << 18);
  std::size_t begin = 0, end = 0;
  bool at_end = false;

  /// Makes room behind what is left, and reads on.
  void refill() {
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
    begin = 0;
    if (end == buffer.size()) {
      if (buffer.size() >= kLongest)
        throw DataError(fmt::format("{}: a line is longer than {} bytes; is it a file of rows, one a line?",
                                    bytes.name(), with_commas(static_cast<std::int64_t>(kLongest))));
      buffer.resize(buffer.size() * 2);
    }
    const auto got = bytes.read(buffer.data() + end, buffer.size() - end);
    at_end = got == 0;
    end += got;
  }
};

TextLines::TextLines(const Location& file) : input_(new Input{.bytes = ByteStream(file)}) {}
TextLines::TextLines(std::istream& in) : input_(new Input{.bytes = ByteStream(in, "the standard input")}) {}
TextLines::~TextLines() = default;
TextLines::TextLines(TextLines&&) noexcept = default;

std::int64_t TextLines::bytes() const { return input_->bytes.bytes(); }

bool TextLines::next(std::string_view& line) {
  Input& s = *input_;
  for (std::size_t seen = 0;;) {
    const char* const from = s.buffer.data() + s.begin;
    const auto* stop = static_cast<const char*>(std::memchr(from + seen, '\n', s.end - s.begin - seen));
    if (!stop && !s.at_end) {
      seen = s.end - s.begin;
      s.refill();
      continue;
    }
    if (!stop && s.begin == s.end) return false;
    auto size = stop ? static_cast<std::size_t>(stop - from) : s.end - s.begin;
    s.begin += size + (stop ? 1 : 0);
    if (size > 0 && from[size - 1] == '\r') --size;
    line = {from, size};
    return true;
  }
}

}  // namespace ringtrain
