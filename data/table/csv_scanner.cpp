#include "data/table/csv_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/text.h"
#include "data/schema/values.h"

namespace ringtrain {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
constexpr std::size_t block_bytes = 64;
constexpr std::size_t nowhere = SIZE_MAX;

/// Finds the bytes that may mean more than themselves, 64 at a time: the delimiter, the quote, and all below
/// a blank (line ends and NUL are among them).
class SpecialBytes {
 public:
  SpecialBytes(char delimiter, char quote)
      : delimiters_(eight(delimiter ? delimiter : '\n')), quotes_(eight(quote ? quote : '\n')) {}

  /// Bit i: the byte at `from` + i is one.
  std::uint64_t find(const char* from) const {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < block_bytes; i += 8) {
      const std::uint64_t word = load(from + i);
      const std::uint64_t is = equal(word ^ delimiters_) | equal(word ^ quotes_) | below_blank(word);
      // The product gathers the eight high bits in its top byte.
      found |= ((is & kHigh) * 0x0002040810204081u >> 56) << i;
    }
    return found;
  }

 private:
  static constexpr std::uint64_t kHigh = 0x8080808080808080u, kLow = ~kHigh;

  static std::uint64_t eight(char c) { return 0x0101010101010101u * static_cast<unsigned char>(c); }
  static std::uint64_t load(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof(word));
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
  }
  // The high bits of the bytes that are 0, and of those below 0x20; the others' may be anything below.
  static std::uint64_t equal(std::uint64_t difference) {
    return ~(((difference & kLow) + kLow) | difference);
  }
  static std::uint64_t below_blank(std::uint64_t word) {
    return ~(((word & kLow) + 0x6060606060606060u) | word);
  }

  std::uint64_t delimiters_, quotes_;
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t") == std::string_view::npos; }

int code_of(char c) { return c ? static_cast<unsigned char>(c) : -1; }

}  // namespace

struct CsvScanner::Rows {
  TextStream text;
  CsvDialect dialect;
  SpecialBytes specials;
  std::vector<char> buffer = std::vector<char>(buffer_bytes + block_bytes);
  char* at = buffer.data();       ///< where the next record begins
  char* end = buffer.data();      ///< of what was read
  char* checked = buffer.data();  ///< the text before it is UTF-8, or `not_utf8` is set
  const char* not_utf8 = nullptr;
  const char* nul = nullptr;
  const char* behind_quote = nullptr;  ///< what stands between a closing quote and the field's end
  const char* block = nullptr;         ///< where the last record's search stands, and what it found there
  std::uint64_t found_in_block = 0;
  bool at_end = false;
  bool after_return = false;
  std::int64_t line = 1, record_line = 1, quote_line = 0;
  std::int64_t row = 0, rows_done = 0;
  std::vector<std::string> names{};

  Rows(ByteStream in, const CsvDialect& how)
      : text(std::move(in), how.encoding), dialect(how), specials(how.delimiter, how.quote) {
    if (dialect.sep_line) {
      while (!at_end && std::memchr(at, '\n', static_cast<std::size_t>(end - at)) == nullptr) refill(nullptr);
      const auto* stop = static_cast<char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      at = stop ? at + (stop - at) + 1 : end;
      ++line;
    }
  }

  const std::string& name() const { return text.bytes().name(); }

  /// Reads on behind the record that begins at `at`, which moves, with its fields. False at the end.
  bool refill(std::vector<std::string_view>* fields) {
    if (at_end) return false;
    const auto kept = static_cast<std::size_t>(end - at);
    if (kept >= kLongestRecord) throw_too_long();
    const char* const before = at;
    if (kept * 2 > buffer.size() - block_bytes) {
      std::vector<char> larger((buffer.size() - block_bytes) * 2 + block_bytes);
      std::memcpy(larger.data(), at, kept);
      buffer.swap(larger);
      move_to_front(before, kept, fields);
    } else {
      std::memmove(buffer.data(), at, kept);
      move_to_front(before, kept, fields);
    }
    const auto got = text.read(end, buffer.size() - block_bytes - kept);
    end += got;
    at_end = got == 0;
    check_text();
    return !at_end;
  }

  void move_to_front(const char* before, std::size_t kept, std::vector<std::string_view>* fields) {
    at = buffer.data();
    const auto moved = [&](const char* place) { return at + (place - before); };
    end = at + kept;
    checked = moved(checked);
    if (not_utf8) not_utf8 = moved(not_utf8);
    if (nul) nul = moved(nul);
    if (behind_quote) behind_quote = moved(behind_quote);
    if (fields)
      for (auto& field : *fields) field = {moved(field.data()), field.size()};
  }

  void check_text() {
    if (not_utf8) return;
    const auto found = check_utf8({checked, static_cast<std::size_t>(end - checked)});
    checked += found.valid;
    if (checked != end && (at_end || !found.cut)) not_utf8 = checked;
  }

  template <bool kKeep>
  bool scan(std::vector<std::string_view>* fields);
  void leave_record(std::vector<std::string_view>* fields);

  [[noreturn]] void throw_too_long() const {
    const auto limit = with_commas(static_cast<long long>(kLongestRecord));
    throw DataError(
        quote_line > 0
            ? fmt::format("{}: {} is longer than {} bytes: a quote ({}) that opens on line {} was probably "
                          "never closed. Close it, or set data.csv.quote: none if quotes are ordinary "
                          "characters in this file",
                          name(), place(), limit, dialect.quote, with_commas(quote_line))
            : fmt::format("{}: {} is longer than {} bytes; is it a CSV file?", name(), place(), limit));
  }
  [[noreturn]] void throw_unclosed() const {
    throw DataError(
        fmt::format("{}: a quote ({}) that opens on line {} is not closed before the end of the file ({}). "
                    "Close it, or set data.csv.quote: none if quotes are ordinary characters in this file",
                    name(), dialect.quote, with_commas(quote_line), place()));
  }
  std::string place() const {
    return row == 0 ? fmt::format("the header (line {})", with_commas(record_line))
                    : fmt::format("row {} (line {})", with_commas(row), with_commas(record_line));
  }
  std::string problem_of_record(const std::vector<std::string_view>& fields) const;
};

template <bool kKeep>
bool CsvScanner::Rows::scan(std::vector<std::string_view>* fields) {
  const int delimiter = code_of(dialect.delimiter), quote = code_of(dialect.quote);
  row = rows_done;
  const std::size_t left_out = dialect.index_column && (row > 0 || dialect.index_in_header) ? 1 : 0;

  // Places are counted from `base`, the record's beginning, which moves when the buffer is filled.
  char* base = at;
  std::size_t size = 0, block_place = 0, field = 0, count = 0;
  std::uint64_t found = 0;
  const auto find_in_block = [&] {
    found = specials.find(base + block_place);
    if (size - block_place < block_bytes) found &= (std::uint64_t{1} << (size - block_place)) - 1;
  };
  const auto fill = [&] {
    const bool more = refill(kKeep ? fields : nullptr);
    base = at;
    size = static_cast<std::size_t>(end - at);
    return more;
  };
  /// False at the end of the file.
  const auto start = [&] {
    field = count = 0;
    record_line = line;
    if (kKeep) fields->clear();
    const std::ptrdiff_t seen = block ? at - block : block_bytes + 1;
    block = nullptr;
    base = at;
    size = static_cast<std::size_t>(end - at);
    if (size > 0 && seen < static_cast<std::ptrdiff_t>(block_bytes)) {
      // Goes on in the last record's block, which begins before this record: its place wraps around.
      block_place = -static_cast<std::size_t>(seen);
      found = found_in_block & ~std::uint64_t{0} << seen;
      return true;
    }
    block_place = 0;
    if (size == 0 && !fill()) return false;
    find_in_block();
    return true;
  };
  /// The next special byte; `nowhere` at the end of the file.
  const auto next_special = [&]() -> std::size_t {
    while (found == 0) {
      block_place = std::min(block_place + block_bytes, size);
      if (block_place == size && !fill()) return nowhere;
      find_in_block();
    }
    const auto place = block_place + static_cast<std::size_t>(std::countr_zero(found));
    found &= found - 1;
    return place;
  };
  const auto is_blank_between = [&](std::size_t from, std::size_t to) {
    return is_blank({base + from, to - from});
  };

  // A field in quotes: its text is [text, text_end), which is not longer than what is written.
  std::size_t text = 0, text_end = nowhere, closed = 0;
  const auto read_quoted = [&](std::size_t opening) {
    quote_line = line;
    text = opening + 1;
    std::size_t out = text, piece = text;  // what is kept ends at out; what is not moved yet begins at piece
    const auto keep_until = [&](std::size_t stop) {
      if (out != piece) std::memmove(base + out, base + piece, stop - piece);
      out += stop - piece;
    };
    while (true) {
      const auto place = next_special();
      if (place == nowhere) throw_unclosed();
      const char c = base[place];
      if (c == '\n') {
        if (place == 0 || base[place - 1] != '\r') ++line;
      } else if (c == '\r') {
        ++line;
      } else if (c == '\0') {
        if (!nul) nul = base + place;
      } else if (static_cast<unsigned char>(c) == quote) {
        if (dialect.escape) {
          std::size_t escapes = 0;
          while (place - escapes > piece && base[place - escapes - 1] == dialect.escape) ++escapes;
          if (escapes % 2 == 1) {
            keep_until(place - 1);
            piece = place;
            continue;
          }
        }
        if (place + 1 == size && fill()) {
          block_place = place + 1;
          find_in_block();
        }
        if (place + 1 < size && base[place + 1] == c) {
          next_special();
          keep_until(place + 1);
          piece = place + 2;
          continue;
        }
        keep_until(place);
        text_end = out;
        closed = place;
        quote_line = 0;
        return;
      }
    }
  };
  const auto end_field = [&](std::size_t stop) {
    if (text_end != nowhere) [[unlikely]] {
      if (!behind_quote && !is_blank_between(closed + 1, stop)) behind_quote = base + closed + 1;
      if (kKeep && count >= left_out) fields->emplace_back(base + text, text_end - text);
      text_end = nowhere;
    } else if (kKeep && count >= left_out) {
      fields->emplace_back(base + field, stop - field);
    }
    field = stop + 1;
    ++count;
  };

  if (!start()) return false;
  while (true) {
    const auto place = next_special();
    const bool ended = place == nowhere;
    const int c = ended ? '\n' : static_cast<unsigned char>(base[place]);
    if (c == delimiter) {
      end_field(place);
    } else if (c == '\n' || c == '\r') {
      const auto stop = ended ? size : place;
      if (c == '\n' && !ended && after_return && stop == 0) {
        // The second half of the last line's end.
        after_return = false;
        ++at;
        block = base + block_place;
        found_in_block = found;
        if (!start()) return false;
        continue;
      }
      after_return = c == '\r';
      const bool blank = count == 0 && text_end == nowhere && is_blank_between(field, stop);
      if (!blank) end_field(stop);
      if (ended) {
        at = end;
      } else {
        ++line;
        at = base + stop + 1;
        if (c == '\r' && stop + 1 < size && base[stop + 1] == '\n') {
          ++at;
          after_return = false;
        }
      }
      block = base + block_place;
      found_in_block = found;
      if (!blank) {
        leave_record(kKeep ? fields : nullptr);
        return true;
      }
      if (ended || !start()) return false;
    } else if (c == quote) {
      if (text_end == nowhere &&
          (place == field || (dialect.blanks_before_quotes && is_blank_between(field, place))))
        read_quoted(place);
    } else if (c == '\0') {
      if (!nul) nul = base + place;
    }
  }
}

void CsvScanner::Rows::leave_record(std::vector<std::string_view>* fields) {
  ++rows_done;
  if (fields && (row == 0 ? dialect.trailing_in_header : dialect.trailing_delimiter) && fields->size() > 1 &&
      fields->back().empty())
    fields->pop_back();
  if (not_utf8 == nullptr && nul == nullptr && behind_quote == nullptr) [[likely]]
    return;
  const std::string problem = fields ? problem_of_record(*fields) : "";
  nul = behind_quote = nullptr;
  if (not_utf8 && not_utf8 < at) {
    not_utf8 = nullptr;
    checked = at;
    check_text();
  }
  if (!problem.empty()) throw CsvRecordError(name(), problem);
}

std::string CsvScanner::Rows::problem_of_record(const std::vector<std::string_view>& fields) const {
  const auto in_column = [&](const char* where) {
    const auto behind = std::upper_bound(fields.begin(), fields.end(), where,
                                         [](auto* w, auto field) { return w < field.data(); });
    if (behind == fields.begin()) return place() + ", the first column (left out)";
    const auto column = static_cast<std::size_t>(behind - fields.begin()) - 1;
    return column < names.size() ? fmt::format("{}, column {}", place(), excerpt(names[column]))
                                 : fmt::format("{}, column {}", place(), column + 1);
  };
  if (not_utf8 && not_utf8 < at) {
    if (dialect.encoding == TextEncoding::utf8)
      return fmt::format(
          "{}: the byte 0x{:02X} is not UTF-8. Set data.csv.encoding: latin-1 if the file is in Latin-1 or "
          "Windows-1252, or convert it: iconv -f latin1 -t utf-8",
          in_column(not_utf8), static_cast<unsigned char>(*not_utf8));
    return fmt::format("{}: the bytes are not {}; set data.csv.encoding to what the file is in",
                       in_column(not_utf8), encoding_title(dialect.encoding));
  }
  if (nul)
    return fmt::format("{}: a byte is 0. Is the file UTF-16 (set data.csv.encoding: utf-16le) or binary?",
                       in_column(nul));
  if (behind_quote)
    return fmt::format(
        "{}: text follows the closing quote ({}). Write a quote inside quotes twice, or set data.csv.quote: "
        "none if quotes are ordinary characters in this file",
        in_column(behind_quote), dialect.quote);
  return "";
}

CsvScanner::CsvScanner(const std::filesystem::path& file, const CsvConfig& config) {
  ByteStream in(file);
  const auto dialect = find_dialect(in, config);
  rows_ = std::make_unique<Rows>(std::move(in), dialect);
}
CsvScanner::CsvScanner(ByteStream in, const CsvDialect& dialect)
    : rows_(std::make_unique<Rows>(std::move(in), dialect)) {}
CsvScanner::~CsvScanner() = default;
CsvScanner::CsvScanner(CsvScanner&&) noexcept = default;

bool CsvScanner::next(std::vector<std::string_view>& fields) { return rows_->scan<true>(&fields); }
bool CsvScanner::skip() { return rows_->scan<false>(nullptr); }
std::int64_t CsvScanner::line() const { return rows_->record_line; }
std::int64_t CsvScanner::row() const { return rows_->row; }
std::string CsvScanner::place() const { return rows_->place(); }
std::int64_t CsvScanner::bytes() const { return rows_->text.bytes().bytes(); }
const CsvDialect& CsvScanner::dialect() const { return rows_->dialect; }
const std::string& CsvScanner::name() const { return rows_->name(); }
void CsvScanner::name_columns(std::vector<std::string> names) { rows_->names = std::move(names); }

}  // namespace ringtrain
