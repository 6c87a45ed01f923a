#include "data/table/csv_dialect.h"

#include <gtest/gtest.h>

#include <sstream>

#include "data/table/csv_header.h"
#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using namespace std::string_literals;

CsvDialect dialect_of(const std::string& content, const CsvConfig& config = {}) {
  ByteStream in(content, "a.csv");
  return find_dialect(in, config);
}
std::string told(const std::string& content, const CsvConfig& config = {}) {
  return describe(dialect_of(content, config));
}
std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(CsvDialect, OfAUsualFileIsTheUsualOne) {
  for (const auto& content :
       {"a,b\n1,2\n"s, "a,b,Class\n1,\"x,y\",0\n1,,1\r\n"s, "a,b"s, ""s, "a,b\n1,2\n1,2,3\n"s,
        "a,b,c\n1,2\n"s, "\"a;b\",c\n\"1;2\",3\n"s,
        "when,what\n2024-05-01 12:30,\"one; two; three\"\n2024-05-02 12:31,\"a|b|c\"\n"s})
    EXPECT_EQ(dialect_of(content), CsvDialect{}) << content << describe(dialect_of(content));
}

TEST(CsvDialect, FindsTheDelimiterByTheNumberOfFields) {
  EXPECT_EQ(dialect_of("a;b\n1;2\n").delimiter, ';');
  EXPECT_EQ(dialect_of("a\tb\n1\t2\n").delimiter, '\t');
  EXPECT_EQ(dialect_of("a|b\n1|2\n").delimiter, '|');
  EXPECT_EQ(dialect_of("a;b;c").delimiter, ';');
  // More commas than semicolons, but not the same number in each row.
  EXPECT_EQ(dialect_of("text;y\none, two, three;1\nfour;0\nfive, six;1\n").delimiter, ';');
  // The same number of both: the commas are in numbers.
  EXPECT_EQ(dialect_of("price, EUR;size, m;color\n1,5;2,5;red\n3,5;1,5;blue\n").delimiter, ';');
  EXPECT_EQ(dialect_of("\"x, y\";\"p, q, r\"\n1;2\n").delimiter, ';');
  EXPECT_EQ(dialect_of("a,b\n" + repeated("1,\"x;y;z\"\n", 50)).delimiter, ',');
  // A title above the header is no column: the rows are told to have too many fields.
  EXPECT_EQ(dialect_of("Report of May\na;b;c\n1;2;3\n4;5;6\n").delimiter, ';');
  // A damaged row does not decide.
  EXPECT_EQ(dialect_of("a;b;c\n" + repeated("1;2;3\n", 50) + "1;2\n").delimiter, ';');
}

TEST(CsvDialect, AFileOfOneColumnHasNoDelimiter) {
  for (const auto& content : {"a\n1\n2\n"s, "text\nHello, you\nOne, two, and three\nfour\nfive\n"s,
                              "value\n12,5\n3,7\n"s, "text\n\"one, two\"\n\"a; b\"\n"s})
    EXPECT_EQ(dialect_of(content).delimiter, '\0') << content;
}

TEST(CsvDialect, FindsTheDecimalComma) {
  EXPECT_EQ(told("a;b\n1,5;2\n12;3\n"), "';' between fields, decimal comma");
  EXPECT_EQ(told("a,b\n\"1,5\",2\n\"12,25\",3\n"), "decimal comma");
  EXPECT_EQ(told("value\n12,5\n3,7\n"), "a single column, decimal comma");
  EXPECT_EQ(dialect_of("a;b\n1.234,56;2\n12,5;3\n").decimal, ',');
  // Dots too; thousands; words and lists.
  EXPECT_EQ(dialect_of("a;b\n1,5;2.5\n12;3\n").decimal, '.');
  EXPECT_EQ(dialect_of("a;b\n1,5;2\n1.5;3\n").decimal, '.');
  EXPECT_EQ(dialect_of("a,b\n\"1,234\",2\n\"12,345\",3\n").decimal, '.');
  EXPECT_EQ(dialect_of("a,b\n\"1,234,567\",2\n\"1,234.5\",3\n").decimal, '.');
  EXPECT_EQ(dialect_of("a;b\nx;1,5 m\ny;2,5 m\n").decimal, '.');
}

TEST(CsvDialect, FindsTheQuote) {
  EXPECT_EQ(dialect_of("a,b\n'x,y',1\n'z',2\n").quote, '\'');
  EXPECT_EQ(dialect_of("'a','b'\n'x','it''s'\n").quote, '\'');
  EXPECT_EQ(dialect_of("a,b\nit's,'tis\nrock 'n' roll,x\n").quote, '"');
  // Quotes that enclose nothing swallow no rows.
  EXPECT_EQ(dialect_of("a\tb\n" + repeated("\"Hi\" she said\t1\n", 9) + "\"unclosed\t2\n").quote, '\0');
  EXPECT_EQ(dialect_of("a\tb\n\"never closed\t1\nx\t2\ny\t3\n").quote, '\0');
  // With , and ; an unclosed quote is an error, and so is one wrong record among good ones.
  EXPECT_EQ(dialect_of("a,b\n1,2\n3,\"x\n4,5\n").quote, '"');
  EXPECT_EQ(dialect_of("a,b\n\"x\",\"y\"\n\"p\"q,\"z\"\n").quote, '"');
}

TEST(CsvDialect, FindsOtherWaysOfQuoting) {
  const auto escaped = dialect_of("\"a\",\"b\"\n\"say \\\"hi\\\", you\",1\n\"x\",2\n");
  EXPECT_EQ(escaped.escape, '\\');
  EXPECT_EQ(dialect_of("a,b\n\"C:\\\",1\n\"say \"\"hi\"\"\",2\n").escape, '\0');
  EXPECT_TRUE(dialect_of("a, b\n1, \"x, y\"\n2, \"z\"\n").blanks_before_quotes);
}

TEST(CsvDialect, LeavesAnIndexOut) {
  EXPECT_EQ(told(",a,b\n0,1,2\n"), "first column (no name) left out");
  EXPECT_EQ(told("\"\",\"a\",\"b\"\n\"1\",1,2\n"), "first column (no name) left out");
  EXPECT_EQ(told("a,b\n1,5,6\n2,7,8\n"), "first column (no name) left out");
  EXPECT_EQ(told("mpg,cyl\nMazda RX4,21,6\nDatsun 710,22.8,4\n"), "first column (no name) left out");
  EXPECT_EQ(told("\"a\",\"b\"\n\"3\",5,6\n\"17\",7,8\n"), "first column (no name) left out");
  // The header may lack any name: the caller tells that each row has too many fields.
  EXPECT_EQ(told("a,b\n5,5,6\n3,7,8\n"), "");
  EXPECT_EQ(told("a,b\nx,5,6\nx,7,8\n"), "");
}

TEST(CsvDialect, LeavesADelimiterAtTheEndOut) {
  EXPECT_EQ(told("a,b,\n1,2,\n3,4,\n"), "the delimiter at the end of lines left out");
  EXPECT_EQ(told("a,b\n1,2,\n3,4,\n"), "the delimiter at the end of rows left out");
  EXPECT_EQ(told("a,b,\n1,2\n3,4\n"), "the delimiter at the end of the header left out");
  EXPECT_EQ(told("a,b,\n"), "the delimiter at the end of the header left out");
  EXPECT_EQ(told(",a,b,\n0,1,2,\n1,3,4,\n"),
            "first column (no name) left out, the delimiter at the end of lines left out");
  EXPECT_EQ(told("a,b\n1,2,\n3,4,5\n"), "");
}

TEST(CsvDialect, FindsTheEncoding) {
  EXPECT_EQ(told("gr\xF6\xDF"
                 "e,y\n1,2\n"),
            "Windows-1252");
  EXPECT_EQ(told("\xFF\xFE"
                 "a\0;\0b\0\n\0"
                 "1\0;\0"
                 "2\0"s),
            "';' between fields, UTF-16");
  EXPECT_EQ(told("\0a\0,\0b\0\n\0"
                 "1\0,\0"
                 "2"s),
            "UTF-16 (big-endian)");
  EXPECT_EQ(told("a,b\n1,2\n", {.encoding = "latin-1"}), "Latin-1");
  EXPECT_CONTAINS(testing::data_error([] {
                    dialect_of(
                        "\xEF\xBB\xBF"
                        "a,b\n",
                        {.encoding = "latin-1"});
                  }),
                  "a.csv begins with the byte order mark of UTF-8, but data.csv.encoding is latin-1");
}

TEST(CsvDialect, TakesExcelsFirstLine) {
  const auto content = "sep=;\r\na;b\r\n1,5;x\r\n"s;
  CsvScanner scanner{ByteStream(content, "a.csv"), dialect_of(content)};
  EXPECT_EQ(read_header(scanner), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(scanner.line(), 2);
  for (const auto& other : {"sep=\n|\ra|b\n"s, "sep="s, "sep=;"s, "sep=;x\n"s, "sep=\"\n"s})
    EXPECT_FALSE(dialect_of(other).sep_line) << other;
}

TEST(CsvDialect, RefusesWhatIsNoCsv) {
  const auto error = [](const std::string& content) {
    return testing::data_error([&] { dialect_of(content); });
  };
  EXPECT_CONTAINS(error("PK\x03\x04xyz"), "a.csv is no CSV file: it is a workbook (.xlsx)");
  EXPECT_CONTAINS(error("\x1F\x8B\x08"), "packed by gzip; give it a name that ends in .gz");
  EXPECT_CONTAINS(error("\xFF\xFE\0\0a\0\0\0"s), "in UTF-32");
}

TEST(CsvDialect, IsWhatTheConfigurationSays) {
  EXPECT_EQ(dialect_of("a;b,c\n1;2,5\n", {.delimiter = ","}).delimiter, ',');
  EXPECT_EQ(dialect_of("a b\n1 2\n", {.delimiter = " "}).delimiter, ' ');
  EXPECT_EQ(dialect_of("a\tb\n", {.delimiter = "tab"}).delimiter, '\t');
  EXPECT_EQ(dialect_of("a,b\n", {.delimiter = "none"}).delimiter, '\0');
  EXPECT_EQ(dialect_of("a;b\n1,5;2\n", {.decimal = "."}).decimal, '.');
  EXPECT_EQ(dialect_of("a;b\n1;2\n", {.decimal = ","}).decimal, ',');
  EXPECT_EQ(dialect_of("a,b\n'x','y'\n", {.quote = "\""}).quote, '"');
  EXPECT_EQ(dialect_of("a,b\n\"x\",\"y\"\n", {.quote = "none"}).quote, '\0');
}

TEST(CsvDialect, TakesNoBytesFromTheStream) {
  std::istringstream in(repeated("a;b\n", 100'000));
  ByteStream bytes(in, "the standard input");
  const auto dialect = find_dialect(bytes);
  CsvScanner scanner(std::move(bytes), dialect);
  std::size_t records = 0;
  while (scanner.skip()) ++records;
  EXPECT_EQ(records, 100'000u);
}

TEST(CsvDialect, TheHeaderMayBeLongerThanTheUsualBeginning) {
  std::string header = "first", row = "1";
  for (int c = 0; c < 100'000; ++c) {
    header += ";column" + std::to_string(c);
    row += ";2,5";
  }
  EXPECT_EQ(told(header + "\n" + row + "\n" + row + "\n"), "';' between fields, decimal comma");
}

}  // namespace
}  // namespace ringtrain
