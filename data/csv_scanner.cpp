#include "data/csv_scanner.h"

#include <arrow/result.h>
#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/errors.h"
#include "data/arrow_input.h"
#include "data/values.h"

namespace ringtrain {

struct CsvScanner::Input {
  std::filesystem::path file;
  std::shared_ptr<arrow::io::InputStream> stream;
  std::vector<char> buffer = std::vector<char>(1 << 18);
  bool started = false;
};

CsvScanner::CsvScanner(const std::filesystem::path& file) : input_(new Input{file, open_input(file)}) {}
CsvScanner::~CsvScanner() = default;
CsvScanner::CsvScanner(CsvScanner&&) noexcept = default;

bool CsvScanner::refill() {
  const auto size = static_cast<std::int64_t>(input_->buffer.size());
  auto read = input_->stream->Read(size, input_->buffer.data());
  if (!read.ok())
    throw DataError(fmt::format("reading {} failed: {}", input_->file.string(), read.status().message()));
  at_ = input_->buffer.data();
  end_ = at_ + *read;
  if (!std::exchange(input_->started, true) && std::string_view(at_, end_).starts_with("\xEF\xBB\xBF"))
    at_ += 3;
  return at_ != end_;
}

bool CsvScanner::next(std::vector<std::string>& fields) {
  enum class State { field_start, plain, in_quotes, after_quote } state = State::field_start;
  std::size_t count = 0;
  const auto open_field = [&] {
    if (count == fields.size()) fields.emplace_back();
    fields[count++].clear();
  };
  record_line_ = line_;
  open_field();
  bool blank = true;
  while (at_ != end_ || refill()) {
    const char c = *at_++;
    if (std::exchange(after_return_, false) && c == '\n') {
      if (blank) continue;  // the second half of the last record's \r\n
      fields[count - 1] += c;
      continue;
    }
    if (state == State::in_quotes) {
      if (c == '"') {
        state = State::after_quote;
        continue;
      }
      if (c == '\r') {
        ++line_;
        after_return_ = true;
      } else if (c == '\n') {
        ++line_;
      }
      fields[count - 1] += c;
      continue;
    }
    if (c == '\n' || c == '\r') {
      ++line_;
      after_return_ = c == '\r';
      if (!blank) {
        fields.resize(count);
        return true;
      }
      record_line_ = line_;
      continue;
    }
    blank = false;
    if (c == ',') {
      open_field();
      state = State::field_start;
    } else if (c == '"' && state == State::field_start) {
      state = State::in_quotes;
    } else if (c == '"' && state == State::after_quote) {
      fields[count - 1] += c;
      state = State::in_quotes;
    } else {
      fields[count - 1] += c;
      state = State::plain;
    }
  }
  fields.resize(count);
  return !blank;
}

std::vector<std::string> read_header(CsvScanner& scanner, const std::filesystem::path& file) {
  std::vector<std::string> names;
  if (!scanner.next(names))
    throw DataError(fmt::format("{} is empty; a CSV file with a header line is expected", file.string()));
  std::set<std::string_view> seen;
  for (const auto& name : names) {
    if (name.empty())
      throw DataError(fmt::format("{}: a column of the header has no name (column {} of {})", file.string(),
                                  &name - names.data() + 1, names.size()));
    if (!seen.insert(name).second)
      throw DataError(fmt::format("{}: column {} occurs twice in the header; rename one of them",
                                  file.string(), excerpt(name)));
  }
  return names;
}

}  // namespace ringtrain
