#pragma once

#include <string>

#include "data/data_config.h"
#include "data/table/byte_stream.h"
#include "data/table/text_encoding.h"

namespace ringtrain {

/// How a CSV file is written. The default is the usual one (RFC 4180).
struct CsvDialect {
  char delimiter = ',';  ///< '\0': a record is one field
  char decimal = '.';
  char quote = '"';    ///< '\0': quotes are characters like others
  char escape = '\0';  ///< '\\': a quote inside quotes is written \" ; else it is doubled
  TextEncoding encoding = TextEncoding::utf8;
  bool blanks_before_quotes = false;  ///< a, "b": the blank is no part of the field
  bool sep_line = false;              ///< the first line is Excel's sep=; and no header
  bool index_column = false;          ///< the first field of each row is an index or a row's name: left out
  bool index_in_header = false;       ///< the header names it too, by "" (pandas; R's write.csv)
  bool trailing_delimiter = false;    ///< rows end in a delimiter that begins no field
  bool trailing_in_header = false;    ///< the header does
  friend bool operator==(const CsvDialect&, const CsvDialect&) = default;
};

/// The dialect of a file, from its beginning (256 KiB, more where the header is longer; at most some hundred
/// records), which `in` gives again. What `config` sets is taken as it says. Throws DataError for what is no
/// text (a workbook, an archive), UTF-32, and a byte order mark that is not `config.encoding`'s.
///
/// - The delimiter is the one of , ; tab | that gives all records the same number of fields.
/// - The quote is " unless only ' encloses fields; none where quotes in the beginning enclose nothing and the
///   delimiter is a tab or |.
/// - The decimal mark is a comma where values look like 12,5 and none looks like 12.5; "1,234" shows nothing.
/// - A first column without a name is an index. Where each row has one field more than the header, and the
///   first ones count 1, 2, 3 or are distinct words, they are the rows' names (R's write.table).
CsvDialect find_dialect(ByteStream& in, const CsvConfig& config = {});

/// What of the dialect is not usual, on one line: "';' between fields, decimal comma, Windows-1252, first
/// column (no name) left out"; "" where all is.
std::string describe(const CsvDialect& dialect);

}  // namespace ringtrain
