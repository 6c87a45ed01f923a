#include "data/table/csv_scanner.h"

#include <arrow/result.h>
#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/errors.h"
#include "data/schema/values.h"
#include "data/table/arrow_input.h"

namespace ringtrain {

struct CsvScanner::Input {
  std::filesystem::path file;
  std::shared_ptr<arrow::io::FileInterface> file_of_stream{};
  std::shared_ptr<arrow::io::InputStream> stream = open_input(file, &file_of_stream);
  std::vector<char> buffer = std::vector<char>(1 << 18);
  bool started = false;
};

CsvScanner::CsvScanner(const std::filesystem::path& file) : input_(new Input{.file = file}) {}
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

std::int64_t CsvScanner::bytes() const { return bytes_read(*input_->file_of_stream); }

namespace {

/// The fields of a record are kept.
class KeptFields {
 public:
  explicit KeptFields(std::vector<std::string>& fields) : fields_(fields) {}
  void open() {
    if (count_ == fields_.size()) fields_.emplace_back();
    fields_[count_++].clear();
  }
  void add(const char* text, std::size_t size) { fields_[count_ - 1].append(text, size); }
  void end() { fields_.resize(count_); }

 private:
  std::vector<std::string>& fields_;
  std::size_t count_ = 0;
};

/// The fields of a record are passed over.
struct NoFields {
  void open() {}
  void add(const char*, std::size_t) {}
  void end() {}
};

bool is_plain(char c) { return c != ',' && c != '"' && c != '\n' && c != '\r'; }

}  // namespace

template <class Fields>
bool CsvScanner::scan(Fields& fields) {
  enum class State { field_start, plain, in_quotes, after_quote } state = State::field_start;
  record_line_ = line_;
  fields.open();
  bool blank = true;
  while (at_ != end_ || refill()) {
    const char* const begin = at_;
    const char c = *at_++;
    if (std::exchange(after_return_, false) && c == '\n') {
      if (blank) continue;  // the second half of the last record's \r\n
      fields.add(begin, 1);
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
      fields.add(begin, 1);
      continue;
    }
    if (c == '\n' || c == '\r') {
      ++line_;
      after_return_ = c == '\r';
      if (!blank) {
        fields.end();
        return true;
      }
      record_line_ = line_;
      continue;
    }
    blank = false;
    if (c == ',') {
      fields.open();
      state = State::field_start;
    } else if (c == '"' && state == State::field_start) {
      state = State::in_quotes;
    } else if (c == '"' && state == State::after_quote) {
      fields.add(begin, 1);
      state = State::in_quotes;
    } else {
      while (at_ != end_ && is_plain(*at_)) ++at_;
      fields.add(begin, static_cast<std::size_t>(at_ - begin));
      state = State::plain;
    }
  }
  fields.end();
  return !blank;
}

bool CsvScanner::next(std::vector<std::string>& fields) {
  KeptFields kept(fields);
  return scan(kept);
}

bool CsvScanner::skip() {
  NoFields none;
  return scan(none);
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
