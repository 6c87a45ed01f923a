#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "comm/backends.h"
#include "common/errors.h"
#include "tests/comm/conformance.h"

namespace ringtrain {
namespace {

class ThreadConformance : public testing::TestWithParam<std::tuple<conformance::Case, int>> {};

TEST_P(ThreadConformance, Holds) {
  const auto& [one, ranks] = GetParam();
  run_as_threads(ranks, [&one = one](Communicator& communicator) { one.body(communicator); });
}

INSTANTIATE_TEST_SUITE_P(Case, ThreadConformance,
                         testing::Combine(testing::ValuesIn(conformance::all_cases()),
                                          testing::Values(1, 2, 3, 4)),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" +
                                  std::to_string(std::get<1>(info.param)) + "_ranks";
                         });

// Runs `body` on `ranks` threads and returns the text of what run_as_threads threw.
std::string thrown_by(int ranks, const std::function<void(Communicator&)>& body) {
  try {
    run_as_threads(ranks, body);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(RunAsThreads, EveryRankRunsOnce) {
  std::array<std::atomic<int>, 4> runs{};
  run_as_threads(4, [&](Communicator& communicator) {
    EXPECT_EQ(communicator.world_size(), 4);
    EXPECT_EQ(communicator.backend(), "threads");
    ++runs[static_cast<std::size_t>(communicator.rank())];
  });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(RunAsThreads, ARankThatThrowsWakesTheOthers) {
  std::atomic<int> woken = 0;
  const std::string text = thrown_by(3, [&](Communicator& communicator) {
    if (communicator.rank() == 1) throw std::runtime_error("the disk is full");
    const at::Tensor tensor = at::ones({5});
    try {
      communicator.all_reduce(tensor).wait();
    } catch (const CommError& error) {
      EXPECT_STREQ(error.what(), "another rank failed (rank 1)");
      ++woken;
      throw;
    }
  });
  EXPECT_EQ(text, "the disk is full");
  EXPECT_EQ(woken, 2);
}

TEST(RunAsThreads, AFailureWakesRanksThatWaitInADuplicate) {
  const std::string text = thrown_by(2, [&](Communicator& communicator) {
    const auto second = communicator.duplicate();
    if (communicator.rank() == 0) throw std::runtime_error("out of data");
    second->barrier();
  });
  EXPECT_EQ(text, "out of data");
}

TEST(RunAsThreads, ARankThatLeavesEarlyIsNoHang) {
  const std::string text = thrown_by(2, [&](Communicator& communicator) {
    if (communicator.rank() == 0) return;
    communicator.barrier();
  });
  EXPECT_EQ(text, "rank 0 has ended");
}

TEST(RunAsThreads, DifferentCollectivesAreNamed) {
  const std::string text = thrown_by(2, [&](Communicator& communicator) {
    const at::Tensor tensor = at::zeros({communicator.rank() == 0 ? 4 : 5});
    communicator.all_reduce(tensor).wait();
  });
  EXPECT_EQ(
      text,
      "ranks called different collectives: rank 0 all_reduce of 4 float32 (sum); rank 1 all_reduce of 5 "
      "float32 (sum); every rank must call the same ones in the same order, with tensors of one type "
      "and size");
}

TEST(RunAsThreads, AbortEndsTheOthersCollectives) {
  const std::string text = thrown_by(3, [&](Communicator& communicator) {
    if (communicator.rank() == 2) return communicator.abort(7);
    communicator.barrier();
  });
  EXPECT_EQ(text, "rank 2 ended the job with exit code 7");
}

// Four ranks, float addition in rank order: ((a + b) + c) + d.
TEST(ThreadCommunicator, AddsInRankOrder) {
  const std::vector<float> parts{1.0f, 1e8f, -1e8f, 3.0f};
  run_as_threads(4, [&](Communicator& communicator) {
    const at::Tensor tensor = at::full({9}, parts[static_cast<std::size_t>(communicator.rank())]);
    communicator.all_reduce(tensor).wait();
    EXPECT_EQ(tensor[8].item<float>(), 3.0f);  // the 1 is lost beside 1e8
  });
}

}  // namespace
}  // namespace ringtrain
