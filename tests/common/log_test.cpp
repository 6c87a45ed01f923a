#include "common/log.h"

#include <gtest/gtest.h>

#include <regex>
#include <thread>
#include <vector>

#include "common/errors.h"
#include "common/files.h"
#include "tests/common/captured_stderr.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain {
namespace {

using testing::CapturedStderr;

TEST(Log, ALineCarriesTimeLevelAndRank) {
  log::set_identity(0, 8, "node-02", "cuda:1");
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  log::info("step 1");
  const std::string text = captured.text();
  EXPECT_TRUE(std::regex_match(
      text,
      std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO  \[rank 00/08 node-02 cuda:1\] step 1\n)")))
      << text;
}

TEST(Log, OtherRanksKeepInfoToTheirFile) {
  test::TemporaryFolder folder;
  log::set_identity(5, 8, "node-02", "cpu");
  log::also_to_file(folder.path() / "rank-5.log");
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  log::info("quiet");
  log::warn("careful");
  log::error("broken");
  log::error_to_file("said already");
  const std::string text = captured.text();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("WARN  [rank 05/08 node-02 cpu] careful\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ERROR [rank 05/08 node-02 cpu] broken\n"), std::string::npos) << text;
  const std::string file = read_file(folder.path() / "rank-5.log");
  EXPECT_NE(file.find("INFO  [rank 05/08 node-02 cpu] quiet\n"), std::string::npos) << file;
  EXPECT_NE(file.find("ERROR [rank 05/08 node-02 cpu] said already\n"), std::string::npos) << file;
  EXPECT_EQ(text.find("said already"), std::string::npos);
  EXPECT_EQ(std::count(file.begin(), file.end(), '\n'), 4);
  log::set_identity(0, 1, "here", "cpu");
}

TEST(Log, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(log::also_to_file("/proc/nowhere/rank.log"), Error);
}

TEST(Log, LinesOfThreadsDoNotMix) {
  log::set_identity(0, 1, "here", "cpu");
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) log::info("0123456789");
    });
  for (auto& thread : threads) thread.join();
  const std::string text = captured.text();
  const std::regex line(R"(\S+Z INFO  \[rank 00/01 here cpu\] 0123456789\n)");
  EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), line), std::sregex_iterator()), 200);
}

TEST(Log, HooksSurroundALine) {
  CapturedStderr captured(CapturedStderr::Kind::pipe);
  const auto write = [](const char* text) { EXPECT_EQ(::write(STDERR_FILENO, text, 1), 1); };
  log::around_terminal_lines([&] { write("<"); }, [&] { write(">"); });
  log::info("a");
  log::around_terminal_lines({}, {});
  log::info("b");
  EXPECT_TRUE(std::regex_match(captured.text(), std::regex("<[^<>]* a\n>[^<>]* b\n")));
}

}  // namespace
}  // namespace ringtrain
