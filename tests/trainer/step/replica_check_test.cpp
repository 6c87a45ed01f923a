#include "trainer/step/replica_check.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <mutex>

#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

std::mutex seed_mutex;  // the seed is process-wide

/// What each of `ranks` ranks is told when the weights of rank `flipped` differ in one bit of number
/// `place` (-1: the last) of entry 1.
std::vector<std::string> said(int ranks, int flipped, std::int64_t place = 0) {
  std::vector<std::string> texts(static_cast<std::size_t>(ranks));
  run_as_threads(ranks, [&](Communicator& control) {
    Replica replica;
    {
      const std::lock_guard lock(seed_mutex);
      replica = make_replica(RunConfig(), {.features = 11, .outputs = 3}, "cpu");
    }
    if (control.rank() == flipped) {
      const torch::NoGradGuard no_grad;
      auto bits = replica.parameters->entries()[1].parameter.view(at::kInt).flatten();
      bits[place].bitwise_xor_(1);
    }
    try {
      check_replicas(replica, control, 100);
    } catch (const CommError& error) {
      texts[static_cast<std::size_t>(control.rank())] = error.what();
    } catch (const Error& error) {
      texts[static_cast<std::size_t>(control.rank())] = error.what();
    }
  });
  return texts;
}

TEST(ReplicaCheck, EqualOnesAreLeftInPeace) {
  for (const auto& text : said(3, -1)) EXPECT_EQ(text, "");
}

TEST(ReplicaCheck, OneBitNamesRankAndTensorOnAllRanks) {
  RunConfig config;
  const Replica replica = make_replica(config, {.features = 11, .outputs = 3}, "cpu");
  const auto name = "'" + replica.parameters->entries()[1].name + "'";
  for (const auto& [flipped, place] : {std::pair{0, 0}, {2, 0}, {2, 1}, {0, 2}, {2, -1}})
    for (const auto& text : said(3, flipped, place)) {
      EXPECT_NE(
          text.find("after step 100 rank " + std::to_string(flipped) + " of 3 has other weights than most"),
          std::string::npos)
          << text;
      EXPECT_NE(text.find(name), std::string::npos) << text;
    }
  for (const auto& text : said(2, 1))
    EXPECT_NE(text.find("rank 1 of 2 has other weights than rank 0"), std::string::npos) << text;
}

}  // namespace
}  // namespace ringtrain
