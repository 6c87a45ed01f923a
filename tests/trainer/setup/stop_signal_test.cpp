#include "trainer/setup/stop_signal.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "common/stop_signals.h"

namespace ringtrain {
namespace {

TEST(StopSignalTest, EachOfThemSetsTheFlag) {
  for (const int signal : kStopSignals) {
    const StopSignal stop;
    EXPECT_FALSE(stop.caught());
    std::raise(signal);
    EXPECT_TRUE(stop.caught()) << signal;
  }
}

TEST(StopSignalDeathTest, ASecondInterruptEndsAtOnceAndNothingElseDoes) {
  // In a fork of a program with threads TSan puts signals off.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto raised = [](int first, int second) {
    const StopSignal stop;
    std::raise(first);
    std::this_thread::sleep_for(kSameSignal * 1.2);
    std::raise(second);
    std::_Exit(stop.caught() ? 7 : 1);
  };
  EXPECT_EXIT(raised(SIGINT, SIGINT), testing::ExitedWithCode(130), "Ctrl-C again ends at once");
  EXPECT_EXIT(raised(SIGTERM, SIGINT), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(raised(SIGINT, SIGTERM), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(raised(SIGUSR1, SIGUSR1), testing::ExitedWithCode(7), "");
}

TEST(StopSignalTest, TheSameSignalTwiceIsOne) {
  const StopSignal stop;
  std::raise(SIGINT);
  std::raise(SIGINT);
  EXPECT_TRUE(stop.caught());
}

}  // namespace
}  // namespace ringtrain
