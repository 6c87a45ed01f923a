#include "comm/averaging/sync_batch_norm_scope.h"

#include <ATen/CompositeImplicitAutogradFunctions.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <thread>

#include "comm/averaging/sync_batch_norm.h"
#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr double kMomentum = 0.1, kEpsilon = 1e-5;

/// The tensors of one batch norm, and of a batch that is another one on each rank.
struct Layer {
  at::Tensor x, weight, bias, mean, variance;
  explicit Layer(int rank) {
    x = (at::arange(5 * kChannels * 4, at::kDouble).view({5, kChannels, 4}) * (0.7 + rank) + rank).sin();
    x.requires_grad_();
    weight = at::linspace(0.5, 2, kChannels, at::kDouble).requires_grad_();
    bias = at::linspace(-1, 1, kChannels, at::kDouble).requires_grad_();
    mean = at::zeros({kChannels}, at::kDouble);
    variance = at::ones({kChannels}, at::kDouble);
  }
  at::Tensor forward(bool training = true) const {
    return at::batch_norm(x, weight, bias, mean, variance, training, kMomentum, kEpsilon, true);
  }
  /// What LibTorch brings for it.
  at::Tensor plain(bool training = true) const {
    return at::compositeimplicitautograd::batch_norm(x, weight, bias, mean, variance, training, kMomentum,
                                                     kEpsilon, true);
  }
  at::Tensor joined(Communicator& communicator) const {
    return sync_batch_norm(x, weight, bias, mean, variance, kMomentum, kEpsilon, communicator);
  }
  std::vector<at::Tensor> gradients(const at::Tensor& y) const {
    y.sin().sum().backward();
    return {x.grad(), weight.grad(), bias.grad()};
  }
};

bool is_joined(const at::Tensor& y) { return y.grad_fn()->name().find("SyncBatchNorm") != std::string::npos; }

void same_bits(const Layer& ours, const at::Tensor& y, const Layer& theirs, const at::Tensor& expected) {
  EXPECT_TRUE(at::equal(y, expected));
  EXPECT_TRUE(at::equal(ours.mean, theirs.mean));
  EXPECT_TRUE(at::equal(ours.variance, theirs.variance));
  const auto found = ours.gradients(y), wanted = theirs.gradients(expected);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(at::equal(found[i], wanted[i])) << i;
}

TEST(SyncBatchNormScope, JoinsTheCallsOfItsNorms) {
  run_as_threads(2, [](Communicator& communicator) {
    const Layer ours(communicator.rank()), theirs(communicator.rank());
    const SyncBatchNormScope scope({{ours.mean}}, communicator);
    same_bits(ours, ours.forward(), theirs, theirs.joined(communicator));
  });
}

TEST(SyncBatchNormScope, LeavesAllOtherCallsAsTheyAre) {
  run_as_threads(2, [](Communicator& communicator) {
    const int rank = communicator.rank();
    const Layer known(rank), ours(rank), theirs(rank);
    {
      const SyncBatchNormScope scope({{known.mean}}, communicator);
      const auto y = ours.forward();
      EXPECT_FALSE(is_joined(y));
      same_bits(ours, y, theirs, theirs.plain());
      // In evaluation mode.
      EXPECT_TRUE(at::equal(known.forward(false), known.plain(false)));
      // Without running statistics.
      EXPECT_FALSE(is_joined(at::batch_norm(known.x, {}, {}, {}, {}, true, kMomentum, kEpsilon, true)));
      // Instance norm calls it with a running mean of its own making.
      EXPECT_FALSE(is_joined(at::instance_norm(known.x, known.weight, known.bias, known.mean, known.variance,
                                               true, kMomentum, kEpsilon, true)));
    }
    EXPECT_FALSE(is_joined(known.forward()));
  });
}

TEST(SyncBatchNormScope, KnowsANormWhoseBuffersMoved) {
  run_as_threads(2, [](Communicator& communicator) {
    Layer layer(communicator.rank());
    const SyncBatchNormScope scope({{layer.mean}}, communicator);
    layer.mean.set_data(layer.mean.to(at::kFloat));  // as Module::to does
    layer.variance.set_data(layer.variance.to(at::kFloat));
    layer.x = layer.x.detach().to(at::kFloat).requires_grad_();
    layer.weight = layer.weight.detach().to(at::kFloat).requires_grad_();
    layer.bias = layer.bias.detach().to(at::kFloat).requires_grad_();
    EXPECT_TRUE(is_joined(layer.forward()));
  });
}

/// The autograd engine has threads of its own, in which checkpointed activations are computed again.
TEST(SyncBatchNormScope, JoinsInEveryThread) {
  run_as_threads(1, [](Communicator& communicator) {
    const Layer layer(0);
    const SyncBatchNormScope scope({{layer.mean}}, communicator);
    bool joined = false;
    std::thread([&] { joined = is_joined(layer.forward()); }).join();
    EXPECT_TRUE(joined);
  });
}

TEST(SyncBatchNormScope, EachModelHasItsOwnCommunicator) {
  run_as_threads(2, [](Communicator& both) {
    run_as_threads(1, [&both](Communicator& alone) {
      const int rank = both.rank();
      const Layer joined(rank), single(rank), theirs(rank), plain(rank);
      const SyncBatchNormScope outer({{joined.mean}}, both);
      {
        const SyncBatchNormScope inner({{single.mean}, {joined.mean}}, alone);
        // Would be joined with nobody's on the other rank.
        if (rank == 0) {
          EXPECT_TRUE(at::allclose(single.forward(), plain.plain()));
        }
      }
      same_bits(joined, joined.forward(), theirs, theirs.joined(both));
      EXPECT_FALSE(is_joined(single.forward()));
    });
  });
}

TEST(SyncBatchNormScope, CountsForANormInEvaluationMode) {
  run_as_threads(2, [](Communicator& communicator) {
    const Layer ours(communicator.rank()), theirs(communicator.rank());
    int counted = 0;
    const SyncBatchNormScope scope({{ours.mean,
                                     [&counted] {
                                       ++counted;
                                       return kMomentum;
                                     }}},
                                   communicator);
    same_bits(ours, ours.forward(false), theirs, theirs.joined(communicator));
    EXPECT_EQ(counted, 1);
    EXPECT_TRUE(is_joined(ours.forward(true)));
    EXPECT_EQ(counted, 1);
  });
}

TEST(SyncBatchNormScope, WhatGoesWrongComesOutAsItIs) {
  std::atomic<int> refused = 0;
  run_as_threads(2, [&](Communicator& communicator) {
    const auto mean = at::zeros({kChannels});
    const SyncBatchNormScope scope({{mean}}, communicator);
    const auto x = at::ones({communicator.rank(), kChannels});  // the joined batch has one value a channel
    try {
      at::batch_norm(x, {}, {}, mean, at::ones({kChannels}), true, kMomentum, kEpsilon, true);
    } catch (const TrainingError& error) {
      EXPECT_TRUE(error.agreed());
      ++refused;
    }
  });
  EXPECT_EQ(refused, 2);
}

}  // namespace
}  // namespace ringtrain
