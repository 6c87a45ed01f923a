#include "common/stop_signals.h"

#include <gtest/gtest.h>

#include <thread>

namespace ringtrain {
namespace {

using Kind = ReceivedSignals::Kind;

TEST(StopSignalsTest, TheSameSignalMayComeTwice) {
  ReceivedSignals signals;
  EXPECT_EQ(signals.first(), 0);
  EXPECT_EQ(signals.add(SIGTERM), Kind::kFirst);
  EXPECT_EQ(signals.add(SIGUSR1), Kind::kSame);
  EXPECT_EQ(signals.first(), SIGTERM);
  EXPECT_EQ(signals.second(), 0);
  std::this_thread::sleep_for(kSameSignal * 1.2);
  EXPECT_EQ(signals.add(SIGINT), Kind::kSecond);
  EXPECT_EQ(signals.first(), SIGTERM);
  EXPECT_EQ(signals.second(), SIGINT);
  signals.clear();
  EXPECT_EQ(signals.first(), 0);
  EXPECT_EQ(signals.second(), 0);
  EXPECT_EQ(signals.add(SIGUSR1), Kind::kFirst);
}

}  // namespace
}  // namespace ringtrain
