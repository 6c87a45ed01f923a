// After its first steps averaging allocates no memory.
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <barrier>
#include <functional>
#include <mutex>

#include "comm/averaging/gradient_averager.h"
#include "comm/ring/thread_ring.h"
#include "tests/common/counted_malloc.h"

namespace ringtrain {
namespace {

struct Way {
  int ranks;
  RingOptions::Thread thread;
};

class Allocations : public testing::TestWithParam<Way> {
 protected:
  struct Counts {
    long quiet_backward = 0, backward = 0, finish = 0;
  };
  // Of all ranks together, in the step after `steps` others.
  Counts count(int steps) {
    const auto [ranks, thread] = GetParam();
    Counts counts;
    std::barrier together(ranks);
    std::mutex mutex;
    run_as_ring_of_threads(ranks, {.thread = thread}, [&](Communicator& communicator) {
      std::unique_lock lock(mutex);  // the seed is process-wide
      torch::manual_seed(1);
      torch::nn::Sequential net(torch::nn::Linear(64, 64), torch::nn::Tanh(), torch::nn::Linear(64, 64));
      lock.unlock();
      FlatParameters flat(*net);
      GradientAverager averager(flat, communicator,
                                {.overlap = AveragerOptions::Overlap::on, .bucket_bytes = 8000});
      EXPECT_GT(averager.buckets().size(), 1U);
      const auto inputs = torch::ones({8, 64});
      const auto counted = [&](const std::function<void()>& work) {
        together.arrive_and_wait();
        const long before = test::malloc_of_program().calls;
        together.arrive_and_wait();
        work();
        together.arrive_and_wait();
        const long after = test::malloc_of_program().calls;
        together.arrive_and_wait();
        return after - before;
      };
      for (int step = 0; step <= steps; ++step) {
        flat.zero_gradients();
        const auto first = net->forward(inputs).sum(), last = net->forward(inputs).sum();
        Counts now;
        now.quiet_backward = counted([&] {
          const auto quiet = averager.no_sync();
          first.backward();
        });
        now.backward = counted([&] { last.backward(); });
        now.finish = counted([&] { averager.finish({.weight = 1}); });
        if (communicator.rank() == 0) counts = now;
      }
    });
    return counts;
  }
};

TEST_P(Allocations, EndAfterTheThirdStep) {
  const Counts counts = count(3);
  EXPECT_GT(counts.quiet_backward, 0) << "the counter does not count";
  EXPECT_EQ(counts.backward, counts.quiet_backward) << "reducing buckets during backward allocates";
  EXPECT_EQ(counts.finish, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, Allocations,
                         testing::Values(Way{1, RingOptions::Thread::off}, Way{2, RingOptions::Thread::off},
                                         Way{4, RingOptions::Thread::off}, Way{2, RingOptions::Thread::on}));

}  // namespace
}  // namespace ringtrain
