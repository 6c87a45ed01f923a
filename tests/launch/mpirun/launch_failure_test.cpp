#include "launch/mpirun/launch_failure.h"

#include <fmt/format.h>
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
  EXPECT_EQ((MpirunEnd{.status = SIGKILL, .killed_by = SIGSEGV}.code()), 139)
      << "it was ended because it did not end by itself after a rank had";
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

std::string block(const std::string& words) { return fmt::format("{0:->74}\n{1}{0:->74}\n", "", words); }

const std::string kAborted = block(
    "Primary job  terminated normally, but 1 process returned\n"
    "a non-zero exit code. Per user-direction, the job has been aborted.\n");

// Both happen where a rank is ended in the middle of MPI_Init: Open MPI 4.1.4 then may wait for itself for
// ever, or end without its second block.
TEST(Explain, ARankIsNamedAlsoWhereMpirunHadToBeEnded) {
  const BeaconFolder beacons;
  LauncherOutput output([](std::string_view) {});
  output.add(
      kAborted + "[vm:08821] PMIX ERROR: UNREACHABLE in file ptl_base_connection_hdlr.c at line 388\n" +
      block("mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 15 (Terminated).\n"));
  output.pause();
  EXPECT_EQ(explain({.status = SIGKILL, .ranks = 2, .killed_by = SIGTERM}, output, beacons),
            "rank 1 of 2 (host vm) was ended by signal 15 (SIGTERM)");
}

TEST(Explain, WhatMpirunDoesNotSayIsNotMadeUp) {
  const BeaconFolder beacons;
  LauncherOutput output([](std::string_view) {});
  output.add(kAborted);
  output.pause();
  EXPECT_EQ(explain({.status = exited(137), .ranks = 2}, output, beacons),
            "a rank was ended by signal 9 (SIGKILL); mpirun does not say which of the 2");
}

}  // namespace
}  // namespace ringtrain
