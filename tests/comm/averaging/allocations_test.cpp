// After its first steps averaging allocates no memory. This program's malloc counts its calls, by any library
// and in any thread.
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <mutex>

#include "comm/averaging/gradient_averager.h"
#include "comm/ring/thread_ring.h"

namespace {
std::atomic<long> allocations{0};
}

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): glibc's own
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  *result = memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}
}

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
        const long before = allocations;
        together.arrive_and_wait();
        work();
        together.arrive_and_wait();
        const long after = allocations;
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
