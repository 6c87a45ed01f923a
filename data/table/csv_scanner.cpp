#include "data/table/csv_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

#include "common/text.h"
#include "data/schema/excerpt.h"
#include "data/table/special_bytes.h"

namespace ringtrain {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
constexpr std::ptrdiff_t block_bytes = SpecialBytes::kBlock;
constexpr std::ptrdiff_t nowhere = -1;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t") == std::string_view::npos; }

int code_of(char c) { return c ? static_cast<unsigned char>(c) : -1; }

}  // namespace

struct CsvScanner::Rows {
  TextStream text;
  CsvDialect dialect;
  SpecialBytes specials;
  std::vector<char> buffer = std::vector<char>(buffer_bytes + SpecialBytes::kBlock);
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
  std::int64_t text_read = 0;  ///< bytes
  std::vector<std::string> names{};

  Rows(ByteStream in, const CsvDialect& how)
      : text(std::move(in), how.encoding), dialect(how), specials(how.delimiter, how.quote) {
    if (dialect.sep_line) {
      while (!at_end && std::memchr(at, '\n', static_cast<std::size_t>(end - at)) == nullptr)
        refill(nullptr, 0);
      const auto* stop = static_cast<char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      at = stop ? at + (stop - at) + 1 : end;
      ++line;
    }
  }

  const std::string& name() const { return text.bytes().name(); }

  /// Reads on behind the record that begins at `at`, which moves, with its first `count` fields. False at the
  /// end.
  bool refill(std::vector<std::string_view>* fields, std::size_t count) {
    if (at_end) return false;
    const auto kept = static_cast<std::size_t>(end - at);
    if (kept >= kLongestRecord) throw_too_long();
    const char* const before = at;
    // A block that is searched may reach beyond what was read.
    const auto room = buffer.size() - SpecialBytes::kBlock;
    if (2 * kept > room) {
      std::vector<char> larger(2 * room + SpecialBytes::kBlock);
      std::memcpy(larger.data(), at, kept);
      buffer.swap(larger);
    } else {
      std::memmove(buffer.data(), at, kept);
    }
    move_to_front(before, kept);
    for (std::size_t f = 0; f < count; ++f) {
      auto& field = (*fields)[f];
      field = {at + (field.data() - before), field.size()};
    }
    const auto got = text.read(end, buffer.size() - SpecialBytes::kBlock - kept);
    end += got;
    text_read += static_cast<std::int64_t>(got);
    at_end = got == 0;
    check_text();
    return !at_end;
  }

  void move_to_front(const char* before, std::size_t kept) {
    at = buffer.data();
    const auto moved = [&](const char* place) { return at + (place - before); };
    end = at + kept;
    checked = moved(checked);
    if (not_utf8) not_utf8 = moved(not_utf8);
    if (nul) nul = moved(nul);
    if (behind_quote) behind_quote = moved(behind_quote);
  }

  void check_text() {
    if (not_utf8) return;
    const auto found = check_utf8({checked, static_cast<std::size_t>(end - checked)});
    checked += found.valid;
    if (checked != end && (at_end || !found.cut)) not_utf8 = checked;
  }

  /// A field in quotes: its text, which is not longer than what is written.
  struct Quoted {
    std::ptrdiff_t text = 0, end = nowhere, closed = 0;
  };
  struct Cursor;
  template <bool kKeep>
  bool scan(std::vector<std::string_view>* fields);
  Quoted read_quoted(Cursor& cursor, std::ptrdiff_t opening);
  void leave_line(const Cursor& cursor, std::ptrdiff_t stop, bool ended);
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

/// Where the record at `rows.at` is being read. Places are counted from its beginning, which moves when the
/// buffer is filled.
struct CsvScanner::Rows::Cursor {
  Rows& rows;
  std::vector<std::string_view>* fields;  ///< null where they are passed over
  char* base = nullptr;
  std::ptrdiff_t size = 0;   ///< of what was read
  std::ptrdiff_t block = 0;  ///< the block that is searched: before the record where the last one ended in it
  std::uint64_t found = 0;   ///< its special bytes that were not given yet
  std::size_t kept = 0;      ///< fields

  void keep(std::string_view text) {
    // Records have mostly as many fields as the one before: its places are written over.
    if (kept < fields->size()) [[likely]]
      (*fields)[kept] = text;
    else
      fields->push_back(text);
    ++kept;
  }

  void search_block() {
    found = rows.specials.find(base + block);
    if (size - block < block_bytes) found &= (std::uint64_t{1} << (size - block)) - 1;
  }
  bool fill() {
    const bool more = rows.refill(fields, kept);
    base = rows.at;
    size = rows.end - rows.at;
    return more;
  }
  /// False at the end of the file.
  bool start() {
    base = rows.at;
    size = rows.end - rows.at;
    const auto searched = rows.block ? rows.at - rows.block : block_bytes;
    rows.block = nullptr;
    if (size > 0 && searched < block_bytes) {
      block = -searched;
      found = rows.found_in_block & ~std::uint64_t{0} << searched;
      return true;
    }
    block = 0;
    if (size == 0 && !fill()) return false;
    search_block();
    return true;
  }
  void leave() {
    rows.block = base + block;
    rows.found_in_block = found;
  }
  /// The next special byte; `nowhere` at the end of the file.
  std::ptrdiff_t next() {
    while (found == 0) {
      block = std::min(block + block_bytes, size);
      if (block == size && !fill()) return nowhere;
      search_block();
    }
    const auto place = block + std::countr_zero(found);
    found &= found - 1;
    return place;
  }
  /// Whether the byte behind `place`, which `next` gave, is `c`.
  bool is_followed_by(std::ptrdiff_t place, char c) {
    if (place + 1 == size && fill()) {
      block = place + 1;
      search_block();
    }
    return place + 1 < size && base[place + 1] == c;
  }
  std::string_view between(std::ptrdiff_t from, std::ptrdiff_t to) const {
    return {base + from, static_cast<std::size_t>(to - from)};
  }
};

/// Reads up to the closing quote. The text's doubled and escaped quotes become one by moving what is between.
CsvScanner::Rows::Quoted CsvScanner::Rows::read_quoted(Cursor& cursor, std::ptrdiff_t opening) {
  quote_line = line;
  const auto text = opening + 1;
  auto out = text, piece = text;  // what is kept ends at out; what is not moved yet begins at piece
  const auto keep_until = [&](std::ptrdiff_t stop) {
    if (out != piece)
      std::memmove(cursor.base + out, cursor.base + piece, static_cast<std::size_t>(stop - piece));
    out += stop - piece;
  };
  while (true) {
    const auto place = cursor.next();
    if (place == nowhere) throw_unclosed();
    const char c = cursor.base[place];
    if (c == '\r' || (c == '\n' && cursor.base[place - 1] != '\r')) ++line;
    if (c == '\0' && !nul) nul = cursor.base + place;
    if (c != dialect.quote) continue;
    if (dialect.escape) {
      auto first = place;
      while (first > piece && cursor.base[first - 1] == dialect.escape) --first;
      if ((place - first) % 2 == 1) {
        keep_until(place - 1);
        piece = place;
        continue;
      }
    }
    if (cursor.is_followed_by(place, c)) {
      cursor.next();
      keep_until(place + 1);
      piece = place + 2;
      continue;
    }
    keep_until(place);
    quote_line = 0;
    return {.text = text, .end = out, .closed = place};
  }
}

template <bool kKeep>
bool CsvScanner::Rows::scan(std::vector<std::string_view>* fields) {
  const int delimiter = code_of(dialect.delimiter), quote = code_of(dialect.quote);
  row = rows_done;
  const int left_out = dialect.index_column && (row > 0 || dialect.index_in_header) ? 1 : 0;
  Cursor cursor{*this, kKeep ? fields : nullptr};
  Quoted quoted;
  std::ptrdiff_t field = 0, count = 0;
  const auto start = [&] {
    field = count = 0;
    record_line = line;
    cursor.kept = 0;
    return cursor.start();
  };
  // Inlined: a call costs as much as all else that is done for a field.
  const auto end_field = [&](std::ptrdiff_t stop) __attribute__((always_inline)) {
    std::string_view text = cursor.between(field, stop);
    if (quoted.end != nowhere) [[unlikely]] {
      text = cursor.between(quoted.text, quoted.end);
      if (!behind_quote && !is_blank(cursor.between(quoted.closed + 1, stop)))
        behind_quote = cursor.base + quoted.closed + 1;
      quoted.end = nowhere;
    }
    if (kKeep && count >= left_out) cursor.keep(text);
    field = stop + 1;
    ++count;
  };

  if (!start()) return false;
  while (true) {
    const auto place = cursor.next();
    const bool ended = place == nowhere;
    const int c = ended ? '\n' : static_cast<unsigned char>(cursor.base[place]);
    if (c == delimiter) {
      end_field(place);
    } else if (c == '\n' || c == '\r') {
      const auto stop = ended ? cursor.size : place;
      cursor.leave();
      if (after_return && c == '\n' && !ended && stop == 0) {
        // The second half of the last line's end.
        after_return = false;
        ++at;
        if (!start()) return false;
        continue;
      }
      const bool blank = count == 0 && quoted.end == nowhere && is_blank(cursor.between(field, stop));
      if (!blank) end_field(stop);
      leave_line(cursor, stop, ended);
      if (!blank) {
        if (kKeep) fields->resize(cursor.kept);
        leave_record(kKeep ? fields : nullptr);
        return true;
      }
      if (ended || !start()) return false;
    } else if (c == quote) {
      const bool opens =
          quoted.end == nowhere &&
          (place == field || (dialect.blanks_before_quotes && is_blank(cursor.between(field, place))));
      if (opens) quoted = read_quoted(cursor, place);
    } else if (c == '\0') {
      if (!nul) nul = cursor.base + place;
    }
  }
}

/// The next record begins behind the line end at `stop`.
void CsvScanner::Rows::leave_line(const Cursor& cursor, std::ptrdiff_t stop, bool ended) {
  if (ended) {
    at = end;
    return;
  }
  ++line;
  at = cursor.base + stop + 1;
  after_return = at[-1] == '\r';
  if (after_return && at < end && *at == '\n') {
    ++at;
    after_return = false;
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

CsvScanner::CsvScanner(const Location& file, const CsvConfig& config) {
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
std::optional<std::int64_t> CsvScanner::next_begins() const {
  if (rows_->after_return && rows_->at == rows_->end) return std::nullopt;  // \n may come
  return static_cast<std::int64_t>(rows_->text.mark()) + rows_->text_read - (rows_->end - rows_->at);
}
std::int64_t CsvScanner::next_line() const { return rows_->line; }
void CsvScanner::begin_at(std::int64_t row, std::int64_t line) {
  rows_->rows_done = row;
  rows_->line = rows_->record_line = line;
}
std::string CsvScanner::place() const { return rows_->place(); }
std::int64_t CsvScanner::bytes() const { return rows_->text.bytes().bytes(); }
const CsvDialect& CsvScanner::dialect() const { return rows_->dialect; }
const std::string& CsvScanner::name() const { return rows_->name(); }
void CsvScanner::name_columns(std::vector<std::string> names) { rows_->names = std::move(names); }

}  // namespace ringtrain
