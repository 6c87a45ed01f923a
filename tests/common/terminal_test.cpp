#include "common/terminal.h"

#include <gtest/gtest.h>

#include "common/log.h"
#include "tests/common/captured_stderr.h"

namespace ringtrain {
namespace {

using testing::CapturedStderr;

TEST(Wrapped, BreaksBetweenWordsAndKeepsWhatFits) {
  EXPECT_EQ(wrapped("", 10), "");
  EXPECT_EQ(wrapped("one two", 10), "one two");
  EXPECT_EQ(wrapped("one two three", 9, 2), "one two\n  three");
  EXPECT_EQ(wrapped("one  two   three", 9, 2), "one  two\n  three");
  EXPECT_EQ(wrapped("a-word-without-an-end b", 5), "a-word-without-an-end\nb");
  EXPECT_EQ(wrapped("  x", 2), "  x");
  EXPECT_EQ(wrapped("one\ntwo three", 7), "one\ntwo\nthree");
  EXPECT_EQ(wrapped("\xc3\xa4\xc3\xb6 \xc3\xbc", 4), "\xc3\xa4\xc3\xb6 \xc3\xbc");  // four characters
}

class LogOnTerminal : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("TERM", "xterm", 1); }
  void TearDown() override { log::set_identity(0, 1, "here", "cpu"); }
};

TEST_F(LogOnTerminal, APersonGetsTheTextAlone) {
  log::set_identity(0, 8, "node-02", "cuda:1");
  CapturedStderr captured(CapturedStderr::Kind::terminal, 30);
  log::info("data cards.csv: 100,000 rows, 30 features");
  log::warn("few rows");
  log::info("a line for files", "a table\nof two lines");
  EXPECT_EQ(
      captured.text(),
      "data cards.csv: 100,000 rows,\r\n  30 features\r\nwarning: few rows\r\na table\r\nof two lines\r\n");
}

TEST_F(LogOnTerminal, AnotherRankIsNamed) {
  log::set_identity(3, 8, "node-02", "cpu");
  CapturedStderr captured(CapturedStderr::Kind::terminal, 100);
  log::info("quiet");
  log::warn("careful");
  EXPECT_EQ(captured.text(), "warning: rank 3 of 8 on node-02: careful\r\n");
}

TEST_F(LogOnTerminal, APipeGetsTheWholeLine) {
  log::set_identity(0, 8, "node-02", "cpu");
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  log::info("a line for files", "a table");
  EXPECT_NE(captured.text().find("Z INFO  [rank 00/08 node-02 cpu] a line for files\n"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain
