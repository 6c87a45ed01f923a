#include "data/table/byte_stream.h"

#include <arrow/result.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <istream>
#include <utility>

#include "common/errors.h"
#include "data/table/arrow_input.h"
#include "storage/arrow_files.h"

namespace ringtrain {

struct ByteStream::Input {
  std::string name;
  std::shared_ptr<arrow::io::FileInterface> raw{};
  std::function<std::size_t(char* to, std::size_t most)> read{};
  std::string ahead{};    ///< what was looked at, from `given` on
  std::size_t given = 0;  ///< of `ahead`
};

ByteStream::ByteStream(const Location& file) : input_(new Input{.name = file.string()}) {
  auto stream = open_input(file, &input_->raw);
  input_->read = [stream, name = input_->name](char* to, std::size_t most) {
    auto got = stream->Read(static_cast<std::int64_t>(most), to);
    if (!got.ok()) throw DataError(fmt::format("reading {} failed: {}", name, got.status().message()));
    return static_cast<std::size_t>(*got);
  };
}

ByteStream::ByteStream(const Location& file, std::int64_t begin, std::int64_t end)
    : input_(new Input{.name = file.string()}) {
  if (file.is_remote()) {  // each ReadAt would be a request
    const auto stream = open_object(file, end);
    static_cast<void>(stream->Seek(begin));
    input_->read = [stream, end, name = input_->name](char* to, std::size_t most) {
      const auto at = stream->Tell().ValueOr(end);
      auto got = stream->Read(std::min(static_cast<std::int64_t>(most), end - at), to);
      if (!got.ok()) throw DataError(fmt::format("reading {} failed: {}", name, got.status().message()));
      if (*got == 0 && at < end) throw DataError(fmt::format("{} is shorter than it was", name));
      return static_cast<std::size_t>(*got);
    };
    return;
  }
  input_->read = [stream = open_file(file), at = begin, end, name = input_->name](char* to,
                                                                                  std::size_t most) mutable {
    auto got = stream->ReadAt(at, std::min(static_cast<std::int64_t>(most), end - at), to);
    if (!got.ok()) throw DataError(fmt::format("reading {} failed: {}", name, got.status().message()));
    if (*got == 0 && at < end) throw DataError(fmt::format("{} is shorter than it was", name));
    at += *got;
    return static_cast<std::size_t>(*got);
  };
}

ByteStream::ByteStream(std::istream& in, std::string name) : input_(new Input{.name = std::move(name)}) {
  input_->read = [&in, name = input_->name](char* to, std::size_t most) -> std::size_t {
    if (in.rdbuf()->in_avail() <= 0 && in.peek() == std::istream::traits_type::eof()) {
      if (in.bad()) throw DataError(fmt::format("{} cannot be read to its end", name));
      return 0;
    }
    const auto there = std::max<std::streamsize>(in.rdbuf()->in_avail(), 1);
    in.read(to, std::min(there, static_cast<std::streamsize>(most)));
    return static_cast<std::size_t>(in.gcount());
  };
}

ByteStream::ByteStream(std::string text, std::string name)
    : input_(new Input{.name = std::move(name), .ahead = std::move(text)}) {}

ByteStream::~ByteStream() = default;
ByteStream::ByteStream(ByteStream&&) noexcept = default;

std::size_t ByteStream::read(char* to, std::size_t most) {
  Input& s = *input_;
  if (s.given < s.ahead.size()) {
    const auto count = std::min(most, s.ahead.size() - s.given);
    std::copy_n(s.ahead.data() + s.given, count, to);
    s.given += count;
    if (s.given == s.ahead.size()) {
      s.ahead = {};
      s.given = 0;
    }
    return count;
  }
  return s.read ? s.read(to, most) : 0;
}

std::string_view ByteStream::peek(std::size_t count) {
  Input& s = *input_;
  s.ahead.erase(0, std::exchange(s.given, 0));
  while (s.read && s.ahead.size() < count) {
    const auto had = s.ahead.size();
    s.ahead.resize(count);
    const auto got = s.read(s.ahead.data() + had, count - had);
    s.ahead.resize(had + got);
    if (got == 0) break;
  }
  return std::string_view(s.ahead).substr(0, count);
}

std::int64_t ByteStream::bytes() const { return input_->raw ? bytes_read(*input_->raw) : 0; }

const std::string& ByteStream::name() const { return input_->name; }

}  // namespace ringtrain
