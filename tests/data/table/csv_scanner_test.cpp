#include "data/table/csv_header.h"

#include <gtest/gtest.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;
using Record = std::vector<std::string>;

struct Found {
  std::vector<Record> records;
  std::vector<std::int64_t> lines;
};

Found scan(const std::string& content) {
  const TemporaryFolder folder;
  CsvScanner scanner(folder.write("a.csv", content));
  Found found;
  std::vector<std::string_view> fields;
  while (scanner.next(fields)) {
    found.records.emplace_back(fields.begin(), fields.end());
    found.lines.push_back(scanner.line());
  }
  return found;
}

TEST(CsvScanner, ReadsPlainFields) {
  const auto found = scan("a,b\n1,\n,2\n");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a", "b"}, {"1", ""}, {"", "2"}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(CsvScanner, ReadsQuotes) {
  const auto found = scan("\"a,b\",\"say \"\"hi\"\"\",\"\"\nx\"y,z,\"\"\"\"\n");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a,b", "say \"hi\"", ""}, {"x\"y", "z", "\""}}));
}

TEST(CsvScanner, CountsLineBreaksInsideQuotes) {
  const auto found = scan("a,\"x\ny\r\nz\"\nb,c\n");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a", "x\ny\r\nz"}, {"b", "c"}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{1, 4}));
}

TEST(CsvScanner, TakesEveryLineEndAndSkipsEmptyLines) {
  const auto found = scan("\n\r\na\r\nb\r\rc\n\nd");
  EXPECT_EQ(found.records, (std::vector<Record>{{"a"}, {"b"}, {"c"}, {"d"}}));
  EXPECT_EQ(found.lines, (std::vector<std::int64_t>{3, 4, 6, 8}));
}

TEST(CsvScanner, SkipsTheByteOrderMark) {
  EXPECT_EQ(scan("\xEF\xBB\xBFTime,V1\n").records[0], (Record{"Time", "V1"}));
}

TEST(CsvScanner, CrossesTheBuffersEnd) {
  // Records of 7 bytes do not divide the buffer, so one of them lies across its end.
  std::string content;
  for (int i = 0; i < 100000; ++i) content += "\"ab\"\r\n";
  const auto found = scan(content);
  ASSERT_EQ(found.records.size(), 100000u);
  for (const auto& record : found.records) ASSERT_EQ(record, Record{"ab"});
  EXPECT_EQ(found.lines.back(), 100000);
}

TEST(CsvScanner, HeaderRefusesDoubleAndEmptyNames) {
  const TemporaryFolder folder;
  const auto header = [&](const std::string& content) {
    const auto file = folder.write("h.csv", content);
    CsvScanner scanner(file);
    return read_header(scanner);
  };
  EXPECT_EQ(header("\"Time\",V1\n"), (Record{"Time", "V1"}));
  EXPECT_CONTAINS(testing::data_error([&] { header("a,b,a\n"); }), "column 'a' occurs twice in the header");
  EXPECT_CONTAINS(testing::data_error([&] { header("a,,c\n"); }), "has no name (column 2 of 3)");
  EXPECT_CONTAINS(testing::data_error([&] { header(""); }), "h.csv is empty");
}

}  // namespace
}  // namespace ringtrain
