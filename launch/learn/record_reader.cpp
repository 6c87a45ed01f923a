#include "launch/learn/record_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "data/schema/excerpt.h"
#include "data/table/csv_header.h"
#include "data/table/text_encoding.h"

namespace ringtrain {
namespace {

/// A text without an even number of quotes is held back up to here: then a quote stands alone.
constexpr std::size_t kLongestHeldBack = std::size_t{1} << 20;

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

StreamValue value_of(const nlohmann::ordered_json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  return json.get<std::string>();
}

}  // namespace

RecordReader::RecordReader(std::string source, Form form, CsvConfig csv)
    : source_(std::move(source)), form_(form), csv_(std::move(csv)) {}

void RecordReader::feed(std::string_view bytes, std::int64_t offset) {
  const std::int64_t known = wanted() - offset;
  if (known >= static_cast<std::int64_t>(bytes.size())) return;
  buffer_ += bytes.substr(static_cast<std::size_t>(std::max<std::int64_t>(known, 0)));
}

void RecordReader::jump(std::int64_t offset) {
  if (form_ == Form::unknown || (form_ == Form::csv && !names_)) {
    jump_ = offset;
    return;
  }
  jump_.reset();
  scanner_.reset();
  const auto known = static_cast<std::size_t>(std::max<std::int64_t>(offset - base_, 0));
  buffer_.erase(0, std::min(known, buffer_.size()));
  base_ = offset_ = offset;
}

/// Whether a quote encloses a field of which this is there, as data/table/csv_scanner.cpp sees it.
bool RecordReader::opens_quote(std::string_view before) const {
  return !knows_dialect_ || before.empty() ||
         (dialect_.blanks_before_quotes && before.find_first_not_of(" \t") == std::string_view::npos);
}

/// The bytes of the buffer that are whole records, whatever comes behind them.
std::size_t RecordReader::complete() const {
  if (finished_) return buffer_.size();
  const std::string_view text = buffer_;
  std::size_t whole = 0, any = 0, field = 0, reopens = text.size();
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside && dialect_.escape != '\0' && c == dialect_.escape) {
      ++i;
    } else if (c == dialect_.quote && dialect_.quote != '\0') {
      if (inside) reopens = i + 1;  // where it is a doubled one
      inside = !inside && (i == reopens || opens_quote(text.substr(field, i - field)));
    } else if (!inside && (c == dialect_.delimiter || c == '\n')) {
      field = i + 1;
    }
    if (c != '\n') continue;
    any = i + 1;
    if (!inside) whole = i + 1;
  }
  return whole == 0 && buffer_.size() > kLongestHeldBack ? any : whole;
}

/// Finds the form and, of CSV, the header; false where more bytes are needed.
bool RecordReader::begin() {
  if (form_ == Form::unknown) {
    auto text = std::string_view(buffer_);
    text.remove_prefix(mark_length(text, TextEncoding::utf8));
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    form_ = text[first] == '{' ? Form::json_lines : Form::csv;
  }
  if (form_ == Form::json_lines) {
    if (jump_) jump(*jump_);
    return true;
  }
  part_ = complete();
  // Of a header alone nobody sees how numbers are written.
  if (part_ == 0 || (!finished_ && std::count(buffer_.begin(), buffer_.begin() + part_, '\n') < 2))
    return false;
  ByteStream in(buffer_.substr(0, part_), source_);
  dialect_ = find_dialect(in, csv_);
  knows_dialect_ = true;
  if (dialect_.encoding != TextEncoding::utf8)
    throw DataError(fmt::format("{}: it is {}; a stream has to be UTF-8: iconv -f {} -t UTF-8", source_,
                                encoding_title(dialect_.encoding), encoding_name(dialect_.encoding)));
  part_ = complete();
  if (part_ == 0) return false;
  scanner_ = std::make_unique<CsvScanner>(ByteStream(buffer_.substr(0, part_), source_), dialect_);
  names_ = std::make_shared<const std::vector<std::string>>(read_header(*scanner_));
  dialect_.sep_line = false;
  offset_ = base_ + scanner_->next_begins().value_or(static_cast<std::int64_t>(part_));
  if (jump_ && *jump_ > offset_) jump(*jump_);
  return true;
}

bool RecordReader::begin_part() {
  part_ = complete();
  if (part_ == 0) return false;
  scanner_ = std::make_unique<CsvScanner>(ByteStream(buffer_.substr(0, part_), source_), dialect_);
  scanner_->begin_at(1, 1);
  return true;
}

void RecordReader::end_part() {
  scanner_.reset();
  buffer_.erase(0, part_);
  base_ += static_cast<std::int64_t>(part_);
  offset_ = base_;
}

bool RecordReader::next(StreamRecord& record) {
  record = {};
  if ((form_ == Form::unknown || (form_ == Form::csv && !names_)) && !begin()) return false;
  return form_ == Form::csv ? next_csv(record) : next_line(record);
}

bool RecordReader::next_csv(StreamRecord& record) {
  while (true) {
    if (!scanner_ && !begin_part()) return false;
    record.position = {source_, 0, offset_};
    std::vector<std::string_view> fields;
    bool lost = false;
    try {
      if (!scanner_->next(fields)) {
        end_part();
        continue;
      }
    } catch (const CsvRecordError& error) {
      record.problem = error.text;
    } catch (const DataError& error) {  // a quote that nothing closes
      record.problem = error.what();
      lost = true;
    }
    const auto end = base_ + (lost ? static_cast<std::int64_t>(part_)
                                   : scanner_->next_begins().value_or(static_cast<std::int64_t>(part_)));
    record.text = without_line_end(std::string_view(buffer_).substr(static_cast<std::size_t>(offset_ - base_),
                                                                    static_cast<std::size_t>(end - offset_)));
    offset_ = end;
    record.names = names_;
    if (record.problem.empty() && fields.size() != names_->size())
      record.problem = fmt::format("{} fields where the header has {}", fields.size(), names_->size());
    if (record.problem.empty())
      for (const auto field : fields) record.values.emplace_back(std::string(field));
    record.decimal_comma = dialect_.decimal == ',';
    if (lost) end_part();
    return true;
  }
}

bool RecordReader::next_line(StreamRecord& record) {
  while (true) {
    const auto from = static_cast<std::size_t>(offset_ - base_);
    auto stop = buffer_.find('\n', from);
    if (stop == std::string::npos && (!finished_ || from >= buffer_.size())) {
      buffer_.erase(0, from);
      base_ = offset_;
      return false;
    }
    stop = stop == std::string::npos ? buffer_.size() : stop + 1;
    record.position = {source_, 0, offset_};
    record.text = without_line_end(std::string_view(buffer_).substr(from, stop - from));
    offset_ = base_ + static_cast<std::int64_t>(stop);
    auto line = std::string_view(record.text);
    if (record.position.offset == 0) line.remove_prefix(mark_length(line, TextEncoding::utf8));
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    read_json(line, record);
    return true;
  }
}

void RecordReader::read_json(std::string_view line, StreamRecord& record) {
  const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
  if (!json.is_object()) {
    record.problem = fmt::format("expected a JSON object, got {}", excerpt(line));
    return;
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) {
    if (value.is_array() || value.is_object())
      record.problem =
          fmt::format("field '{}': expected a number or a text, got {}", name, excerpt(value.dump()));
    if (!record.problem.empty()) break;
    names.push_back(name);
    record.values.push_back(value_of(value));
  }
  if (!record.problem.empty()) record.values.clear();
  if (!names_ || *names_ != names)
    names_ = std::make_shared<const std::vector<std::string>>(std::move(names));
  record.names = names_;
}

}  // namespace ringtrain
