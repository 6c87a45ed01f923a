// Averagers that come and go leave nothing behind.
#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "comm/mpi/mpi_api.h"
#include "tests/rank_test.h"

namespace ringtrain {
namespace {

/// What this process holds.
struct Held {
  long kilobytes = 0;
  long files = 0, threads = 0;
  int communicator = 0;  ///< the number that MPI gives a new one: the first that is free
};

long entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

Held now() {
  Held held;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) held.kilobytes = std::stol(line.substr(6));
  held.files = entries("/proc/self/fd");
  held.threads = entries("/proc/self/task");
  MPI_Comm made = MPI_COMM_NULL;
  mpi::check(MPI_Comm_dup(MPI_COMM_WORLD, &made), "MPI_Comm_dup");
  held.communicator = MPI_Comm_c2f(made);
  mpi::check(MPI_Comm_free(&made), "MPI_Comm_free");
  return held;
}

struct Way {
  const char* name;
  bool own_communicator;  ///< of each averager
  RingOptions ring;
  AveragerOptions averager;
};

class AveragerMemory : public testing::TestWithParam<Way> {
 protected:
  static void make_one(Communicator& communicator) {
    torch::nn::Sequential net(torch::nn::Linear(512, 512), torch::nn::Linear(512, 512));
    FlatParameters flat(*net);  // 2 MiB of gradients
    GradientAverager averager(flat, communicator, GetParam().averager);
    net->forward(at::ones({2, 512})).sum().backward();
    averager.finish({.weight = 2});
    ASSERT_EQ(net->ptr<torch::nn::LinearImpl>(1)->bias.grad()[0].item<float>(),
              2.0F * static_cast<float>(communicator.world_size()));
  }
};

TEST_P(AveragerMemory, IsGivenBack) {
  const auto make = [] { return make_communicator(test_world(), "mpi", "cpu", GetParam().ring); };
  const auto common = make();
  Held before;
  constexpr int first = 15, all = 50;
  for (int i = 0; i < all; ++i) {
    if (i == first) before = now();
    if (GetParam().own_communicator)
      make_one(*make());
    else
      make_one(*common);
  }
  const Held after = now();
  EXPECT_LT((after.kilobytes - before.kilobytes) / (all - first), 200) << "KiB for each averager";
  EXPECT_LE(after.communicator, before.communicator + 10);
  EXPECT_LE(after.files, before.files + 2);
  EXPECT_LE(after.threads, before.threads + 2);
}

const AveragerOptions kOverlap{.overlap = AveragerOptions::Overlap::on, .bucket_bytes = 1 << 20};
INSTANTIATE_TEST_SUITE_P(
    Ways, AveragerMemory,
    testing::Values(Way{"of_one_communicator", false, {}, {}}, Way{"with_communicators", true, {}, {}},
                    Way{"of_one_with_threads", false, {.thread = RingOptions::Thread::on}, kOverlap},
                    Way{"between_hosts", true, {.ranks_per_host = 1}, kOverlap}),
    [](const auto& info) { return info.param.name; });

// A tensor that one rank keeps stays in every rank's reach, whatever the others have let go of.
TEST(AllocatedMemory, StaysWhileOneRankHasIt) {
  const auto communicator = make_communicator(test_world(), "mpi", "cpu");
  const auto allocate = [&] { return communicator->allocate(5000, at::TensorOptions(at::kFloat)); };
  at::Tensor kept = allocate();
  kept.fill_(1);
  if (test_world().rank() != 0) kept = at::Tensor();
  std::vector<at::Tensor> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(allocate());
    EXPECT_EQ(others.back().abs().sum().item<float>(), 0);
    others.back().fill_(test_world().rank() + i);
    communicator->all_reduce(others.back()).wait();
    if (i % 2 == 1) others.erase(others.begin());
  }
  if (test_world().rank() == 0) {
    EXPECT_EQ(kept.sum().item<float>(), 5000);
  }
  const at::Tensor mine = test_world().rank() == 0 ? kept : others.front();
  if (test_world().rank() != 0) mine.fill_(1);
  communicator->all_reduce(mine).wait();  // each rank's at a place of its own
  EXPECT_TRUE(at::equal(mine, at::full({5000}, test_world().world_size(), at::kFloat)));
}

}  // namespace
}  // namespace ringtrain
