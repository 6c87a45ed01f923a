#include "data/order/loader.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// Sample i has the row number i; `hook` runs before each read.
class CountingDataset : public Dataset {
 public:
  explicit CountingDataset(std::int64_t size, std::function<void(std::int64_t)> hook = {})
      : size_(size), hook_(std::move(hook)) {}
  std::int64_t size() const override { return size_; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const std::int64_t call = reads++;
    if (hook_) hook_(call);
    return {.inputs = torch::empty({static_cast<std::int64_t>(indices.size()), 1}),
            .targets = torch::empty({static_cast<std::int64_t>(indices.size())}),
            .sample = torch::tensor(indices, at::kLong),
            .weights = torch::tensor(indices, at::kLong).to(at::kDouble) / 4};
  }
  mutable std::atomic<std::int64_t> reads{0};

 private:
  std::int64_t size_;
  std::function<void(std::int64_t)> hook_;
};

Sampler sampler(std::int64_t samples, std::int64_t batch, int rank = 0, int world = 1) {
  return Sampler({.samples = samples,
                  .global_batch_size = batch,
                  .seed = 5,
                  .shuffle = true,
                  .rank = rank,
                  .world_size = world});
}

class LoaderTest : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(LoaderTest, FollowsTheSamplerFromAnyStep) {
  const CountingDataset dataset(23);
  for (std::int64_t first : {0, 4, 7}) {
    Loader loader(dataset, sampler(23, 5, 1, 2), first, GetParam());
    Sampler expected = sampler(23, 5, 1, 2);
    for (std::int64_t step = first; step < first + 60; ++step) {
      const auto got = loader.next();
      EXPECT_EQ(got.epoch, step / 5);
      EXPECT_EQ(got.batch, step % 5);
      EXPECT_TRUE(
          torch::equal(got.samples.sample, torch::tensor(expected.indices(step / 5, step % 5), at::kLong)))
          << step;
      EXPECT_TRUE(torch::equal(got.samples.weights, got.samples.sample.to(at::kDouble) / 4));
    }
  }
}

TEST_P(LoaderTest, GivesEmptyBatchesToARankWithoutSamples) {
  const CountingDataset dataset(11);
  Loader loader(dataset, sampler(11, 10, 3, 4), 0, GetParam());
  EXPECT_EQ(loader.next().samples.size(), 2);
  EXPECT_EQ(loader.next().samples.size(), 0);
  EXPECT_EQ(loader.next().samples.size(), 2);
}

TEST_P(LoaderTest, ThrowsAtTheBatchThatFailed) {
  const CountingDataset dataset(100, [](std::int64_t call) {
    if (call == 5) throw DataError("the disk is gone");
  });
  Loader loader(dataset, sampler(100, 10), 0, GetParam());
  for (int step = 0; step < 5; ++step) EXPECT_EQ(loader.next().samples.size(), 10);
  EXPECT_THROW(loader.next(), DataError);
}

TEST_P(LoaderTest, RefusesNoSamples) {
  const CountingDataset dataset(0);
  EXPECT_THROW(Loader(dataset, sampler(0, 10), 0, GetParam()), DataError);
}

INSTANTIATE_TEST_SUITE_P(Prefetch, LoaderTest, ::testing::Values(0, 1, 2, 3, 16));

TEST(Loader, ReadsNoFurtherAheadThanAsked) {
  const CountingDataset dataset(1000);
  Loader loader(dataset, sampler(1000, 10), 0, 4);
  for (int taken = 0; taken < 50; ++taken) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_LE(dataset.reads.load(), taken + 4);
    loader.next();
  }
}

TEST(Loader, ReadsAheadWithoutBeingAsked) {
  const CountingDataset dataset(1000);
  Loader loader(dataset, sampler(1000, 10), 0, 3);
  for (int tries = 0; dataset.reads < 3 && tries < 5000; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(dataset.reads, 3);
}

TEST(Loader, EndsPromptly) {
  const CountingDataset dataset(1000);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    Loader loader(dataset, sampler(1000, 10), 0, 1 + i % 4);
    for (int step = 0; step < i % 7; ++step) loader.next();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Loader, EndsAfterAFailureThatNobodySaw) {
  const CountingDataset dataset(100, [](std::int64_t) { throw DataError("the disk is gone"); });
  Loader loader(dataset, sampler(100, 10), 0, 2);
}

}  // namespace
}  // namespace ringtrain
