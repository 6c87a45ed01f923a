#include "data/table/text_lines.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;

std::vector<std::string> all_of(TextLines lines) {
  std::vector<std::string> result;
  for (std::string_view line; lines.next(line);) result.emplace_back(line);
  return result;
}

TEST(TextLines, GivesLinesWithoutTheirEnds) {
  const TemporaryFolder folder;
  const std::string text = "a\r\n\nb c\nlast";
  const std::vector<std::string> expected{"a", "", "b c", "last"};
  EXPECT_EQ(all_of(TextLines(folder.write("a.jsonl", text))), expected);
  std::istringstream in(text);
  EXPECT_EQ(all_of(TextLines(in)), expected);
  std::istringstream none("");
  EXPECT_TRUE(all_of(TextLines(none)).empty());
}

TEST(TextLines, LinesMayBeLongerThanItsBuffer) {
  const TemporaryFolder folder;
  const std::vector<std::string> expected{std::string(1 << 20, 'x'), "y", std::string(300'000, 'z')};
  EXPECT_EQ(all_of(TextLines(folder.write("a.jsonl", expected[0] + "\n" + expected[1] + "\n" + expected[2]))),
            expected);
}

TEST(TextLines, AFileWithoutLinesDoesNotFillTheMemory) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.jsonl", std::string(TextLines::kLongest + 1, 'x'));
  EXPECT_CONTAINS(testing::data_error([&] { all_of(TextLines(file)); }), "a line is longer than");
}

}  // namespace
}  // namespace ringtrain
