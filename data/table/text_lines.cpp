#include "data/table/text_lines.h"

#include <arrow/result.h>
#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "common/errors.h"
#include "common/text.h"
#include "data/table/arrow_input.h"

namespace ringtrain {

struct TextLines::Input {
  std::string name;
  std::shared_ptr<arrow::io::FileInterface> raw;
  std::function<std::int64_t(char* to, std::int64_t most)> read;  ///< how many there were; 0 at the end
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
                                    name, with_commas(static_cast<std::int64_t>(kLongest))));
      buffer.resize(buffer.size() * 2);
    }
    const auto got = read(buffer.data() + end, static_cast<std::int64_t>(buffer.size() - end));
    at_end = got == 0;
    end += static_cast<std::size_t>(got);
  }
};

TextLines::TextLines(const std::filesystem::path& file) : input_(new Input) {
  input_->name = file.string();
  auto stream = open_input(file, &input_->raw);
  input_->read = [stream, name = input_->name](char* to, std::int64_t most) {
    auto got = stream->Read(most, to);
    if (!got.ok()) throw DataError(fmt::format("reading {} failed: {}", name, got.status().message()));
    return *got;
  };
}

TextLines::TextLines(std::istream& in) : input_(new Input) {
  input_->name = "the standard input";
  input_->read = [&in](char* to, std::int64_t most) -> std::int64_t {
    // What is there, so that rows that are typed or piped slowly are answered when they come.
    if (in.rdbuf()->in_avail() <= 0 && in.peek() == std::istream::traits_type::eof()) {
      if (in.bad()) throw DataError("the rows cannot be read to their end");
      return 0;
    }
    const auto there = std::max<std::streamsize>(in.rdbuf()->in_avail(), 1);
    in.read(to, std::min<std::streamsize>(there, most));
    return in.gcount();
  };
}

TextLines::~TextLines() = default;
TextLines::TextLines(TextLines&&) noexcept = default;

std::int64_t TextLines::bytes() const { return input_->raw ? bytes_read(*input_->raw) : 0; }

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
