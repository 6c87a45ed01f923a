#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <map>
#include <mutex>
#include <set>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "comm/ring/thread_ring.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::int64_t features = 20, layers = 6;

/// Layers in a row; `head` is used only where asked for, `shared` twice.
struct Net : torch::nn::Module {
  explicit Net(at::ScalarType dtype = at::kDouble) {
    torch::manual_seed(3);
    for (std::int64_t i = 0; i < layers; ++i)
      stack->push_back(register_module("layer" + std::to_string(i), torch::nn::Linear(features, features)));
    shared = register_module("shared", torch::nn::Linear(features, features));
    head = register_module("head", torch::nn::Linear(features, features));
    to(dtype);
  }
  at::Tensor forward(at::Tensor x, bool with_head = true, bool backwards = false) {
    x = shared->forward(x);
    for (std::size_t i = 0; i < stack->size(); ++i)
      x = torch::tanh((*stack)[backwards ? stack->size() - 1 - i : i]->as<torch::nn::Linear>()->forward(x));
    x = shared->forward(x);
    return with_head ? head->forward(x) : x;
  }
  torch::nn::ModuleList stack;
  torch::nn::Linear shared{nullptr}, head{nullptr};
};

at::Tensor samples(int rank, std::int64_t step = 0) {
  return torch::linspace(-1, 2, 4 * features, torch::kDouble)
      .add(0.3 * rank + 0.7 * static_cast<double>(step))
      .sin()
      .reshape({4, features});
}

/// Ranks, ranks of a host, bucket bytes; overlap is on.
struct Way {
  int ranks, per_host;
  std::int64_t bucket_bytes;
  RingOptions::Thread thread;
};

class Overlap : public testing::TestWithParam<Way> {
 protected:
  // A replica for each rank and the sum of what `body` returns on all of them, computed by one.
  using Loss = std::function<at::Tensor(Net&, int rank, std::int64_t step)>;
  void expect_joined_gradients(const Loss& loss) {
    std::vector<std::vector<at::Tensor>> joined;
    Net alone;
    for (std::int64_t step = 0; step < 3; ++step) {
      alone.zero_grad();
      for (int rank = 0; rank < GetParam().ranks; ++rank) {
        const auto one = loss(alone, rank, step);
        if (one.defined()) one.backward();
      }
      auto& gradients = joined.emplace_back();
      for (const auto& parameter : alone.parameters())
        gradients.push_back(parameter.grad().defined() ? parameter.grad().clone()
                                                       : at::zeros_like(parameter));
    }
    run([&](Net& net, Communicator& communicator, FlatParameters& flat, GradientAverager& averager) {
      for (std::int64_t step = 0; step < 3; ++step) {
        flat.zero_gradients();
        const auto mine = loss(net, communicator.rank(), step);
        if (mine.defined()) mine.backward();
        averager.finish({.weight = 1});
        const auto parameters = net.parameters();
        for (std::size_t i = 0; i < parameters.size(); ++i)
          EXPECT_TRUE(
              at::allclose(parameters[i].grad(), joined[static_cast<std::size_t>(step)][i], 1e-12, 1e-13))
              << "step " << step << ", parameter " << i;
      }
    });
  }

  using Body = std::function<void(Net&, Communicator&, FlatParameters&, GradientAverager&)>;
  void run(const Body& body) {
    const auto& way = GetParam();
    std::mutex mutex;
    run_as_ring_of_threads(way.ranks, {.thread = way.thread, .ranks_per_host = way.per_host},
                           [&](Communicator& communicator) {
                             std::unique_lock lock(mutex);  // the seed is process-wide
                             Net net;
                             lock.unlock();
                             FlatParameters flat(net);
                             GradientAverager averager(
                                 flat, communicator,
                                 {.overlap = AveragerOptions::Overlap::on, .bucket_bytes = way.bucket_bytes});
                             body(net, communicator, flat, averager);
                           });
  }
};

TEST_P(Overlap, SumsWhatEveryRankHas) {
  expect_joined_gradients(
      [](Net& net, int rank, std::int64_t step) { return net.forward(samples(rank, step)).square().sum(); });
}

TEST_P(Overlap, RanksMayUseDifferentParametersAndOrders) {
  expect_joined_gradients([](Net& net, int rank, std::int64_t step) {
    const bool with_head = (rank + step) % 2 == 0, backwards = rank % 2 == 1;
    return net.forward(samples(rank, step), with_head, backwards).square().sum();
  });
}

TEST_P(Overlap, ARankWithoutSamplesIsNoHang) {
  expect_joined_gradients([](Net& net, int rank, std::int64_t step) {
    return rank == step % 2 ? at::Tensor() : net.forward(samples(rank, step)).square().sum();
  });
}

TEST_P(Overlap, EachBucketHoldsItsSumWhenItIsNamed) {
  const int ranks = GetParam().ranks;
  std::vector<std::map<std::string, at::Tensor>> expected(3);  // every rank has the same samples
  Net alone;
  for (int step = 0; step < 3; ++step) {
    alone.zero_grad();
    alone.forward(samples(0, step)).square().sum().backward();
    for (const auto& item : alone.named_parameters())
      expected[static_cast<std::size_t>(step)][item.key()] = item.value().grad() * ranks;
  }
  run([&](Net& net, Communicator&, FlatParameters& flat, GradientAverager& averager) {
    for (int step = 0; step < 3; ++step) {
      flat.zero_gradients();
      net.forward(samples(0, step)).square().sum().backward();
      const auto totals = averager.finish_totals({.weight = 1, .loss_sum = 2});
      EXPECT_EQ(totals.weight, ranks);
      EXPECT_TRUE(averager.all_used());
      std::set<std::size_t> seen;
      while (const auto bucket = averager.finish_part()) {
        seen.insert(*bucket);
        for (const std::size_t entry : averager.buckets()[*bucket].entries) {
          const auto& one = flat.entries()[entry];
          const auto& sum = expected[static_cast<std::size_t>(step)].at(one.name);
          EXPECT_TRUE(at::allclose(one.parameter.grad(), sum, 1e-12, 1e-13))
              << "step " << step << ", " << one.name;
        }
      }
      EXPECT_EQ(seen.size(), averager.buckets().size());
    }
  });
}

TEST_P(Overlap, BucketsAreBegunDuringTheFirstBackward) {
  run([](Net& net, Communicator&, FlatParameters&, GradientAverager& averager) {
    net.forward(samples(0)).square().sum().backward();
    averager.finish({.weight = 1});
    EXPECT_GT(averager.buckets().size(), 2U);
    EXPECT_EQ(averager.traffic()->early_buckets, static_cast<std::int64_t>(averager.buckets().size()));
  });
}

TEST_P(Overlap, EveryBucketAndTheTotalsHaveASpan) {
  run([](Net& net, Communicator&, FlatParameters&, GradientAverager& averager) {
    for (int step = 0; step < 2; ++step) {
      const auto begin = std::chrono::steady_clock::now();
      net.forward(samples(0)).square().sum().backward();
      averager.finish({.weight = 1});
      const auto& spans = averager.traffic()->spans;
      ASSERT_EQ(spans.size(), averager.buckets().size() + 1);
      std::set<std::size_t> buckets;
      for (const auto& span : spans) {
        buckets.insert(span.bucket);
        EXPECT_LE(begin, span.begin);
        EXPECT_LE(span.begin, span.end);
        EXPECT_LE(span.end, std::chrono::steady_clock::now());
      }
      EXPECT_EQ(buckets.size(), spans.size());
    }
  });
}

TEST(StepTraffic, CountsTimeUnderWayOnce) {
  const std::chrono::steady_clock::time_point zero;
  const auto span = [&](int begin, int end) {
    return StepTraffic::Span{zero + std::chrono::seconds(begin), zero + std::chrono::seconds(end), 0};
  };
  EXPECT_EQ((StepTraffic{.spans = {span(1, 4), span(2, 3), span(3, 6), span(8, 9)}}).under_way().count(), 6);
  EXPECT_EQ(StepTraffic().under_way().count(), 0);
}

TEST_P(Overlap, MicroStepsAreSentOnce) {
  Net alone;
  for (int r = 0; r < GetParam().ranks; ++r)
    for (int micro = 0; micro < 3; ++micro) alone.forward(samples(r, micro)).sum().backward();
  const at::Tensor expected = alone.head->weight.grad();
  run([&](Net& net, Communicator& communicator, FlatParameters&, GradientAverager& averager) {
    for (int micro = 0; micro < 2; ++micro) {
      const auto quiet = averager.no_sync();
      net.forward(samples(communicator.rank(), micro)).sum().backward();
    }
    net.forward(samples(communicator.rank(), 2)).sum().backward();
    averager.finish({.weight = 1});
    EXPECT_TRUE(at::allclose(net.head->weight.grad(), expected, 1e-12, 1e-13));
  });
}

TEST_P(Overlap, AParameterOfAMicroStepAloneCountsAsUsed) {
  Net alone;
  for (int r = 0; r < GetParam().ranks; ++r) alone.forward(samples(r), true).sum().backward();
  const at::Tensor expected = alone.head->weight.grad();
  run([&](Net& net, Communicator& communicator, FlatParameters&, GradientAverager& averager) {
    {
      const auto quiet = averager.no_sync();
      net.forward(samples(communicator.rank()), true).sum().backward();
    }
    net.forward(samples(communicator.rank(), 1), false).sum().backward();
    averager.finish({.weight = 1});
    EXPECT_TRUE(averager.all_used());
    EXPECT_TRUE(averager.unused().empty());
    EXPECT_TRUE(at::allclose(net.head->weight.grad(), expected, 1e-12, 1e-13));
  });
}

TEST_P(Overlap, ASecondBackwardWithoutNoSyncIsAnError) {
  run([](Net& net, Communicator&, FlatParameters&, GradientAverager& averager) {
    net.forward(samples(0)).sum().backward();
    try {
      net.forward(samples(0)).sum().backward();
      ADD_FAILURE() << "no error";
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("no_sync"), std::string::npos) << error.what();
    }
    averager.finish({.failed = 1});
  });
}

TEST(Averager, ForgetsAnAbandonedBackward) {
  run_as_ring_of_threads(1, {}, [](Communicator& communicator) {
    Net net;
    FlatParameters flat(net);
    GradientAverager averager(flat, communicator,
                              {.overlap = AveragerOptions::Overlap::on, .bucket_bytes = 4096});
    const auto work = [&] {
      flat.zero_gradients();
      net.forward(samples(0)).square().sum().backward();
    };
    work();
    averager.abandon();
    work();  // without it: accumulated a second time after it was sent
    EXPECT_EQ(averager.finish({.weight = 2}).weight, 2);
    EXPECT_TRUE(averager.all_used());
    const at::Tensor totals = at::tensor({4.0, 3.0, 2.0, 1.0, 0.0}, at::kDouble);
    work();
    averager.finish_on_device(totals);
    EXPECT_TRUE(at::equal(totals, at::tensor({4.0, 3.0, 2.0, 1.0, 0.0}, at::kDouble)));
  });
}

TEST_P(Overlap, WhatNobodyUsedIsNamed) {
  run([](Net& net, Communicator& communicator, FlatParameters& flat, GradientAverager& averager) {
    net.forward(samples(0), communicator.rank() == 0).sum().backward();
    averager.finish({.weight = 1});
    EXPECT_TRUE(averager.unused().empty()) << "rank 0 used all";
    net.forward(samples(0), false).sum().backward();
    averager.finish({.weight = 1});
    ASSERT_EQ(averager.unused().size(), flat.entries().size());
    for (std::size_t i = 0; i < flat.entries().size(); ++i)
      EXPECT_EQ(averager.unused()[i], flat.entries()[i].name.starts_with("head.")) << flat.entries()[i].name;
  });
}

TEST_P(Overlap, BrokenViewsAreRepairedBeforeTheyAreSent) {
  expect_joined_gradients([](Net& net, int rank, std::int64_t step) {
    if (step == 1 && rank == 0)
      for (auto& parameter : net.parameters()) parameter.mutable_grad() = at::Tensor();
    return net.forward(samples(rank, step)).square().sum();
  });
}

INSTANTIATE_TEST_SUITE_P(Ways, Overlap,
                         testing::Values(Way{1, 0, 4000, RingOptions::Thread::off},
                                         Way{2, 0, 4000, RingOptions::Thread::on},
                                         Way{3, 1, 2000, RingOptions::Thread::on},
                                         Way{4, 2, 7000, RingOptions::Thread::off}));

TEST(Averager, TakesEveryKindOfModule) {
  run_as_threads(2, [](Communicator& communicator) {
    struct Mixed : torch::nn::Module {
      Mixed() {
        wide = register_parameter("wide", at::ones({3}, at::kDouble));
        narrow = register_parameter("narrow", at::ones({3}, at::kFloat));
        frozen = register_parameter("frozen", at::ones({3}), false);
      }
      at::Tensor wide, narrow, frozen;
    } mixed;
    FlatParameters flat(mixed);
    GradientAverager averager(flat, communicator);
    (mixed.wide * mixed.narrow.to(at::kDouble) * mixed.frozen).sum().backward();
    averager.finish({.weight = 1});
    EXPECT_EQ(mixed.wide.grad()[0].item<double>(), 2);
    EXPECT_EQ(mixed.narrow.grad()[0].item<float>(), 2);
    EXPECT_FALSE(mixed.frozen.grad().defined());

    torch::nn::Module empty;
    FlatParameters none(empty);
    GradientAverager idle(none, communicator);
    EXPECT_EQ(idle.finish({.weight = 2}).weight, 4);
  });
}

TEST(Averager, LeavesNoHookBehind) {
  Net net;
  FlatParameters flat(net);
  run_as_threads(1, [&](Communicator& communicator) {
    { GradientAverager averager(flat, communicator, {.overlap = AveragerOptions::Overlap::on}); }
    net.forward(samples(0)).sum().backward();
    net.forward(samples(0)).sum().backward();
  });
}

TEST(Buckets, TheLastOneIsSmallAndNoneIsCutInside) {
  Net net;
  const FlatParameters flat(net);
  const std::int64_t bytes = 8 * (features * features + 64) * 2;
  const Buckets buckets(flat, bytes);
  ASSERT_GT(buckets.size(), 2U);
  std::int64_t end = 0;
  std::size_t entries = 0;
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    EXPECT_EQ(buckets[b].begin, end);
    end = buckets[b].end;
    for (const auto entry : buckets[b].entries) {
      EXPECT_EQ(entry, entries++);
      EXPECT_EQ(buckets.bucket_of(entry), b);
      EXPECT_GE(flat.entries()[entry].offset, buckets[b].begin);
      EXPECT_LE(flat.entries()[entry].offset + flat.entries()[entry].numel, buckets[b].end);
    }
  }
  EXPECT_EQ(entries, flat.entries().size());
  EXPECT_EQ(end, flat.groups()[0].gradients.numel());
  const auto& last = buckets[buckets.size() - 1];
  EXPECT_LT(last.end - last.begin, (buckets[0].end - buckets[0].begin));
  EXPECT_EQ(Buckets(flat, 0).size(), 1U);
}

}  // namespace
}  // namespace ringtrain
