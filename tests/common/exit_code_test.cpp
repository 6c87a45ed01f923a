#include "common/exit_code.h"

#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <sstream>
#include <string>

#include "common/files.h"

namespace ringtrain {
namespace {

// Scripts and schedulers rely on the numbers.
TEST(ExitCode, IsWhatTheDocumentationLists) {
  std::istringstream page(read_file(RINGTRAIN_SOURCE_DIR "/docs/errors.md"));
  std::set<std::string> listed;
  for (std::string line; std::getline(page, line);)
    if (line.starts_with("| ")) listed.insert(line.substr(2, line.find(" |", 2) - 2));
  std::set<std::string> all{"code", std::to_string(ExitCode::signalled) + " + N"};
  for (const int code : {ExitCode::success, ExitCode::failure, ExitCode::configuration, ExitCode::data,
                         ExitCode::communication, ExitCode::checkpoint, ExitCode::model_export,
                         ExitCode::training, ExitCode::not_better, ExitCode::stopped})
    all.insert(std::to_string(code));
  EXPECT_EQ(listed, all);
}

TEST(ExitCode, OfASignalIsThatOfAShell) { EXPECT_EQ(ExitCode::of_signal(SIGTERM), 143); }

}  // namespace
}  // namespace ringtrain
