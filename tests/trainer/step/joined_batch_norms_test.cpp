#include "trainer/step/joined_batch_norms.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/instancenorm.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

using torch::nn::BatchNorm1d, torch::nn::BatchNorm1dOptions;

/// A module with a part of each name.
std::shared_ptr<torch::nn::Module> model_of(
    const std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>>& parts) {
  auto model = std::make_shared<torch::nn::Module>("Model");
  for (const auto& [name, part] : parts) model->register_module(name, part);
  return model;
}

/// `body` as the only rank: what is joined is seen by the name of its gradient.
void alone(const std::function<void(const std::shared_ptr<Communicator>&)>& body) {
  run_as_threads(1, [&body](Communicator& communicator) {
    body(std::shared_ptr<Communicator>(&communicator, [](Communicator*) {}));
  });
}

bool is_joined(const at::Tensor& y) { return y.grad_fn()->name().find("SyncBatchNorm") != std::string::npos; }

at::Tensor rows(std::int64_t count) {
  return (at::arange(count * 4, at::kFloat).view({count, 4}) * 0.7 + 1).sin();
}

TEST(JoinedBatchNorms, FindsOursAndLibTorchs) {
  alone([](const auto& communicator) {
    const auto model = model_of(
        {{"ours", make_batch_norm2d(4)},
         {"inner", model_of({{"one", BatchNorm1d(4).ptr()},
                             {"two", torch::nn::BatchNorm2d(4).ptr()},
                             {"three", torch::nn::BatchNorm3d(4).ptr()}})},
         {"instance",
          torch::nn::InstanceNorm2d(torch::nn::InstanceNorm2dOptions(4).track_running_stats(true)).ptr()}});
    EXPECT_EQ(JoinedBatchNorms(*model, communicator).size(), 4U);
    std::string names;
    for (const auto& norm : batch_norms(*model)) names += norm.name + " ";
    EXPECT_EQ(names, "ours inner.one inner.two inner.three ");
  });
}

TEST(JoinedBatchNorms, OneWithoutRunningStatisticsIsRefusedByName) {
  alone([](const auto& communicator) {
    const auto untracked = BatchNorm1d(BatchNorm1dOptions(4).track_running_stats(false)).ptr();
    const auto model = model_of({{"inner", model_of({{"norm", untracked}})}});
    try {
      const JoinedBatchNorms norms(*model, communicator);
      FAIL();
    } catch (const ConfigError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("trainer.sync_batch_norm: module 'inner.norm'"), std::string::npos) << text;
      EXPECT_NE(text.find("track_running_stats(true)"), std::string::npos) << text;
      EXPECT_NE(text.find("trainer.sync_batch_norm: false"), std::string::npos) << text;
    }
  });
}

TEST(JoinedBatchNorms, AreJoinedInAScopeAlone) {
  alone([](const auto& communicator) {
    BatchNorm1d stock(4), frozen(4), other(4);
    frozen->eval();
    const auto ours = make_batch_norm2d(4);
    const auto model = model_of({{"stock", stock.ptr()}, {"frozen", frozen.ptr()}, {"ours", ours}});
    const JoinedBatchNorms norms(*model, communicator);
    // Of a form that our own fused kernel takes.
    const auto image = rows(6).view({3, 4, 2, 1}).contiguous(at::MemoryFormat::ChannelsLast);
    const auto look = [&](bool joined) {
      EXPECT_EQ(is_joined(stock(rows(3))), joined);
      EXPECT_EQ(is_joined(ours->forward(image)), joined);
      EXPECT_FALSE(is_joined(frozen(rows(3))));
      EXPECT_FALSE(is_joined(other(rows(3))));
    };
    look(false);
    {
      const JoinedBatchNorms::Scope scope(&norms, 3);
      look(true);
      model->eval();
      EXPECT_FALSE(is_joined(stock(rows(3))));
      EXPECT_FALSE(is_joined(ours->forward(image)));
      model->train();
      frozen->eval();
    }
    look(false);
    const JoinedBatchNorms::Scope nothing(nullptr, 3);
    look(false);
    EXPECT_EQ(stock->num_batches_tracked.item<std::int64_t>(), 4);
    EXPECT_EQ(ours->named_buffers()["num_batches_tracked"].item<std::int64_t>(), 4);
  });
}

/// LibTorch's refuse one value a channel, which the joined batch has several of.
TEST(JoinedBatchNorms, OneSampleOfARankIsJoined) {
  run_as_threads(2, [](Communicator& communicator) {
    const auto options = [](bool cumulative) {
      auto options = BatchNorm1dOptions(4);
      return cumulative ? options.momentum(std::nullopt) : options;
    };
    for (const bool cumulative : {false, true}) {
      BatchNorm1d ours(options(cumulative)), theirs(options(cumulative)), frozen(4);
      frozen->eval();
      const auto model = model_of({{"norm", ours.ptr()}, {"frozen", frozen.ptr()}});
      const JoinedBatchNorms norms(*model,
                                   std::shared_ptr<Communicator>(&communicator, [](Communicator*) {}));
      const auto whole = rows(2);
      for (int pass = 0; pass < 3; ++pass) {
        const JoinedBatchNorms::Scope scope(&norms, 1);
        const auto expected = theirs(whole + pass);
        const auto y = ours(whole.narrow(0, communicator.rank(), 1) + pass);
        EXPECT_TRUE(at::allclose(y, expected.narrow(0, communicator.rank(), 1), 1e-4, 1e-5));
        EXPECT_FALSE(is_joined(frozen(whole)));
      }
      EXPECT_TRUE(ours->is_training());
      EXPECT_FALSE(frozen->is_training());
      EXPECT_EQ(ours->num_batches_tracked.item<std::int64_t>(), 3);
      EXPECT_TRUE(at::allclose(ours->running_mean, theirs->running_mean, 1e-5, 1e-6));
      EXPECT_TRUE(at::allclose(ours->running_var, theirs->running_var, 1e-5, 1e-6));
      EXPECT_EQ(frozen->num_batches_tracked.item<std::int64_t>(), 0);
    }
  });
}

}  // namespace
}  // namespace ringtrain
