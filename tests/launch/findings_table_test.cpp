#include "launch/findings_table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace ringtrain {
namespace {

TEST(FindingsTable, IsBrokenToItsWidth) {
  std::string long_value;
  for (int i = 0; i < 40; ++i) long_value += "word ";
  const Findings findings{good("one", "short"), bad("another", long_value + "end", long_value + "done"),
                          skipped("third", "why")};
  const auto text = findings_table(findings, {.width = 60});
  std::stringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 60U) << line;
  EXPECT_NE(text.find("  good     one      short\n  bad      another  word word"), std::string::npos) << text;
  EXPECT_NE(text.find("\n                    word"), std::string::npos) << text;
  EXPECT_NE(text.find("  -> word"), std::string::npos) << text;
  EXPECT_NE(text.find("\n1 good, 0 warnings, 1 bad, 1 skipped\n"), std::string::npos) << text;
  EXPECT_NE(findings_table({bad("x", "y", "z")}, {.colour = true}).find("  \033[31mbad\033[0m"),
            std::string::npos);
}

TEST(FindingsTable, SaysTheWorst) {
  using Level = Finding::Level;
  EXPECT_EQ(worst_level({}), Level::good);
  EXPECT_EQ(worst_level({good("a", ""), skipped("b", "")}), Level::good);
  EXPECT_EQ(worst_level({warning("a", "", ""), skipped("b", ""), good("c", "")}), Level::warning);
  EXPECT_EQ(worst_level({bad("a", "", ""), warning("b", "", "")}), Level::bad);
  EXPECT_EQ(findings_json({warning("a", "b", "c")}).dump(),
            R"([{"level":"warning","what":"a","value":"b","remedy":"c"}])");
}

}  // namespace
}  // namespace ringtrain
