#include "comm/averaging/gradient_averager.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <mutex>

#include "comm/backends.h"
#include "common/errors.h"
#include "data/order/sampler.h"

namespace ringtrain {
namespace {

// 13 samples: no number of ranks from 2 to 4 divides them.
struct Problem {
  at::Tensor inputs = torch::linspace(-1, 2, 13 * 3, torch::kDouble).reshape({13, 3}).sin();
  at::Tensor targets = torch::linspace(0, 1, 13, torch::kDouble);
};

std::shared_ptr<torch::nn::LinearImpl> layer(std::uint64_t seed) {
  torch::manual_seed(seed);
  auto made = std::make_shared<torch::nn::LinearImpl>(3, 1);
  made->to(torch::kDouble);
  return made;
}

at::Tensor loss_sum(torch::nn::LinearImpl& model, const Problem& problem, Range rows) {
  const auto count = rows.end - rows.begin;
  const auto outputs = model.forward(problem.inputs.narrow(0, rows.begin, count)).squeeze(1);
  return (outputs - problem.targets.narrow(0, rows.begin, count)).square().sum();
}

class UnevenShares : public testing::TestWithParam<int> {};

TEST_P(UnevenShares, SumToTheGradientOfTheJoinedBatch) {
  const Problem problem;
  const auto joined = layer(5);
  loss_sum(*joined, problem, {0, 13}).backward();

  std::mutex mutex;
  run_as_threads(GetParam(), [&](Communicator& communicator) {
    std::unique_lock lock(mutex);  // the seed is process-wide
    const auto replica = layer(5 + static_cast<std::uint64_t>(communicator.rank()));
    lock.unlock();
    FlatParameters flat(*replica);
    GradientAverager averager(flat, communicator);  // rank 0's weights
    flat.zero_gradients();
    const Range share = even_share(13, communicator.rank(), communicator.world_size());
    const auto loss = loss_sum(*replica, problem, share);
    loss.backward();
    StepTotals mine;
    mine.weight = mine.samples = static_cast<double>(share.end - share.begin);
    mine.loss_sum = loss.item<double>();
    const StepTotals totals = averager.finish(mine);
    EXPECT_EQ(totals.weight, 13);
    EXPECT_EQ(totals.samples, 13);
    EXPECT_EQ(totals.failed, 0);
    EXPECT_TRUE(at::allclose(replica->weight.grad(), joined->weight.grad(), 1e-12, 0));
    EXPECT_TRUE(at::allclose(replica->bias.grad(), joined->bias.grad(), 1e-12, 0));
  });
}

TEST_P(UnevenShares, AFailedRankAddsNothingAndAllKnow) {
  run_as_threads(GetParam(), [&](Communicator& communicator) {
    torch::nn::Linear replica(3, 1);
    FlatParameters flat(*replica);
    GradientAverager averager(flat, communicator);
    flat.groups()[0].gradients.fill_(1);
    StepTotals mine;
    if (communicator.rank() == 0) mine.failed = 1;
    const StepTotals totals = averager.finish(mine);
    EXPECT_EQ(totals.failed, 1);
    EXPECT_EQ(replica->weight.grad()[0][0].item<float>(), static_cast<float>(communicator.world_size() - 1));
  });
}

TEST_P(UnevenShares, ARankWhoseGradientIsSparseFailsAndAllKnow) {
  run_as_threads(GetParam(), [&](Communicator& communicator) {
    const bool sparse = communicator.rank() == 0;
    torch::nn::Embedding replica(torch::nn::EmbeddingOptions(10, 4).sparse(sparse));
    FlatParameters flat(*replica);
    GradientAverager averager(flat, communicator);
    replica->zero_grad(/*set_to_none=*/true);
    replica(torch::tensor({1, 2})).sum().backward();
    StepTotals mine;
    try {
      flat.repair_gradients();
    } catch (const ConfigError&) {
      mine.failed = 1;
    }
    EXPECT_EQ(mine.failed, sparse ? 1 : 0);
    EXPECT_EQ(averager.finish(mine).failed, 1);
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, UnevenShares, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace ringtrain
