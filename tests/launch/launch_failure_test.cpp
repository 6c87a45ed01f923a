#include "launch/launch_failure.h"

#include <gtest/gtest.h>

#include <csignal>

namespace ringtrain {
namespace {

int exited(int code) { return code << 8; }  // as waitpid says it

TEST(MpirunEnd, ItsCodeIsThatOfTheRanks) {
  EXPECT_EQ((MpirunEnd{.status = exited(0)}.code()), 0);
  EXPECT_EQ((MpirunEnd{.status = exited(7)}.code()), 7);
  EXPECT_EQ((MpirunEnd{.status = exited(137)}.code()), 137) << "of a rank that SIGKILL ended";
  EXPECT_EQ((MpirunEnd{.status = SIGKILL}.code()), 137) << "mpirun itself was ended";
}

TEST(MpirunEnd, ASignalThatCameTooEarlyIsTheOneThatWasSent) {
  EXPECT_EQ((MpirunEnd{.status = exited(138), .first_signal = SIGINT}.code()), 130);
  EXPECT_EQ((MpirunEnd{.status = SIGUSR1, .first_signal = SIGTERM}.code()), 143);
  EXPECT_EQ((MpirunEnd{.status = exited(75), .first_signal = SIGINT}.code()), 75);
  EXPECT_EQ((MpirunEnd{.status = exited(137), .first_signal = SIGINT}.code()), 137) << "another failure";
  EXPECT_EQ((MpirunEnd{.status = exited(138)}.code()), 138) << "nobody told this process to stop";
}

TEST(MpirunEnd, ASecondSignalCountsUnlessTheRanksEndedInOrder) {
  const auto code = [](int status) {
    return MpirunEnd{.status = status, .first_signal = SIGTERM, .second_signal = SIGINT}.code();
  };
  EXPECT_EQ(code(exited(1)), 130);
  EXPECT_EQ(code(SIGUSR1), 130);
  EXPECT_EQ(code(exited(75)), 75);
  EXPECT_EQ(code(exited(0)), 0);
}

TEST(Explain, SaysNothingOfAnEndInOrderAndTellsEarlySignalsApart) {
  const BeaconFolder beacons;
  const LauncherOutput nothing([](std::string_view) {});
  EXPECT_EQ(explain({.status = exited(75), .first_signal = SIGINT}, nothing, beacons), "");
  EXPECT_EQ(explain({.status = exited(138), .first_signal = SIGINT}, nothing, beacons),
            "ended by a signal before a checkpoint could be written for it");
  EXPECT_EQ(explain({.status = exited(138), .first_signal = SIGINT, .stops_with_checkpoint = false}, nothing,
                    beacons),
            "ended by signal 2 (SIGINT)");
  EXPECT_EQ(explain({.status = SIGUSR1}, nothing, beacons), "mpirun was ended by signal 10 (SIGUSR1)");
  EXPECT_NE(explain({.status = exited(1), .first_signal = SIGINT, .second_signal = SIGINT}, nothing, beacons)
                .find("ended at once by a second signal"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain
