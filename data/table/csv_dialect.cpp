#include "data/table/csv_dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/excerpt.h"
#include "data/schema/reading.h"
#include "data/table/csv_number_form.h"
#include "data/table/csv_scanner.h"

namespace ringtrain {
namespace {

constexpr std::size_t sample_bytes = std::size_t{256} << 10;
constexpr std::size_t sample_most_bytes = std::size_t{64} << 20;
constexpr std::size_t sample_records = 300;
constexpr std::string_view delimiters = ",;\t|";

/// The beginning of a file, as text, cut behind its last line end unless it is all.
struct Sample {
  std::string text;
  bool whole = false;
};

void refuse_other_formats(std::string_view beginning, const std::string& name) {
  struct Format {
    std::string_view begins;
    const char* what;
  };
  using namespace std::string_view_literals;
  static constexpr Format formats[] = {
      {"PK\x03\x04"sv, "a workbook (.xlsx) or a zip archive; save the table as CSV"},
      {"\xD0\xCF\x11\xE0"sv, "a workbook (.xls); save the table as CSV"},
      {"PAR1"sv, "a Parquet file; give it a name that ends in .parquet"},
      {"\x1F\x8B"sv, "packed by gzip; give it a name that ends in .gz"},
      {"(\xB5\x2F\xFD"sv, "packed by zstd; unpack it: zstd -d"},
      {"BZh"sv, "packed by bzip2; unpack it: bunzip2"},
      {"\xFD"
       "7zXZ"sv,
       "packed by xz; unpack it: unxz"},
      {"\xFF\xFE\0\0"sv, "in UTF-32; convert it: iconv -f utf-32 -t utf-8"},
      {"\0\0\xFE\xFF"sv, "in UTF-32; convert it: iconv -f utf-32 -t utf-8"}};
  for (const auto& format : formats)
    if (beginning.starts_with(format.begins))
      throw DataError(fmt::format("{} is no CSV file: it is {}", name, format.what));
}

TextEncoding choose_encoding(std::string_view beginning, bool whole, const CsvConfig& config,
                             const std::string& name) {
  const auto found = detect_encoding(beginning, whole);
  if (config.encoding == "auto") return found;
  const auto& names = encoding_names();
  const auto chosen =
      static_cast<TextEncoding>(std::find(names.begin(), names.end(), config.encoding) - names.begin());
  if (mark_length(beginning, found) > 0 && found != chosen)
    throw DataError(
        fmt::format("{} begins with the byte order mark of {}, but data.csv.encoding is {}; set it to auto",
                    name, encoding_title(found), config.encoding));
  return chosen;
}

Sample take_sample(ByteStream& in, const CsvConfig& config, TextEncoding& encoding) {
  constexpr std::ptrdiff_t wanted_lines = 3;
  Sample sample;
  std::string_view bytes;
  for (auto size = sample_bytes;; size *= 2) {
    bytes = in.peek(size);
    sample.whole = bytes.size() < size;
    const auto lines =
        std::count(bytes.begin(), bytes.end(), '\n') + std::count(bytes.begin(), bytes.end(), '\r');
    if (sample.whole || lines >= wanted_lines || size >= sample_most_bytes) break;
  }
  refuse_other_formats(bytes, in.name());
  encoding = choose_encoding(bytes, sample.whole, config, in.name());
  TextStream text(ByteStream(std::string(bytes), in.name()), encoding);
  sample.text.resize(TextDecoder::most(bytes.size()) + 16);
  std::size_t size = 0;
  while (const auto got = text.read(sample.text.data() + size, sample.text.size() - size)) size += got;
  sample.text.resize(size);
  if (!sample.whole)
    if (const auto last = sample.text.find_last_of("\r\n"); last != std::string::npos)
      sample.text.resize(last + 1);
  return sample;
}

/// Passes the sample's records, as `dialect` reads them, to `take`. Returns how many could not be read.
template <class Take>
std::size_t for_each_record(const Sample& sample, const CsvDialect& dialect, const Take& take) {
  CsvScanner scanner(ByteStream(sample.text, "the beginning"), dialect);
  std::vector<std::string_view> fields;
  std::size_t faults = 0;
  for (std::size_t record = 0; record < sample_records; ++record) {
    try {
      if (!scanner.next(fields)) break;
      take(fields);
    } catch (const CsvRecordError&) {
      ++faults;
    } catch (const DataError&) {
      // A quote is open at the sample's end. Where the file goes on that is a fault only if it is open for
      // long.
      constexpr std::int64_t long_record = 100;
      const auto lines = std::count(sample.text.begin(), sample.text.end(), '\n') - scanner.line();
      if (sample.whole || lines > long_record)
        faults += static_cast<std::size_t>(std::max<std::int64_t>(lines, 1));
      break;
    }
  }
  return faults;
}

using Record = std::vector<std::string>;

std::vector<Record> records_of(const Sample& sample, const CsvDialect& dialect) {
  std::vector<Record> records;
  for_each_record(sample, dialect,
                  [&](const auto& fields) { records.emplace_back(fields.begin(), fields.end()); });
  return records;
}

/// How well a delimiter, with its quotes, explains the sample.
struct Fit {
  CsvDialect dialect{};
  std::size_t faults = 0;
  std::size_t header = 0;  ///< fields of the header
  std::size_t rows = 0, rows_like_header = 0, rows_of_one_field = 0;
  std::size_t usual = 0, rows_usual = 0;  ///< what most rows have
  bool shifted = false;                   ///< each row has one field more, or each one less, than the header
  double clean = 1;  ///< the share of fields without another delimiter in them; numbers such as 1,5 are clean

  /// In steps, so that a damaged row does not decide.
  int share() const {
    if (rows == 0) return 20;
    return shifted ? 19 : static_cast<int>(20 * rows_like_header / rows);
  }
  bool splits() const { return header > 1 || (header == 1 && shifted); }
  /// Rows of a table below a header that is none of it: a title, a comment.
  bool splits_rows_alone() const { return usual > 2 && 10 * rows_usual > 8 * rows; }
  bool is_better_than(const Fit& other) const {
    return std::tuple(splits(), share(), clean, header) >
           std::tuple(other.splits(), other.share(), other.clean, other.header);
  }
};

bool has_other_delimiter(std::string_view text, char delimiter) {
  return std::any_of(text.begin(), text.end(),
                     [&](char c) { return c != delimiter && delimiters.find(c) != std::string_view::npos; });
}

Fit fit_of(const Sample& sample, const CsvDialect& dialect) {
  Fit fit{.dialect = dialect};
  std::size_t fields_seen = 0, unclean = 0, more = 0, less = 0;
  std::map<std::size_t, std::size_t> rows_of;  // by their number of fields
  bool is_header = true;
  fit.faults = for_each_record(sample, dialect, [&](const std::vector<std::string_view>& fields) {
    fields_seen += fields.size();
    for (const auto field : fields)
      if (has_other_delimiter(field, dialect.delimiter) && number_form(field) == NumberForm::none) ++unclean;
    if (std::exchange(is_header, false)) {
      fit.header = fields.size();
      return;
    }
    ++fit.rows;
    if (fields.size() == fit.header) ++fit.rows_like_header;
    if (fields.size() == fit.header + 1) ++more;
    if (fields.size() + 1 == fit.header) ++less;
    ++rows_of[fields.size()];
  });
  fit.rows_of_one_field = rows_of[1];
  for (const auto& [count, rows] : rows_of)
    if (rows > fit.rows_usual) std::tie(fit.usual, fit.rows_usual) = std::pair(count, rows);
  fit.shifted = fit.rows > 0 && (more == fit.rows || less == fit.rows);
  if (fields_seen > 0) fit.clean = 1 - static_cast<double>(unclean) / static_cast<double>(fields_seen);
  return fit;
}

bool stands_for_missing(std::string_view text) {
  static const Reading reading({.version = 2, .missing = ReadingRules::usual_missing()});
  return reading.is_missing(trimmed(text));
}

bool all_distinct(const std::vector<std::string>& words) {
  return std::set<std::string_view>(words.begin(), words.end()).size() == words.size();
}

/// Whether the rows' first fields, one more than the header has, are names of rows, as R writes them. Else
/// the header lacks a name, and no one can say which.
bool are_row_names(const Sample& sample, const CsvDialect& dialect, const std::vector<std::string>& firsts) {
  bool counts = true, words = true;
  for (std::size_t r = 0; r < firsts.size(); ++r) {
    counts = counts && firsts[r] == std::to_string(r + 1);
    words = words && !stands_for_missing(firsts[r]) && number_form(firsts[r]) == NumberForm::none;
  }
  if (counts) return true;
  if (!all_distinct(firsts)) return false;
  if (words) return true;
  if (!dialect.quote) return false;
  auto raw = dialect;
  raw.quote = '\0';
  bool quoted = true, is_header = true;
  for_each_record(sample, raw, [&](const auto& fields) {
    if (!std::exchange(is_header, false)) quoted = quoted && fields[0].starts_with(dialect.quote);
  });
  return quoted;
}

/// What is left out of the records, by their number of fields.
void find_left_out(const Sample& sample, const std::vector<Record>& records, CsvDialect& dialect) {
  if (records.empty()) return;
  const auto& header = records[0];
  const auto fields = header.size();
  const auto blank = [](const std::string& text) {
    return text.find_first_not_of(" \t") == std::string::npos;
  };
  const auto all_rows = [&](const auto& holds) {
    return std::all_of(records.begin() + 1, records.end(), holds);
  };
  const auto all_have = [&](std::size_t count) {
    return all_rows([count](const Record& row) { return row.size() == count; });
  };
  const bool ends_empty = all_rows([](const Record& row) { return row.back().empty(); });
  const bool has_rows = records.size() > 1;
  if (fields > 1 && blank(header.back())) {
    if (all_have(fields) && ends_empty) dialect.trailing_in_header = dialect.trailing_delimiter = has_rows;
    if (!has_rows || all_have(fields - 1)) dialect.trailing_in_header = true;
  }
  if (fields > 1 && blank(header[0])) {
    dialect.index_column = dialect.index_in_header = true;
  } else if (has_rows && all_have(fields + 1)) {
    std::vector<std::string> firsts;
    for (auto row = records.begin() + 1; row != records.end(); ++row) firsts.push_back((*row)[0]);
    if (ends_empty)
      dialect.trailing_delimiter = true;
    else
      dialect.index_column = are_row_names(sample, dialect, firsts);
  }
}

char find_decimal(const std::vector<Record>& records) {
  struct Column {
    bool dot = false, comma = false, other = false;
  };
  std::vector<Column> columns;
  for (std::size_t r = 1; r < records.size(); ++r) {
    columns.resize(std::max(columns.size(), records[r].size()));
    for (std::size_t c = 0; c < records[r].size(); ++c) {
      if (stands_for_missing(records[r][c])) continue;
      const auto form = number_form(records[r][c]);
      columns[c].dot |= form == NumberForm::dot;
      columns[c].comma |= form == NumberForm::comma;
      columns[c].other |= form == NumberForm::none;
    }
  }
  const bool dot = std::any_of(columns.begin(), columns.end(), [](auto& c) { return c.dot && !c.other; });
  const bool comma = std::any_of(columns.begin(), columns.end(), [](auto& c) { return c.comma && !c.other; });
  return comma && !dot ? ',' : '.';
}

/// The best delimiter for a way of quoting.
Fit best_delimiter(const Sample& sample, CsvDialect dialect, const CsvConfig& config) {
  if (config.delimiter != "auto") return fit_of(sample, dialect);
  std::optional<Fit> best, of_rows;
  for (const char delimiter : delimiters) {
    dialect.delimiter = delimiter;
    Fit fit = fit_of(sample, dialect);
    if (fit.header == 1 && fit.shifted) {
      // `value` above 12,5 and 3,7 is one column, unless the first numbers are rows' names.
      auto found = dialect;
      find_left_out(sample, records_of(sample, dialect), found);
      fit.shifted = found.index_column || found.trailing_delimiter;
    }
    if (!best || fit.is_better_than(*best)) best = fit;
    if (fit.splits_rows_alone() && (!of_rows || fit.usual > of_rows->usual)) of_rows = fit;
  }
  if (!best->splits() && of_rows) return *of_rows;
  const bool is_prose = best->share() < 10 && 2 * best->rows_of_one_field > best->rows;
  if (best->header > 0 && (!best->splits() || is_prose)) {
    dialect.delimiter = '\0';
    best = fit_of(sample, dialect);
  }
  return *best;
}

/// Whether quotes stand about as often where a field ends as where one begins.
bool encloses(const Sample& sample, char delimiter, char quote) {
  std::size_t begins = 0, ends = 0;
  const std::string& text = sample.text;
  const auto is_edge = [&](char c) { return c == delimiter || c == '\n' || c == '\r'; };
  for (auto at = text.find(quote); at != std::string::npos; at = text.find(quote, at + 1)) {
    auto before = at;
    while (before > 0 && text[before - 1] == ' ') --before;
    if (before == 0 || is_edge(text[before - 1])) ++begins;
    if (at + 1 == text.size() || is_edge(text[at + 1])) ++ends;
  }
  return begins > 0 && ends > 0 && begins <= 2 * ends && ends <= 2 * begins;
}

/// Tries other ways of quoting where the usual one does not explain the sample.
Fit best_fit(const Sample& sample, const CsvDialect& usual, const CsvConfig& config) {
  const auto has = [&](std::string_view part) { return sample.text.find(part) != std::string::npos; };
  Fit best = best_delimiter(sample, usual, config);
  const auto try_with = [&](const auto& change, const auto& is_preferred) {
    auto dialect = usual;
    change(dialect);
    const Fit fit = best_delimiter(sample, dialect, config);
    if (is_preferred(fit)) best = fit;
  };
  const auto fewer_faults = [&](const Fit& fit) {
    return fit.faults < best.faults && fit.share() >= best.share();
  };
  const auto quote = std::string(1, usual.quote);
  if (usual.quote && has(" " + quote))
    try_with([](CsvDialect& d) { d.blanks_before_quotes = true; },
             [&](const Fit& fit) {
               return fit.faults <= best.faults && fit.share() >= best.share() &&
                      has(std::string(1, fit.dialect.delimiter) + " " + quote);
             });
  if (usual.quote && best.faults > 0 && has("\\" + quote))
    try_with([](CsvDialect& d) { d.escape = '\\'; }, fewer_faults);
  if (config.quote != "auto") return best;
  if (has("'") && !encloses(sample, best.dialect.delimiter, '"'))
    try_with([](CsvDialect& d) { d.quote = '\''; },
             [&](const Fit& fit) {
               return fit.faults == 0 && fit.share() >= best.share() &&
                      encloses(sample, fit.dialect.delimiter, '\'');
             });
  if (best.faults > 0)
    try_with([](CsvDialect& d) { d.quote = '\0'; },
             [&](const Fit& fit) {  // Tools that write , or ; quote; those that write tabs or | often do not.
               const char delimiter = fit.dialect.delimiter;
               return fewer_faults(fit) && delimiter != ',' && delimiter != ';' &&
                      !encloses(sample, delimiter, '"');
             });
  return best;
}

/// Excel's first line that says the delimiter: sep=;
bool take_sep_line(Sample& sample, CsvDialect& dialect, const CsvConfig& config) {
  constexpr std::string_view word = "sep=";
  const std::string_view text = sample.text;
  if (!text.starts_with(word) || text.size() < word.size() + 2) return false;
  const char delimiter = text[word.size()];
  const auto line_end = text.substr(word.size() + 1, 2);
  if (!line_end.starts_with('\n') && line_end != "\r\n") return false;
  if (delimiter <= 0 || delimiter == '\n' || delimiter == '\r' || delimiter == dialect.quote) return false;
  if (config.delimiter == "auto") dialect.delimiter = delimiter;
  sample.text.erase(0, text.find('\n') + 1);
  return true;
}

}  // namespace

CsvDialect find_dialect(ByteStream& in, const CsvConfig& config) {
  CsvDialect dialect;
  Sample sample = take_sample(in, config, dialect.encoding);
  const auto encoding = dialect.encoding;
  const auto one = [](const std::string& text) {
    return text == "tab" ? '\t' : text == "none" ? '\0' : text[0];
  };
  if (config.quote != "auto") dialect.quote = one(config.quote);
  if (config.delimiter != "auto") dialect.delimiter = one(config.delimiter);
  auto asked = config;
  const bool sep_line = take_sep_line(sample, dialect, config);
  if (sep_line) asked.delimiter = dialect.delimiter;
  dialect.encoding = TextEncoding::utf8;  // the sample's
  dialect = best_fit(sample, dialect, asked).dialect;
  const auto records = records_of(sample, dialect);
  find_left_out(sample, records, dialect);
  dialect.decimal = config.decimal == "auto" ? find_decimal(records) : config.decimal[0];
  dialect.encoding = encoding;
  dialect.sep_line = sep_line;
  return dialect;
}

std::string describe(const CsvDialect& dialect) {
  std::vector<std::string> parts;
  const CsvDialect usual;
  if (dialect.delimiter == '\0')
    parts.push_back("a single column");
  else if (dialect.delimiter == '\t')
    parts.push_back("tabs between fields");
  else if (dialect.delimiter != usual.delimiter)
    parts.push_back(fmt::format("'{}' between fields", dialect.delimiter));
  if (dialect.decimal == ',') parts.push_back("decimal comma");
  if (dialect.quote == '\0') parts.push_back("quotes are ordinary characters");
  if (dialect.quote == '\'') parts.push_back("fields in single quotes");
  if (dialect.escape) parts.push_back(fmt::format("{}{} for a quote", dialect.escape, dialect.quote));
  if (dialect.encoding != usual.encoding) parts.emplace_back(encoding_title(dialect.encoding));
  if (dialect.sep_line) parts.push_back("first line (sep=) passed over");
  if (dialect.index_column) parts.push_back("first column (no name) left out");
  if (dialect.trailing_delimiter || dialect.trailing_in_header)
    parts.push_back(
        fmt::format("the delimiter at the end of {} left out", !dialect.trailing_in_header   ? "rows"
                                                               : !dialect.trailing_delimiter ? "the header"
                                                                                             : "lines"));
  return join(parts);
}

}  // namespace ringtrain
