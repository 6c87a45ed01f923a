#include "launch/mpirun/launcher_output.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

const std::string kBorder = std::string(74, '-') + "\n";

std::string block(const std::string& words) { return kBorder + words + kBorder; }

const std::string kAborted = block(
    "Primary job  terminated normally, but 1 process returned\n"
    "a non-zero exit code. Per user-direction, the job has been aborted.\n");
const std::string kKilled =
    block("mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n");
const std::string kExited = block(
    "mpirun detected that one or more processes exited with non-zero status, thus causing\n"
    "the job to be terminated. The first process to do so was:\n\n"
    "  Process name: [[10955,1],3]\n  Exit code:    4\n");

struct Filter {
  std::string passed;
  LauncherOutput output{[this](std::string_view text) { passed += text; }};
};

TEST(LauncherOutput, EveryByteOfTheRanksGoesOnAtOnce) {
  Filter filter;
  const std::string text = "epoch 1\n\n\r\x1b[Kstep 3 [=> ] 00:01 left\r\x1b[Kstep 4\n" +
                           std::string(49, '-') +
                           std::string(
                               "\na - b\x00\xff"
                               "c -- d",
                               14);
  for (std::size_t i = 0; i < text.size(); ++i) {
    filter.output.add(text.substr(i, 1));
    if (text[i] == '-') continue;
    EXPECT_EQ(filter.passed, text.substr(0, i + 1));
  }
  EXPECT_EQ(filter.passed, text);
}

TEST(LauncherOutput, WhatTheLauncherSaysOfTheEndIsKept) {
  Filter filter;
  filter.output.add("step 1\n" + kAborted + "step 2\n" + kKilled);
  filter.output.pause();
  EXPECT_EQ(filter.passed, "step 1\nstep 2\n");
  EXPECT_TRUE(filter.output.launcher_words().starts_with("Primary job"));
  const auto killed = filter.output.killed_rank();
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->rank, 1);
  EXPECT_EQ(killed->host, "vm");
  EXPECT_EQ(killed->signal, 9);
  EXPECT_FALSE(filter.output.failed_rank());
}

TEST(LauncherOutput, HoweverItIsCut) {
  const std::string text = "a\n" + kAborted + kKilled + "b\n";
  for (std::size_t size = 1; size < text.size(); ++size) {
    Filter filter;
    for (std::size_t i = 0; i < text.size(); i += size) filter.output.add(text.substr(i, size));
    filter.output.pause();
    ASSERT_EQ(filter.passed, "a\nb\n") << "in parts of " << size;
    ASSERT_TRUE(filter.output.killed_rank());
  }
}

// A terminal: mpirun does not look whether the bar's line is at its end.
TEST(LauncherOutput, ABlockBehindAProgressBarIsOne) {
  Filter filter;
  const std::string bar = "\r\x1b[Kstep 840/33,000 [>  ] 00:54 left";
  filter.output.add(bar);
  filter.output.add(kAborted + kKilled);
  EXPECT_EQ(filter.passed, bar);
  EXPECT_TRUE(filter.output.killed_rank());
  EXPECT_TRUE(filter.output.within_line());
  filter.output.add("\r\x1b[K");
  EXPECT_FALSE(filter.output.within_line());
}

TEST(LauncherOutput, WarningsGoOnWhole) {
  Filter filter;
  const std::string warning = block("WARNING: No preset parameters were found for the device.\n");
  filter.output.add(warning);
  EXPECT_EQ(filter.passed, warning);
  EXPECT_EQ(filter.output.launcher_words(), "");
}

TEST(LauncherOutput, DashesOfARankAreNoBlock) {
  Filter filter;
  const std::string table = kBorder + "layer  shape\nringtrain: rank 0 of 2: no\nhalf a li";
  filter.output.add(table);
  filter.output.pause();
  EXPECT_EQ(filter.passed, table);
  filter.output.add("ne\n" + kKilled);
  EXPECT_EQ(filter.passed, table + "ne\n");
  EXPECT_EQ(filter.output.rank_message(), "rank 0 of 2: no");
  EXPECT_TRUE(filter.output.killed_rank());
}

TEST(LauncherOutput, TheMessageOfARankIsTheLastOne) {
  Filter filter;
  EXPECT_EQ(filter.output.rank_message(), "");
  filter.output.add("ringtrain: one\nit said ringtrain: no\n");
  EXPECT_EQ(filter.output.rank_message(), "one");
  filter.output.add("\r\x1b[Kstep 3 00:54 leftringtrain: ");
  filter.output.add("two\n\r\x1b[Kstep 4");
  EXPECT_EQ(filter.output.rank_message(), "two");
}

TEST(LauncherOutput, TheRankThatEndedWithAnExitCodeIsFound) {
  Filter filter;
  filter.output.add(kAborted + kExited);
  EXPECT_EQ(filter.output.failed_rank(), 3);
  EXPECT_FALSE(filter.output.killed_rank());
  EXPECT_EQ(filter.passed, "");
}

// Open MPI 5 says it of an MPI_Abort, with a byte 0 behind its blocks.
TEST(LauncherOutput, OfAnAbortOnlyTheRanksMessageIsLeft) {
  const std::string abort = block(
      "prterun has exited due to process rank 0 with PID 0 on node vm calling\n"
      "\"abort\". This may have caused other processes in the application to be\n"
      "terminated by signals sent by prterun (as reported here).\n");
  const std::string text = "ringtrain: rank 1 of 2: no\n" + abort + std::string(1, '\0') + "next\n";
  for (const std::size_t size : {text.size(), std::size_t{1}, std::size_t{7}}) {
    Filter filter;
    for (std::size_t i = 0; i < text.size(); i += size) filter.output.add(text.substr(i, size));
    filter.output.pause();
    EXPECT_EQ(filter.passed, "ringtrain: rank 1 of 2: no\nnext\n");
    EXPECT_EQ(filter.output.rank_message(), "rank 1 of 2: no");
    EXPECT_FALSE(filter.output.within_line());
  }
}

}  // namespace
}  // namespace ringtrain
