#include "data/table/csv_header.h"

#include <gtest/gtest.h>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using Names = std::vector<std::string>;

class CsvHeader : public ::testing::Test {
 protected:
  Names names(const std::string& content) {
    CsvScanner scanner(folder_.write("h.csv", content));
    return read_header(scanner);
  }
  std::string error(const std::string& content) {
    return testing::data_error([&] { names(content); });
  }
  testing::TemporaryFolder folder_;
};

TEST_F(CsvHeader, GivesNamesWithoutBlanksAround) {
  EXPECT_EQ(names("\"Time\", V1 ,\tlast name\n"), (Names{"Time", "V1", "last name"}));
  EXPECT_EQ(names("\xEF\xBB\xBFTime,V1"), (Names{"Time", "V1"}));
  EXPECT_EQ(names("gr\xF6\xDF"
                  "e;\"a;b\"\n1;2\n"),
            (Names{"größe", "a;b"}));
}

TEST_F(CsvHeader, LeavesColumnsWithoutANameOutAtItsEndsAlone) {
  EXPECT_EQ(names(",a,b\n0,1,2\n"), (Names{"a", "b"}));
  EXPECT_EQ(names("a,b,\n1,2,\n"), (Names{"a", "b"}));
  EXPECT_CONTAINS(error("a,,c\n"), "h.csv: the header (line 1) has a column without a name: 2 of 3");
  EXPECT_CONTAINS(error("a,b,\n1,2,3\n"), "a column without a name: 3 of 3");
}

TEST_F(CsvHeader, NamesAllProblemsAtOnce) {
  EXPECT_CONTAINS(
      error("a,b,a,,c, b ,a, ,z\n1,2,3,4,5,6,7,8,9\n"),
      "h.csv: the header (line 1) has columns without a name: 4, 8 of 9, and names that occur more "
      "than once: 'a' (columns 1, 3, 7), 'b' (columns 2, 6); rename all but one");
}

TEST_F(CsvHeader, RefusesAnEmptyFile) {
  for (const char* content : {"", "\n", "\r\n \n", "\xEF\xBB\xBF"})
    EXPECT_CONTAINS(error(content), "h.csv is empty; a CSV file with a header line is expected");
}

TEST_F(CsvHeader, RefusesBytesThatAreNoText) {
  EXPECT_CONTAINS(error(std::string("a,b\0c\n1,2\n", 9)),
                  "h.csv: the header (line 1), column 2: a byte is 0");
  // UTF-8 with one damaged name: not Windows-1252, in which all others would be wrong.
  EXPECT_CONTAINS(error("größe,länge,h\xF6he\n1,2,3\n"),
                  "h.csv: the header (line 1), column 3: the byte 0xF6 is not UTF-8. Set data.csv.encoding");
}

TEST_F(CsvHeader, ManyColumnsTakeNoLongerThanTheirNumber) {
  constexpr int columns = 100'000;
  std::string header, row;
  for (int c = 0; c < columns; ++c) {
    header += (c ? ",name" : "name") + std::to_string(c);
    row += c ? ",1" : "1";
  }
  EXPECT_EQ(names(header + "\n" + row + "\n").size(), 100'000u);
  const std::string twice = error(header + ",name5,name77\n" + row + ",1,1\n");
  EXPECT_CONTAINS(twice, "'name5' (columns 6, 100,001), 'name77' (columns 78, 100,002)");
  EXPECT_LT(error(header + header + "\n").size(), 2000u);
}

}  // namespace
}  // namespace ringtrain
