#include "data/table/csv_scanner.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using namespace std::string_literals;
using Record = std::vector<std::string>;

struct Found {
  std::vector<Record> records;
  std::vector<std::int64_t> lines;
  std::vector<std::string> errors;  ///< of records
};

Found scan(CsvScanner scanner) {
  Found found;
  std::vector<std::string_view> fields;
  while (true) {
    try {
      if (!scanner.next(fields)) return found;
      found.records.emplace_back(fields.begin(), fields.end());
      found.lines.push_back(scanner.line());
    } catch (const CsvRecordError& error) {
      found.errors.emplace_back(error.what());
    }
  }
}

CsvScanner scanner_of(const std::string& content, const CsvDialect& dialect = {}) {
  return CsvScanner(ByteStream(content, "a.csv"), dialect);
}
Found scan(const std::string& content, const CsvDialect& dialect = {}) {
  return scan(scanner_of(content, dialect));
}

/// Gives one byte after the other, as a slow pipe does.
class SlowInput : public std::streambuf {
 public:
  explicit SlowInput(std::string text) : text_(std::move(text)) {}
  int_type underflow() override {
    if (at_ == text_.size()) return traits_type::eof();
    setg(&text_[at_], &text_[at_], &text_[at_] + 1);
    return traits_type::to_int_type(text_[at_++]);
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

TEST(CsvScanner, ReadsPlainFields) {
  const auto found = scan("a,b\n1,\n,2\n,\n");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a", "b"}, {"1", ""}, {"", "2"}, {"", ""}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(CsvScanner, ReadsQuotes) {
  const auto found = scan("\"a,b\",\"say \"\"hi\"\"\",\"\"\nx\"y,z,\"\"\"\"\n5\",6\" x,\"a\"\"\"\"b\"");
  EXPECT_EQ(found.records, (std::vector<Record>{
                               {"a,b", "say \"hi\"", ""}, {"x\"y", "z", "\""}, {"5\"", "6\" x", "a\"\"b"}}));
}

TEST(CsvScanner, CountsLineBreaksInsideQuotes) {
  const auto found = scan("a,\"x\ny\r\nz\"\n\"p\rq\",c\nd,e\n");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a", "x\ny\r\nz"}, {"p\rq", "c"}, {"d", "e"}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{1, 4, 6}));
}

TEST(CsvScanner, TakesEveryLineEndAndSkipsEmptyLines) {
  const auto found = scan("\n\r\na\r\nb\r\rc\n \t\nd");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a"}, {"b"}, {"c"}, {"d"}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{3, 4, 6, 8}));
  EXPECT_EQ(scan("a\n\"\"\nb").records, (std::vector<Record>{{"a"}, {""}, {"b"}}));
}

TEST(CsvScanner, SkipsTheByteOrderMark) {
  EXPECT_EQ(scan("\xEF\xBB\xBFTime,V1\n").records[0], (Record{"Time", "V1"}));
}

TEST(CsvScanner, TakesAnyDelimiterAndQuote) {
  EXPECT_EQ(scan("a;'b;''c'''\n", {.delimiter = ';', .quote = '\''}).records[0], (Record{"a", "b;'c'"}));
  EXPECT_EQ(scan("a\t\"b\tc\n", {.delimiter = '\t', .quote = '\0'}).records[0], (Record{"a", "\"b", "c"}));
  EXPECT_EQ(scan("a,b\n", {.delimiter = '\0'}).records[0], (Record{"a,b"}));
  EXPECT_EQ(scan("a\x01"
                 "b\x02\n",
                 {.delimiter = '\x01'})
                .records[0],
            (Record{"a", "b\x02"}));
  EXPECT_EQ(scan("a, \"b, c\" ,d\n", {.blanks_before_quotes = true}).records[0], (Record{"a", "b, c", "d"}));
  EXPECT_EQ(scan("\"a \\\"b\\\", c\",\"x\\\\\"\n\"\\n\",\"\"\n", {.escape = '\\'}).records,
            (std::vector<Record>{{"a \"b\", c", "x\\\\"}, {"\\n", ""}}));
  EXPECT_EQ(scan("sep=;\r\na;b\n", {.delimiter = ';', .sep_line = true}).lines, std::vector<std::int64_t>{2});
}

TEST(CsvScanner, LeavesOutWhatTheDialectSays) {
  const CsvDialect pandas{.index_column = true, .index_in_header = true};
  EXPECT_EQ(scan(",a,b\n0,1,2\n", pandas).records, (std::vector<Record>{{"a", "b"}, {"1", "2"}}));
  const CsvDialect row_names{.index_column = true};
  EXPECT_EQ(scan("a,b\nx,1,2\n", row_names).records, (std::vector<Record>{{"a", "b"}, {"1", "2"}}));
  const CsvDialect trailing{.trailing_delimiter = true};
  EXPECT_EQ(scan("a,b\n1,2,\n1,,\n1,2\n,\n", trailing).records,
            (std::vector<Record>{{"a", "b"}, {"1", "2"}, {"1", ""}, {"1", "2"}, {""}}));
}

TEST(CsvScanner, NamesThePlaceOfARecordThatCannotBeUsedAndGoesOn) {
  auto scanner = scanner_of("a,b\n1,caf\xE9\n\"q\",\"x\"y,\n3\0,4\n\"5\"\"\",\xFF\n6,7\n"s);
  std::vector<std::string_view> fields;
  ASSERT_TRUE(scanner.next(fields));
  scanner.name_columns({"a", "b"});
  const auto error = [&] {
    try {
      scanner.next(fields);
    } catch (const CsvRecordError& problem) {
      EXPECT_EQ(problem.what(), "a.csv: " + problem.text);
      return problem.text;
    }
    return "no error"s;
  };
  EXPECT_CONTAINS(error(), "row 1 (line 2), column 'b': the byte 0xE9 is not UTF-8. Set data.csv.encoding");
  EXPECT_CONTAINS(error(), "row 2 (line 3), column 'b': text follows the closing quote (\")");
  EXPECT_CONTAINS(error(), "row 3 (line 4), column 'a': a byte is 0. Is the file UTF-16");
  EXPECT_CONTAINS(error(), "row 4 (line 5), column 'b': the byte 0xFF is not UTF-8");
  ASSERT_TRUE(scanner.next(fields));
  EXPECT_EQ(fields[1], "7");
  EXPECT_EQ(scanner.row(), 5);
  EXPECT_FALSE(scanner.next(fields));
  EXPECT_FALSE(scanner.next(fields));
}

TEST(CsvScanner, SkipsWhatItWouldGive) {
  auto scanner = scanner_of("a,b\n1,caf\xE9\n\n\"q\nr\",2\n3,4\n");
  std::vector<std::string_view> fields;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scanner.skip());
  ASSERT_TRUE(scanner.next(fields));
  EXPECT_EQ(fields[0], "3");
  EXPECT_EQ(scanner.place(), "row 3 (line 6)");
  EXPECT_FALSE(scanner.skip());
}

TEST(CsvScanner, ACutCharacterAtTheEndIsAnError) {
  const auto found = scan("a,b\n1,\xC3");
  ASSERT_EQ(found.errors.size(), 1u);
  EXPECT_CONTAINS(found.errors[0], "a.csv: row 1 (line 2), column 2: the byte 0xC3 is not UTF-8");
  const auto windows = scan("a\n\x81\n", {.encoding = TextEncoding::windows1252});
  ASSERT_EQ(windows.errors.size(), 1u);
  EXPECT_CONTAINS(windows.errors[0], "the bytes are not Windows-1252");
}

TEST(CsvScanner, AnUnclosedQuoteNamesTheLineWhereItOpens) {
  EXPECT_CONTAINS(testing::data_error([] { scan("a,b\n1,2\n\n3,\"x\ny\nz,1\n"); }),
                  "a.csv: a quote (\") that opens on line 4 is not closed before the end of the file (row 2 "
                  "(line 4))");
  EXPECT_CONTAINS(testing::data_error([] { scan("a,b\n\"1\n2\",\"x\n"); }), "opens on line 3");
}

TEST(CsvScanner, ARecordOfAnyLengthUpToALimit) {
  const std::string longer(std::size_t{1} << 21, 'x');
  EXPECT_EQ(scan("a,b\n" + longer + ",\"" + longer + "\"\n").records[1], (Record{longer, longer}));
  std::string endless = "a,b\n1,\"x";
  for (endless.reserve(CsvScanner::kLongestRecord + 100); endless.size() < CsvScanner::kLongestRecord + 50;)
    endless += "1234567,2345678\n";
  EXPECT_CONTAINS(
      testing::data_error([&] { scan(endless); }),
      "a.csv: row 1 (line 2) is longer than 67,108,864 bytes: a quote (\") that opens on line 2 was "
      "probably never closed");
}

/// A table and how it is written, by rules of its own.
struct Written {
  std::string text;
  std::vector<Record> records;
  std::vector<std::int64_t> lines;
};

Written write_table(std::mt19937& random, char delimiter, bool long_fields) {
  const auto pick = [&](std::size_t count) { return random() % count; };
  const std::string parts[] = {"a", "1.5", "\"", "\n", "\r\n", "\r",   ",",
                               ";", "\t",  " ",  "é",  "日本", "x\"y", ""};
  Written written;
  std::int64_t line = 1;
  const auto width = 1 + pick(6);
  const std::string line_end = std::array{"\n", "\r\n", "\r"}[pick(3)];
  for (auto rows = pick(30); rows > 0; --rows) {
    Record record;
    std::string text;
    std::int64_t breaks = 0;
    for (std::size_t f = 0; f < width; ++f) {
      std::string field;
      for (auto n = pick(5); n > 0; --n) field += parts[pick(std::size(parts))];
      if (long_fields && pick(20) == 0) field += std::string(pick(300'000), 'z');
      const bool special = field.find_first_of("\"\n\r"s + delimiter) != std::string::npos;
      const bool blank = field.find_first_not_of(" \t") == std::string::npos;
      text += f ? std::string(1, delimiter) : "";
      if (special || blank || pick(4) == 0) {
        text += '"';
        for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
        text += '"';
      } else {
        text += field;
      }
      for (std::size_t i = 0; i < field.size(); ++i)
        breaks += field[i] == '\r' || (field[i] == '\n' && (i == 0 || field[i - 1] != '\r'));
      record.push_back(std::move(field));
    }
    written.lines.push_back(line);
    line += breaks + 1;
    written.records.push_back(std::move(record));
    written.text += text + (rows > 1 || pick(2) ? line_end : "");
    if (pick(8) == 0 && rows > 1) {
      written.text += line_end;
      ++line;
    }
  }
  return written;
}

TEST(CsvScanner, ReadsRandomTablesAsWritten) {
  std::mt19937 random(5);
  for (int i = 0; i < 1500; ++i) {
    const bool long_fields = i % 50 == 0;
    const CsvDialect dialect{.delimiter = std::array{',', ';', '\t', '|'}[i % 4]};
    const auto written = write_table(random, dialect.delimiter, long_fields);
    SlowInput slow(written.text);
    std::istream in(&slow);
    for (int way = 0; way < (long_fields ? 1 : 2); ++way) {
      const auto found = scan(way == 0 ? scanner_of(written.text, dialect)
                                       : CsvScanner(ByteStream(in, "the standard input"), dialect));
      ASSERT_EQ(found.records, written.records) << written.text.substr(0, 2000);
      ASSERT_EQ(found.lines, written.lines) << written.text.substr(0, 2000);
    }
    auto skipping = scanner_of(written.text, dialect);
    std::size_t records = 0;
    while (skipping.skip()) ++records;
    ASSERT_EQ(records, written.records.size());
  }
}

/// What follows a file's beginning does not matter for its records, wherever the buffer ends.
TEST(CsvScanner, CrossesTheBuffersEnd) {
  std::string content;
  Record fields{"a\"b", "é", ""};
  for (int i = 0; i < 100'000; ++i) content += "\"a\"\"b\",é,\r\n";
  for (std::size_t shift = 0; shift < 12; ++shift) {
    const auto found = scan(std::string(shift, 'x') + "\n" + content);
    ASSERT_TRUE(found.errors.empty()) << found.errors[0];
    ASSERT_EQ(found.records.size(), 100'000u + (shift > 0));
    for (std::size_t r = shift > 0; r < found.records.size(); ++r) ASSERT_EQ(found.records[r], fields);
    EXPECT_EQ(found.lines.back(), 100'001);
  }
}

}  // namespace
}  // namespace ringtrain
