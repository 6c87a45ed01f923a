#include "comm/watch/monitor.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <future>

namespace ringtrain {
namespace {

using Seconds = WatchLimits::Seconds;

/// Post between monitors of one process; a rank that is `cut_off` sends nothing.
struct Post {
  std::mutex mutex;
  std::vector<std::deque<Beat>> boxes{3};
  std::atomic<int> cut_off{-1};
};

struct PostLink : BeatLink {
  PostLink(Post& post, int rank) : post_(post), rank_(rank) {}
  int rank() const override { return rank_; }
  int world_size() const override { return static_cast<int>(post_.boxes.size()); }
  void send(int to, const Beat& beat) override {
    const std::lock_guard lock(post_.mutex);
    if (post_.cut_off != rank_) post_.boxes[static_cast<std::size_t>(to)].push_back(beat);
  }
  std::optional<Beat> receive() override {
    const std::lock_guard lock(post_.mutex);
    auto& box = post_.boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) return {};
    const Beat beat = box.front();
    box.pop_front();
    return beat;
  }
  Post& post_;
  int rank_;
};

struct Ranks {
  explicit Ranks(const WatchLimits& limits) {
    for (int rank = 0; rank < 3; ++rank)
      monitors.push_back(std::make_unique<Monitor>(
          beacons[static_cast<std::size_t>(rank)], std::make_unique<PostLink>(post, rank),
          Monitor::Options{.limits = limits,
                           .names = {"host a", "host b", "host c"},
                           .on_trouble = [this, rank](const std::string& text) {
                             bool expected = false;
                             if (told.compare_exchange_strong(expected, true))
                               trouble.set_value(std::to_string(rank) + ": " + text);
                           }}));
  }
  std::string wait() {
    auto future = trouble.get_future();
    return future.wait_for(std::chrono::seconds(20)) == std::future_status::ready ? future.get() : "nothing";
  }
  Post post;
  std::array<Beacon, 3> beacons;
  std::atomic<bool> told{false};
  std::promise<std::string> trouble;
  std::vector<std::unique_ptr<Monitor>> monitors;
};

TEST(Monitor, RankZeroNamesTheOneThatIsSilent) {
  Ranks ranks({.heartbeat_timeout = Seconds(2), .stall_timeout = {}});
  ranks.beacons[2].enter(Phase::updating, 12);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  ranks.post.cut_off = 2;
  const auto text = ranks.wait();
  EXPECT_TRUE(text.starts_with("0: rank 2 of 3 (host c) gave no sign of life")) << text;
  EXPECT_NE(text.find("updating the weights, step 12"), std::string::npos) << text;
}

TEST(Monitor, RankOneWatchesRankZero) {
  Ranks ranks({.heartbeat_timeout = Seconds(2), .stall_timeout = {}});
  ranks.post.cut_off = 0;
  const auto text = ranks.wait();
  EXPECT_TRUE(text.starts_with("1: rank 0 of 3 (host a)")) << text;
}

// Rank 0, who watches all, leaves: rank 1 says that it waits for it.
TEST(Monitor, ARankThatLeavesTellsTheOthers) {
  Ranks ranks({.heartbeat_timeout = Seconds(2), .stall_timeout = {{Phase::waiting, Seconds(3)}}});
  ranks.beacons[1].enter(Phase::computing, 7);
  ranks.monitors[0].reset();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_FALSE(ranks.told) << "its silence is no trouble";
  ranks.beacons[1].enter(Phase::waiting, 7);
  std::this_thread::sleep_for(std::chrono::seconds(4));
  EXPECT_FALSE(ranks.told) << "it may wait for rank 2, which works";
  ranks.beacons[2].enter(Phase::waiting, 7);
  const auto text = ranks.wait();
  EXPECT_TRUE(text.starts_with("1: rank 0 of 3 (host a) has come to its end, and the others wait for it"))
      << text;
}

TEST(Monitor, ProgressKeepsARankFromBlame) {
  Ranks ranks({.heartbeat_timeout = Seconds(0),
               .stall_timeout = {{Phase::evaluating, Seconds(2)}, {Phase::loading, Seconds(2)}}});
  ranks.beacons[0].enter(Phase::waiting, 3);
  ranks.beacons[1].enter(Phase::evaluating, 3);
  ranks.beacons[2].enter(Phase::loading, 3);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ranks.beacons[1].progress();
  }
  std::thread alive([&ranks] {
    while (!ranks.told) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      ranks.beacons[1].progress();
    }
  });
  const auto text = ranks.wait();
  ranks.told = true;
  alive.join();
  EXPECT_TRUE(
      text.starts_with("0: rank 2 of 3 (host c) is alive but does not go on: loading a batch, step 3"))
      << text;
}

TEST(Beacon, WhatItShowsOutlivesTheProcess) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "beacons";
  std::filesystem::create_directories(folder);
  const pid_t child = ::fork();
  if (child == 0) {
    Beacon beacon;
    beacon.show_in(folder, 3, "node-07");
    beacon.enter(Phase::waiting, 41, 2);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  const auto seen = Beacon::read(folder, 3);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->pid, child);
  EXPECT_EQ(seen->host, "node-07");
  EXPECT_EQ(seen->doing(), "waiting for the other ranks, step 41, bucket 2");
  EXPECT_FALSE(Beacon::read(folder, 4));
  std::filesystem::remove_all(folder);
}

TEST(Beacon, AFolderThatIsNotThereIsNoMatter) {
  Beacon beacon;
  beacon.show_in("/nonexistent/folder", 0, "here");
  beacon.enter(Phase::loading, 2);
  EXPECT_EQ(beacon.status().doing(), "loading a batch, step 2");
}

}  // namespace
}  // namespace ringtrain
