#include "data/order/epoch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>

#include "common/errors.h"
#include "common/hash.h"
#include "data/order/random.h"
#include "data/order/sampler.h"

namespace ringtrain {
namespace {

using Samples = std::vector<std::int64_t>;

Samples permutation(std::int64_t count, std::uint64_t seed) {
  Samples order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  SplitMix64 random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

/// The definition, word by word: the whole epoch in a list.
Samples written_out(const EpochOrder::Options& options, std::uint64_t epoch) {
  Samples starts{0}, line;
  for (const auto block : options.blocks) starts.push_back(starts.back() + block);
  const auto blocks = static_cast<std::int64_t>(options.blocks.size());
  for (const auto block : permutation(blocks, seed_of({options.seed, epoch, 0})))
    for (std::int64_t i = 0; i < options.blocks[static_cast<std::size_t>(block)]; ++i)
      line.push_back(starts[static_cast<std::size_t>(block)] + i);
  const auto count = static_cast<std::int64_t>(line.size());
  std::vector<Samples> lanes;
  auto from = line.begin();
  for (std::int64_t l = 0; l < options.lanes; ++l) {
    const std::int64_t size = count / options.lanes + (l < count % options.lanes ? 1 : 0);
    Samples lane;
    const std::int64_t window = options.window > 0 ? options.window : size;
    for (std::int64_t first = 0, w = 0; first < size; first += window, ++w) {
      const auto seed = l == 0 && w == 0 ? seed_of({options.seed, epoch})
                                         : seed_of({options.seed, epoch, static_cast<std::uint64_t>(l) + 1,
                                                    static_cast<std::uint64_t>(w)});
      for (const auto place : permutation(std::min(window, size - first), seed))
        lane.push_back(from[first + place]);
    }
    from += size;
    lanes.push_back(lane);
  }
  Samples order;
  for (std::int64_t p = 0; p < count; ++p)
    order.push_back(
        lanes[static_cast<std::size_t>(p % options.lanes)][static_cast<std::size_t>(p / options.lanes)]);
  return order;
}

/// A global batch by lane, then by position.
Samples by_lane(const Samples& order, std::int64_t begin, std::int64_t end, std::int64_t lanes) {
  Samples batch;
  for (std::int64_t lane = 0; lane < lanes; ++lane)
    for (std::int64_t p = begin; p < end; ++p)
      if (p % lanes == lane) batch.push_back(order[static_cast<std::size_t>(p)]);
  return batch;
}

EpochOrder::Options drawn(std::mt19937_64& random) {
  const auto to = [&](std::int64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  EpochOrder::Options options{.blocks = {}, .lanes = 1 + to(9), .window = to(12), .seed = random()};
  for (std::int64_t b = to(12); b >= 0; --b) options.blocks.push_back(to(3) == 0 ? 0 : to(40));
  return options;
}

TEST(EpochOrder, IsTheDefinitionForAnyBlocksLanesWindowsBatchesAndRanks) {
  std::mt19937_64 random(20);
  for (int round = 0; round < 300; ++round) {
    const auto options = drawn(random);
    const auto samples = std::accumulate(options.blocks.begin(), options.blocks.end(), std::int64_t{0});
    const auto batch = static_cast<std::int64_t>(1 + random() % 30);
    const auto epoch = static_cast<std::int64_t>(random() % 4);
    const auto order = written_out(options, static_cast<std::uint64_t>(epoch));
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t s = 0; s < samples; ++s) ASSERT_EQ(sorted[static_cast<std::size_t>(s)], s);
    for (int world = 1; world <= 16; world += 1 + static_cast<int>(random() % 5)) {
      std::vector<Sampler> ranks;
      for (int rank = 0; rank < world; ++rank)
        ranks.emplace_back(Sampler::Options{.global_batch_size = batch, .rank = rank, .world_size = world},
                           EpochOrder(options));
      ASSERT_EQ(ranks[0].batches_per_epoch(), (samples + batch - 1) / batch);
      for (std::int64_t b = 0; b < ranks[0].batches_per_epoch(); ++b) {
        const auto expected = by_lane(order, b * batch, std::min(samples, (b + 1) * batch), options.lanes);
        Samples joined;
        for (auto& rank : ranks) {
          const auto part = rank.indices(epoch, b);
          joined.insert(joined.end(), part.begin(), part.end());
        }
        ASSERT_EQ(joined, expected) << "round " << round << ", " << world << " ranks, batch " << b;
        ASSERT_EQ(ranks[0].global_indices(epoch, b), expected);
      }
    }
  }
}

TEST(EpochOrder, StandsWhereverItIsEntered) {
  const EpochOrder::Options options{.blocks = {50, 7, 0, 31, 12}, .lanes = 4, .window = 6, .seed = 3};
  const auto order = written_out(options, 2);
  EpochOrder jumping(options);
  jumping.samples_at(1, {0, 100}, {0, 100});
  for (const std::int64_t begin : {90, 3, 41, 90, 0})
    EXPECT_EQ(jumping.samples_at(2, {begin, begin + 10}, {0, 10}), by_lane(order, begin, begin + 10, 4));
}

TEST(EpochOrder, ARankStaysInItsLanes) {
  // 4 ranks and 16 lanes of whole blocks: a rank reads 4 lanes of each batch, the same ones all epoch long.
  EpochOrder order({.blocks = Samples(64, 10), .lanes = 16, .window = 5, .seed = 1});
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    Samples blocks;
    for (std::int64_t b = 0; b < 10; ++b)
      for (const auto sample : order.samples_at(0, {b * 64, (b + 1) * 64}, {rank * 16, (rank + 1) * 16}))
        blocks.push_back(sample / 10);
    std::sort(blocks.begin(), blocks.end());
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    EXPECT_EQ(blocks.size(), 16U);  // a quarter of the 64 blocks
  }
}

TEST(EpochOrder, WithoutShuffleIsTheOrderOfTheBlocks) {
  EpochOrder order({.blocks = {3, 0, 4}, .shuffle = false});
  EXPECT_EQ(order.samples_at(5, {0, 7}, {0, 7}), (Samples{0, 1, 2, 3, 4, 5, 6}));
}

TEST(EpochOrder, RefusesWhatIsNoOrder) {
  EXPECT_THROW(EpochOrder({.blocks = {3}, .lanes = 0}), ConfigError);
  EXPECT_THROW(EpochOrder({.blocks = {3}, .window = -1}), ConfigError);
  EXPECT_THROW(EpochOrder({.blocks = {3}, .lanes = 2, .shuffle = false}), ConfigError);
  const std::int64_t many = 5'000'000'000;
  EXPECT_THROW(EpochOrder({.blocks = {many}}), ConfigError);
  EXPECT_EQ(EpochOrder({.blocks = {many}, .lanes = 64, .window = 1000}).samples(), many);
  EXPECT_EQ(EpochOrder({.blocks = {many}, .shuffle = false}).samples(), many);
}

TEST(EpochOrder, MixesAsFarAsItSays) {
  const std::int64_t count = 6000;
  for (const auto& [lanes, window] :
       {std::pair<std::int64_t, std::int64_t>{1, 0}, {1, 500}, {4, 300}, {6, 0}}) {
    EpochOrder order({.blocks = {2000, 1500, 2500}, .lanes = lanes, .window = window, .seed = 3});
    double sum = 0;
    std::int64_t pairs = 0;
    for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
      std::vector<std::int64_t> position(static_cast<std::size_t>(count));
      for (std::int64_t p = 0; p < count; ++p)
        position[static_cast<std::size_t>(order.samples_at(epoch, {p, p + 1}, {0, 1})[0])] = p;
      for (std::size_t i = 1; i < position.size(); ++i, ++pairs)
        sum += static_cast<double>(std::abs(position[i] - position[i - 1]));
    }
    const auto mixing = order.mixing();
    // Neighbours that two blocks, lanes or windows part are rare, and further apart.
    EXPECT_NEAR(sum / static_cast<double>(pairs) / mixing.apart, 1, 0.1) << lanes << " lanes, " << window;
    EXPECT_EQ(mixing.at_best, 2000);
  }
}

}  // namespace
}  // namespace ringtrain
