#include "comm/averaging/sharded_averager.h"

#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include "comm/backends.h"

namespace ringtrain {
namespace {

struct Parameters : torch::nn::Module {
  explicit Parameters(const std::vector<std::pair<std::int64_t, at::ScalarType>>& sizes) {
    int number = 0;
    for (const auto& [size, type] : sizes)
      register_parameter("p" + std::to_string(number++), at::arange(size, type).add_(1));
  }
};

// One line (64 bytes) in all, so that most ranks own nothing; lines that 2, 3 and 4 do not divide; two types.
const std::vector<std::vector<std::pair<std::int64_t, at::ScalarType>>> kModules{
    {{3, at::kFloat}},
    {{100, at::kFloat}, {7, at::kFloat}, {40, at::kFloat}},
    {{48, at::kFloat}, {48, at::kFloat}},
    {{33, at::kDouble}, {90, at::kFloat}, {5, at::kDouble}}};

void on_all(const std::function<void(Communicator&, FlatParameters&, ShardedAverager&)>& body) {
  for (const auto& sizes : kModules)
    for (const int ranks : {1, 2, 3, 4})
      run_as_threads(ranks, [&](Communicator& communicator) {
        SCOPED_TRACE(testing::Message() << sizes.size() << " parameters, " << ranks << " ranks");
        Parameters module(sizes);
        FlatParameters flat(module);
        ShardedAverager averager(flat, shard_slices(flat, communicator.rank(), ranks), communicator);
        body(communicator, flat, averager);
      });
}

TEST(ShardedAverager, SlicesCoverEachGroupOnce) {
  for (const auto& sizes : kModules) {
    const Parameters module(sizes);
    const FlatParameters flat(module);
    for (const int ranks : {1, 2, 3, 4, 7})
      for (std::size_t i = 0; i < flat.groups().size(); ++i) {
        std::int64_t next = 0;
        for (int rank = 0; rank < ranks; ++rank) {
          const auto slice = shard_slices(flat, rank, ranks)[i];
          EXPECT_EQ(slice.begin, next);
          EXPECT_EQ(slice.begin * slice.values.element_size() % 64, 0);
          EXPECT_EQ(slice.gradients.numel(), slice.values.numel());
          next += slice.values.numel();
        }
        EXPECT_EQ(next, flat.groups()[i].values.numel());
      }
  }
}

TEST(ShardedAverager, SumsUpdatesAndSharesWhatOneRankWould) {
  on_all([](Communicator& communicator, FlatParameters& flat, ShardedAverager& averager) {
    const int ranks = communicator.world_size();
    std::vector<at::Tensor> expected;
    for (auto& group : flat.groups()) {
      const auto places = at::arange(group.values.numel(), group.values.options());
      group.gradients.copy_(places * (communicator.rank() + 1));
      expected.push_back(group.values - places * (ranks * (ranks + 1) / 2));
    }
    const StepTotals totals = averager.finish({.weight = 2, .loss_sum = 0.5, .samples = 3, .stop = 1});
    EXPECT_EQ(totals.weight, 2 * ranks);
    EXPECT_EQ(totals.loss_sum, 0.5 * ranks);
    EXPECT_EQ(totals.stop, ranks);
    EXPECT_EQ(totals.failed, 0);
    for (const auto& slice : averager.slices()) slice.values.sub_(slice.gradients);
    averager.share_values();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(at::equal(flat.groups()[i].values, expected[i]));
    EXPECT_EQ(averager.sum_over_slices(communicator.rank() + 1), ranks * (ranks + 1) / 2);
  });
}

TEST(ShardedAverager, TellsWhatNoRankUsed) {
  run_as_threads(3, [](Communicator& communicator) {
    Parameters module({{5, at::kFloat}, {6, at::kFloat}, {7, at::kFloat}});
    FlatParameters flat(module);
    ShardedAverager averager(flat, shard_slices(flat, communicator.rank(), 3), communicator);
    const auto finish = [&](const std::vector<int>& used) {
      flat.zero_gradients();
      for (const int number : used) module.parameters()[static_cast<std::size_t>(number)].sum().backward();
      averager.finish({.weight = 1});
      std::vector<std::string> names;
      for (std::size_t e = 0; e < averager.unused().size(); ++e)
        if (averager.unused()[e]) names.push_back(flat.entries()[e].name);
      return names;
    };
    const bool first = communicator.rank() == 0;
    using Names = std::vector<std::string>;
    EXPECT_EQ(finish(first ? std::vector<int>{0} : std::vector<int>{}), (Names{"p2", "p1"}));
    EXPECT_EQ(finish(first ? std::vector<int>{0, 0} : std::vector<int>{1}), (Names{"p2"}));
    EXPECT_EQ(finish(first ? std::vector<int>{2} : std::vector<int>{0, 1}), Names{});
    EXPECT_TRUE(averager.unused().empty());
    EXPECT_EQ(finish({}), (Names{"p2", "p1", "p0"}));
  });
}

TEST(ShardedAverager, AFailedRankGivesZeros) {
  on_all([](Communicator& communicator, FlatParameters& flat, ShardedAverager& averager) {
    for (auto& group : flat.groups()) group.gradients.fill_(1);
    const bool fails = communicator.rank() == 0;
    const StepTotals totals = averager.finish({.failed = fails ? 1.0 : 0.0});
    EXPECT_EQ(totals.failed, 1);
    for (const auto& slice : averager.slices())
      EXPECT_TRUE(at::equal(slice.gradients, at::full_like(slice.gradients, communicator.world_size() - 1)));
  });
}

TEST(ShardedAverager, StateIsJoinedAndDealt) {
  on_all([](Communicator& communicator, FlatParameters& flat, ShardedAverager& averager) {
    for (std::size_t i = 0; i < averager.slices().size(); ++i) {
      const auto& slice = averager.slices()[i];
      const auto whole = at::arange(flat.groups()[i].values.numel(), slice.values.options());
      const auto mine = at::empty_like(slice.values);
      averager.deal(i, communicator.rank() == 0 ? whole : at::Tensor(), mine);
      EXPECT_TRUE(at::equal(mine, whole.narrow(0, slice.begin, mine.numel())));
      const auto joined = averager.join(i, mine);
      EXPECT_EQ(joined.defined(), communicator.rank() == 0);
      if (joined.defined()) {
        EXPECT_TRUE(at::equal(joined, whole));
      }
    }
  });
}

}  // namespace
}  // namespace ringtrain
