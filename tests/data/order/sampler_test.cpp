#include "data/order/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "common/errors.h"
#include "data/order/random.h"

namespace ringtrain {
namespace {

Sampler sampler(std::int64_t samples, std::int64_t batch, int rank = 0, int world = 1, std::uint64_t seed = 7,
                bool shuffle = true) {
  return Sampler({.samples = samples,
                  .global_batch_size = batch,
                  .seed = seed,
                  .shuffle = shuffle,
                  .rank = rank,
                  .world_size = world});
}

std::vector<std::int64_t> epoch_of(Sampler s, std::int64_t epoch) {
  std::vector<std::int64_t> all;
  for (std::int64_t b = 0; b < s.batches_per_epoch(); ++b) {
    const auto part = s.global_indices(epoch, b);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(EvenShare, IsAsEvenAsPossibleAndJoinsToTheWhole) {
  for (std::int64_t count : {0, 1, 2, 3, 7, 100, 101})
    for (int parts : {1, 2, 3, 4, 8}) {
      std::int64_t at = 0;
      for (int part = 0; part < parts; ++part) {
        const auto [begin, end] = even_share(count, part, parts);
        EXPECT_EQ(begin, at);
        EXPECT_EQ(end - begin, count / parts + (part < count % parts ? 1 : 0));
        at = end;
      }
      EXPECT_EQ(at, count);
    }
}

TEST(SplitMix64, GivesThePublishedNumbers) {
  // The first outputs for seed 1234567, as in the reference implementation (Vigna, splitmix64.c).
  SplitMix64 random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
  EXPECT_EQ(random.next(), 9817491932198370423ULL);
}

TEST(SplitMix64, BelowIsUnbiased) {
  SplitMix64 random(1);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 400);  // four deviations
  // A bound above 2^63 makes rejection frequent: about half of the draws.
  const std::uint64_t bound = (1ULL << 63) + 1;
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(bound), bound);
}

TEST(Sampler, SeesEverySampleOnceAnEpoch) {
  for (std::int64_t samples : {1, 2, 10, 11, 1000})
    for (std::int64_t batch : {1, 3, 10, 2000}) {
      auto order = epoch_of(sampler(samples, batch), 3);
      std::sort(order.begin(), order.end());
      std::vector<std::int64_t> all(static_cast<std::size_t>(samples));
      std::iota(all.begin(), all.end(), 0);
      EXPECT_EQ(order, all) << samples << " by " << batch;
    }
}

TEST(Sampler, RanksShareEachGlobalBatch) {
  for (int world : {1, 2, 3, 4})
    for (std::int64_t epoch : {0, 1}) {
      Sampler whole = sampler(103, 10);
      for (std::int64_t b = 0; b < whole.batches_per_epoch(); ++b) {
        std::vector<std::int64_t> joined;
        std::size_t least = 1000, most = 0;
        for (int rank = 0; rank < world; ++rank) {
          const auto part = sampler(103, 10, rank, world).indices(epoch, b);
          joined.insert(joined.end(), part.begin(), part.end());
          least = std::min(least, part.size());
          most = std::max(most, part.size());
        }
        EXPECT_EQ(joined, whole.global_indices(epoch, b)) << world << " ranks, batch " << b;
        EXPECT_LE(most - least, 1u);
      }
    }
  EXPECT_TRUE(sampler(101, 10, 1, 2).indices(0, 10).empty());  // the last batch has one sample
}

TEST(Sampler, EpochsAndSeedsDiffer) {
  EXPECT_NE(epoch_of(sampler(100, 10), 0), epoch_of(sampler(100, 10), 1));
  EXPECT_NE(epoch_of(sampler(100, 10, 0, 1, 7), 0), epoch_of(sampler(100, 10, 0, 1, 8), 0));
  EXPECT_EQ(epoch_of(sampler(100, 10), 5), epoch_of(sampler(100, 30), 5));
}

TEST(Sampler, GoingBackGivesTheSame) {
  Sampler s = sampler(50, 7, 1, 3);
  const auto first = s.indices(0, 2);
  s.indices(4, 0);
  EXPECT_EQ(s.indices(0, 2), first);
}

TEST(Sampler, WithoutShuffleKeepsTheOrder) {
  Sampler s = sampler(7, 3, 0, 1, 7, false);
  EXPECT_EQ(s.indices(0, 0), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(s.indices(9, 2), (std::vector<std::int64_t>{6}));
}

TEST(Sampler, IsTheDocumentedPermutation) {
  // Made by a Python program written from the text in data/order/sampler.cpp.
  EXPECT_EQ(epoch_of(sampler(10, 4, 0, 1, 42), 0), (std::vector<std::int64_t>{5, 1, 9, 6, 7, 2, 4, 0, 8, 3}));
  EXPECT_EQ(epoch_of(sampler(10, 4, 0, 1, 42), 1), (std::vector<std::int64_t>{8, 9, 1, 7, 6, 4, 3, 2, 0, 5}));
}

TEST(Sampler, EveryPlaceIsAsLikely) {
  std::vector<int> first(5);
  Sampler s = sampler(5, 5);
  for (std::int64_t epoch = 0; epoch < 20000; ++epoch)
    ++first[static_cast<std::size_t>(s.indices(epoch, 0)[0])];
  for (int count : first) EXPECT_NEAR(count, 4000, 230);
}

TEST(Sampler, RefusesABatchSizeOfNothing) { EXPECT_THROW(sampler(10, 0), ConfigError); }

TEST(Sampler, NoSamplesMakeNoBatches) { EXPECT_EQ(sampler(0, 4).batches_per_epoch(), 0); }

}  // namespace
}  // namespace ringtrain
