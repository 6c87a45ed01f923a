#include "common/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <thread>

#include "common/log.h"
#include "tests/common/captured_stderr.h"

namespace ringtrain {
namespace {

using namespace std::chrono_literals;
using testing::CapturedStderr;

const std::string cleared = "\r\x1b[K";

class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TERM", "xterm", 1);
    log::set_identity(0, 1, "here", "cpu");
  }
};

TEST_F(ProgressTest, ATerminalGetsABarThatIsClearedAtTheEnd) {
  CapturedStderr captured(CapturedStderr::Kind::terminal, 100);
  Progress progress("step", 2000);
  std::this_thread::sleep_for(10ms);
  progress.update(1000, "loss 0.5");
  const std::string drawn = captured.so_far();
  EXPECT_EQ(drawn, cleared + "step 1,000/2,000 [===============>              ]  loss 0.5  00:00 left");
  progress.finish();
  EXPECT_EQ(captured.text(), cleared);
}

TEST_F(ProgressTest, TheLineFitsTheTerminal) {
  for (unsigned short columns : {20, 40, 60, 100}) {
    CapturedStderr captured(CapturedStderr::Kind::terminal, columns);
    Progress progress("step", 100);
    progress.update(50, "loss 0.1234  85,120 samples/s  and much more that nobody can read \xc3\xa4\xc3\xa4");
    std::string drawn = captured.text();
    ASSERT_TRUE(drawn.starts_with(cleared));
    EXPECT_LE(drawn.size() - cleared.size(), columns - 1u);
    EXPECT_GE(drawn.size() - cleared.size(), std::min(columns - 1u, 80u) - 1u);
  }
}

TEST_F(ProgressTest, CutsBetweenCharactersNotWithinOne) {
  CapturedStderr captured(CapturedStderr::Kind::terminal, 12);
  Progress progress("step", 9);
  progress.update(1, "\xc3\xa4\xc3\xb6\xc3\xbc");  // "step 1/9" + two blanks + a-umlaut: 11 columns
  EXPECT_EQ(captured.text(), cleared + "step 1/9  \xc3\xa4");
}

TEST_F(ProgressTest, RedrawsAtMostAtTheInterval) {
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  Progress progress("step", 100000, {.redraw_interval = 50ms});
  std::string text;
  const auto end = std::chrono::steady_clock::now() + 500ms;
  for (std::int64_t i = 0; std::chrono::steady_clock::now() < end; ++i) {
    progress.update(i % 100000);
    std::this_thread::sleep_for(1ms);
    text += captured.so_far();
  }
  text += captured.text();
  const auto draws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(draws, 3);
  EXPECT_LE(draws, 11);
}

TEST_F(ProgressTest, ALogLineTakesTheBarsPlaceAndTheBarComesBack) {
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  Progress progress("step", 10);
  progress.update(5);
  captured.so_far();
  log::info("hello");
  const std::string text = captured.so_far();
  EXPECT_TRUE(text.starts_with(cleared)) << text;
  const auto line = text.find("hello\r\n");  // the terminal adds \r
  ASSERT_NE(line, std::string::npos) << text;
  EXPECT_NE(text.find(cleared + "step 5/10 [", line), std::string::npos) << text;
  progress.finish();
  captured.so_far();
  log::info("after");
  EXPECT_EQ(captured.text().find('\x1b'), std::string::npos) << "a finished bar comes back no more";
}

TEST_F(ProgressTest, LogLinesFromManyThreadsWhileItIsDrawn) {
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  std::string text;
  {
    Progress progress("step", 200, {.redraw_interval = 0ms});
    std::thread other([] {
      for (int i = 0; i < 10; ++i) log::info("line");
    });
    for (int i = 0; i < 10; ++i) {
      progress.update(i);
      text += captured.so_far();
    }
    other.join();
  }
  log::info("end");
  text += captured.text();
  const std::regex whole("line\r\n");
  EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), whole), std::sregex_iterator()), 10);
}

TEST_F(ProgressTest, ElsewhereALineNowAndThenAndALastOne) {
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  Progress progress("step", 1095, {.line_interval = 200ms});
  progress.update(10, "loss 1");
  EXPECT_EQ(captured.so_far(), "") << "nothing before the interval is over";
  std::this_thread::sleep_for(220ms);
  progress.update(412, "loss 0.5");
  progress.update(413, "loss 0.4");
  const std::string first = captured.so_far();
  EXPECT_TRUE(std::regex_match(
      first, std::regex(R"(\S+Z INFO  \[rank 00/01 here cpu\] step 412/1,095  loss 0.5  00:0\d left\n)")))
      << first;
  progress.update(1095, "loss 0.1");
  progress.finish();
  const std::string last = captured.text();
  EXPECT_TRUE(std::regex_match(
      last, std::regex(R"(\S+Z INFO  \[rank 00/01 here cpu\] step 1,095/1,095  loss 0.1\n)")))
      << last;
}

TEST_F(ProgressTest, ADumbTerminalGetsPlainLines) {
  ::setenv("TERM", "dumb", 1);
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  Progress progress("step", 10);
  progress.update(3);
  progress.finish();
  EXPECT_EQ(captured.text().find('\x1b'), std::string::npos);
}

TEST_F(ProgressTest, TheTimeLeftCountsOnlyWhatThisProcessDid) {
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  Progress progress("step", 1100, {.already_done = 1000});
  std::this_thread::sleep_for(100ms);
  progress.update(1001);  // one step in 0.1 s, 99 to go: about 10 s; counted from zero it would be 0 s
  const std::string text = captured.text();
  EXPECT_TRUE(std::regex_search(text, std::regex("00:(09|1\\d|2\\d) left"))) << text;
}

TEST_F(ProgressTest, NothingToDoIsNoDivisionByZero) {
  CapturedStderr captured(CapturedStderr::Kind::terminal);
  Progress progress("step", 0);
  progress.update(0);
  progress.finish();
  EXPECT_NE(captured.text().find("step 0/0"), std::string::npos);
}

}  // namespace
}  // namespace ringtrain
