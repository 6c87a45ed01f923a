#include "comm/watch/watch.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

using Seconds = WatchLimits::Seconds;

/// Three ranks; a beat a second unless a test leaves some out.
class Watching : public testing::Test {
 protected:
  Watching()
      : watch_({.heartbeat_timeout = Seconds(10),
                .stall_timeout = {{Phase::loading, Seconds(30)}, {Phase::waiting, Seconds(60)}}},
               {0, 1, 2}, {"host a, pid 1", "host b, pid 2", "host c, pid 3"}, Seconds(1), now_) {}
  /// `beats` come; returns what the watch says a second later.
  std::optional<std::string> second(const std::vector<Beat>& beats) {
    now_ += std::chrono::seconds(1);
    for (const auto& beat : beats) watch_.heard(beat, now_);
    return watch_.verdict(now_);
  }
  static Beat beat(int rank, Phase phase = Phase::computing, double stalled = 0, std::int64_t step = 5) {
    return {.rank = rank, .phase = phase, .step = step, .stalled = stalled};
  }

  Watch::Time now_{};
  Watch watch_;
};

TEST_F(Watching, ASilentRankIsNamedWithWhereItWas) {
  EXPECT_FALSE(second({beat(0), beat(1, Phase::updating), beat(2)}));
  std::optional<std::string> said;
  int seconds = 0;
  while (!said && seconds < 30) {
    said = second({beat(0), beat(2)});
    ++seconds;
  }
  EXPECT_EQ(seconds, 11) << "the limit is 10 s";
  EXPECT_TRUE(said->starts_with("rank 1 of 3 (host b, pid 2) gave no sign of life for 11.0 s")) << *said;
  EXPECT_NE(said->find("updating the weights, step 5"), std::string::npos) << *said;
}

TEST_F(Watching, ASlowRankThatBeatsIsLeftAlone) {
  for (int i = 0; i < 600; ++i)
    ASSERT_FALSE(
        second({beat(0, Phase::waiting, 59), beat(1, Phase::computing, i), beat(2, Phase::waiting, 59)}));
}

TEST_F(Watching, TheRankThatHangsIsBlamedNotTheOnesThatWaitForIt) {
  const auto said =
      second({beat(0, Phase::waiting, 300), beat(1, Phase::waiting, 300), beat(2, Phase::loading, 31)});
  ASSERT_TRUE(said);
  EXPECT_TRUE(
      said->starts_with("rank 2 of 3 (host c, pid 3) is alive but does not go on: loading a batch, step 5"))
      << *said;
}

TEST_F(Watching, OfSeveralTheOneFurthestBehindIsBlamed) {
  const auto said =
      second({beat(0, Phase::loading, 90, 7), beat(1, Phase::loading, 40, 6), beat(2, Phase::waiting, 1)});
  ASSERT_TRUE(said);
  EXPECT_TRUE(said->starts_with("rank 1 of 3")) << *said;
}

TEST_F(Watching, RanksThatAllWaitForEachOtherAreAllNamed) {
  EXPECT_FALSE(
      second({beat(0, Phase::waiting, 61), beat(1, Phase::waiting, 59), beat(2, Phase::waiting, 61)}));
  EXPECT_FALSE(
      second({beat(0, Phase::waiting, 61), beat(1, Phase::computing, 61), beat(2, Phase::waiting, 61)}));
  const auto said =
      second({beat(0, Phase::waiting, 61), beat(1, Phase::waiting, 62), beat(2, Phase::waiting, 63)});
  ASSERT_TRUE(said);
  EXPECT_TRUE(said->starts_with("all 3 ranks wait for each other")) << *said;
  EXPECT_NE(said->find("host b"), std::string::npos) << *said;
}

TEST_F(Watching, ARankThatSaidThatItEndsIsNotMissed) {
  EXPECT_FALSE(second({beat(0), beat(1), beat(2, Phase::ended)}));
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(second({beat(0, Phase::waiting, i), beat(1)})) << i;
}

TEST_F(Watching, ARankThatLeavesTheOthersWaitingIsBlamed) {
  EXPECT_FALSE(second({beat(0), beat(1, Phase::ended), beat(2)}));
  EXPECT_FALSE(second({beat(0, Phase::waiting, 61), beat(2, Phase::computing, 61)})) << "rank 2 still works";
  EXPECT_FALSE(second({beat(0, Phase::waiting, 61), beat(2, Phase::waiting, 59)}));
  const auto said = second({beat(0, Phase::waiting, 62), beat(2, Phase::waiting, 61)});
  ASSERT_TRUE(said);
  EXPECT_TRUE(said->starts_with(
      "rank 1 of 3 (host b, pid 2) has come to its end, and the others wait for it for 61.0 s"))
      << *said;
  EXPECT_NE(said->find("rank 2 of 3 (host c, pid 3): waiting for the other ranks, step 5"), std::string::npos)
      << *said;
}

// Rank 1 watches rank 0, and knows nothing of the third one.
TEST(WatchOfSomeRanks, DoesNotSayThatAllWait) {
  Watch::Time now{};
  Watch watch({.heartbeat_timeout = Seconds(0), .stall_timeout = {{Phase::waiting, Seconds(2)}}}, {0},
              {"a", "b", "c"}, Seconds(1), now);
  for (int i = 0; i < 100; ++i) {
    watch.heard({.rank = 0, .phase = Phase::waiting, .step = 3, .stalled = 1.0 * i},
                now += std::chrono::seconds(1));
    ASSERT_FALSE(watch.verdict(now));
  }
}

TEST_F(Watching, NobodyIsBlamedWhenAllHaveEnded) {
  EXPECT_FALSE(second({beat(0, Phase::ended), beat(1, Phase::ended), beat(2, Phase::ended)}));
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(second({})) << i;
}

TEST_F(Watching, AWatcherThatWasStoppedItselfBlamesNobody) {
  EXPECT_FALSE(second({beat(0), beat(1), beat(2)}));
  now_ += std::chrono::seconds(500);
  EXPECT_FALSE(watch_.verdict(now_)) << "it heard nothing because it did not listen";
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(second({})) << i;
  EXPECT_FALSE(second({}));
  EXPECT_TRUE(second({})) << "but from then on it counts again";
}

TEST(WatchWithoutLimits, SaysNothing) {
  Watch::Time now{};
  Watch watch({.heartbeat_timeout = Seconds(0), .stall_timeout = {}}, {0, 1}, {"a", "b"}, Seconds(1), now);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(watch.verdict(now += std::chrono::seconds(1)));
}

}  // namespace
}  // namespace ringtrain
