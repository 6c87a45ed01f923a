// What people do in loops of their own.
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/utils/convert_parameters.h>
#include <torch/optim/adamw.h>
#include <torch/serialize.h>

#include <sstream>

#include "comm/averaging/broadcast.h"
#include "comm/averaging/gradient_averager.h"
#include "comm/backends.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

using torch::nn::Linear;
using torch::nn::Sequential;

AveragerOptions with(AveragerOptions::Overlap overlap) {
  AveragerOptions options;
  options.overlap = overlap;
  return options;
}

void step(torch::nn::Linear& layer, GradientAverager& averager, double rate = 0.1) {
  layer->forward(at::ones({2, layer->options.in_features()})).sum().backward();
  averager.finish({});
  const torch::NoGradGuard no_grad;
  layer->weight.sub_(layer->weight.grad(), rate);
}

class OwnLoop : public testing::TestWithParam<AveragerOptions::Overlap> {};
INSTANTIATE_TEST_SUITE_P(Overlap, OwnLoop,
                         testing::Values(AveragerOptions::Overlap::on, AveragerOptions::Overlap::off));

TEST_P(OwnLoop, ASecondBackwardIsToldWhetherPartsWereSentOrNot) {
  run_as_threads(2, [&](Communicator& communicator) {
    Linear layer(3, 2);
    FlatParameters flat(*layer);
    GradientAverager averager(flat, communicator, with(GetParam()));
    const auto loss = [&] { return layer->forward(at::ones({2, 3})).sum(); };
    loss().backward();
    try {
      loss().backward();
      ADD_FAILURE() << "it passed";
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("no_sync()"), std::string::npos);
    }
  });
}

TEST_P(OwnLoop, AnInnerNoSyncKeepsTheOuterOne) {
  run_as_threads(2, [&](Communicator& communicator) {
    Linear layer(3, 2);
    FlatParameters flat(*layer);
    GradientAverager averager(flat, communicator, with(GetParam()));
    const auto loss = [&] { return layer->forward(at::ones({2, 3})).sum(); };
    {
      const auto outer = averager.no_sync();
      {
        const auto inner = averager.no_sync();
        loss().backward();
      }
      loss().backward();  // sent here, it would be told as a second one below
    }
    loss().backward();
    averager.finish({});
    EXPECT_TRUE(at::equal(layer->bias.grad(), at::full({2}, 2.0 * 3 * 2)));
  });
}

TEST_P(OwnLoop, WeightsThatWereLoadedAreTrained) {
  run_as_threads(2, [&](Communicator& communicator) {
    Linear layer(3, 2);
    FlatParameters flat(*layer);
    GradientAverager averager(flat, communicator, with(GetParam()));
    std::stringstream file;
    {
      Linear other(3, 2);
      const torch::NoGradGuard no_grad;
      other->weight.fill_(5);
      other->bias.fill_(1);
      torch::save(other, file);
    }
    torch::load(layer, file);
    step(layer, averager);
    EXPECT_NEAR(layer->weight[0][0].item<float>(), 5 - 0.1 * 2 * 2, 1e-6);
    EXPECT_EQ(flat.groups()[0].values.sum().item<float>(),
              (layer->weight.sum() + layer->bias.sum()).item<float>());
    const auto before = layer->weight[0][0].item<float>();
    flat.zero_gradients();
    step(layer, averager);
    EXPECT_NEAR(layer->weight[0][0].item<float>(), before - 0.4, 1e-6);
    EXPECT_TRUE(averager.unused().empty());
  });
}

TEST_P(OwnLoop, VectorToParametersToo) {
  run_as_threads(2, [&](Communicator& communicator) {
    Linear layer(3, 2);
    FlatParameters flat(*layer);
    GradientAverager averager(flat, communicator, with(GetParam()));
    torch::nn::utils::vector_to_parameters(at::arange(8, at::kFloat), layer->parameters());
    step(layer, averager);
    EXPECT_NEAR(layer->weight[1][2].item<float>(), 5 - 0.4, 1e-6);
    EXPECT_EQ(flat.repair_values(), 0);
  });
}

TEST_P(OwnLoop, AnotherTypeIsRefusedByName) {
  Linear layer(3, 2);
  run_as_threads(1, [&](Communicator& communicator) {
    FlatParameters flat(*layer);
    GradientAverager averager(flat, communicator, with(GetParam()));
    layer->to(at::kDouble);
    try {
      averager.finish({});
      ADD_FAILURE() << "it passed";
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("parameter bias is of another type"), std::string::npos)
          << error.what();
    }
  });
}

// As loops of LibTorch's are written. It detaches the gradients in place.
TEST_P(OwnLoop, ZeroGradOfAnOptimizerIsTaken) {
  for (const bool to_none : {true, false})
    run_as_threads(2, [&](Communicator& communicator) {
      Linear layer(3, 2);
      FlatParameters flat(*layer);
      GradientAverager averager(flat, communicator, with(GetParam()));
      torch::optim::AdamW optimizer(layer->parameters(), torch::optim::AdamWOptions(0.1));
      for (int i = 0; i < 3; ++i) {
        optimizer.zero_grad(to_none);
        layer->forward(at::ones({2, 3})).sum().backward();
        averager.finish({});
        EXPECT_TRUE(at::equal(layer->weight.grad(), at::full({2, 3}, 4.0))) << to_none;
        EXPECT_TRUE(layer->weight.grad().is_alias_of(flat.groups()[0].gradients));
        optimizer.step();
      }
    });
}

TEST_P(OwnLoop, AnOptimizerOfLibTorchLeavesWhatNobodyUsed) {
  run_as_threads(2, [&](Communicator& communicator) {
    Sequential net(Linear(3, 2), Linear(2, 1));
    const auto& used = net->ptr<torch::nn::LinearImpl>(0);
    const auto& idle = net->ptr<torch::nn::LinearImpl>(1);
    FlatParameters flat(*net);
    GradientAverager averager(flat, communicator, with(GetParam()));
    torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(0.1).weight_decay(0.5));
    const auto before = idle->weight.detach().clone(), moved = used->weight.detach().clone();
    for (int i = 0; i < 3; ++i) {
      flat.zero_gradients();
      used->forward(at::ones({2, 3})).sum().backward();
      averager.finish({});
      averager.drop_unused_gradients();
      optimizer.step();
    }
    EXPECT_TRUE(at::equal(idle->weight, before));
    EXPECT_FALSE(at::equal(used->weight, moved));
    flat.zero_gradients();
    net->forward(at::ones({2, 3})).sum().backward();  // now it is used
    averager.finish({});
    averager.drop_unused_gradients();
    optimizer.step();
    EXPECT_FALSE(at::equal(idle->weight, before));
  });
}

template <class Saved>
std::string saved(const Saved& what) {
  std::stringstream file;
  torch::save(what, file);
  return file.str();
}

// Parameters lie in one tensor of all: a file of one part has no bytes of the others.
TEST_P(OwnLoop, APartOfAModuleIsSavedAlone) {
  run_as_threads(2, [&](Communicator& communicator) {
    Sequential net(Linear(512, 512), Linear(512, 3));
    auto small = Linear(net->ptr<torch::nn::LinearImpl>(1));
    const std::string before = saved(small), before_of_all = saved(net);
    const std::string tensor_before = saved(small->weight.detach().clone());
    {
      FlatParameters flat(*net);
      GradientAverager averager(flat, communicator, with(GetParam()));
      EXPECT_EQ(saved(small).size(), before.size());
      EXPECT_EQ(saved(net).size(), before_of_all.size());
      EXPECT_EQ(saved(small->weight.detach()).size(), tensor_before.size());
      EXPECT_EQ(saved(small->bias).size(), saved(small->bias.detach().clone()).size());
      EXPECT_EQ(torch::pickle_save(small->weight.detach()).size(),
                torch::pickle_save(small->weight.detach().clone()).size());

      step(small, averager, 0.0);
      const auto weight = small->weight.detach().clone();
      std::stringstream file(saved(small));
      {
        const torch::NoGradGuard no_grad;
        small->weight.zero_();
      }
      torch::load(small, file);
      EXPECT_TRUE(at::equal(small->weight, weight));
      flat.zero_gradients();
      step(small, averager);
      EXPECT_TRUE(at::allclose(small->weight, weight - 0.1 * 2 * 2));
      // Where what was loaded was put back, files are as small again.
      EXPECT_EQ(saved(small).size(), before.size());
    }
    EXPECT_EQ(saved(small).size(), before.size());
  });
}

// What holds a parameter holds its memory.
TEST(OwnLoop, ParametersOutliveTheFlatTensor) {
  Linear layer(64, 64);
  const auto before = layer->weight.detach().clone();
  at::Tensor kept;
  {
    const FlatParameters flat(*layer);
    kept = layer->weight.detach();
  }
  { const FlatParameters again(*layer); }
  const auto others = at::ones({64 * 65 + 64});  // would take the memory, were it free
  EXPECT_TRUE(at::equal(kept, before));
  EXPECT_TRUE(at::equal(layer->weight, before));
}

struct Mixed : torch::nn::Module {
  Mixed() {
    trained = register_parameter("trained", at::zeros({2}));
    frozen = register_parameter("frozen", at::zeros({3}), /*requires_grad=*/false);
    count = register_buffer("count", at::zeros({}, at::kLong));
    mask = register_buffer("mask", at::zeros({5}, at::kBool));
    table = register_buffer("table", at::zeros({2, 3}).t());
  }
  at::Tensor trained, frozen, count, mask, table;
};

TEST(OwnLoop, AllStartFromWhatRank0Has) {
  run_as_threads(3, [](Communicator& communicator) {
    Mixed module;
    {
      const torch::NoGradGuard no_grad;
      module.trained.fill_(communicator.rank() + 1);
      module.frozen.fill_(communicator.rank() + 1);
      module.count.fill_(communicator.rank() + 7);
      module.mask.fill_(communicator.rank() == 0);
      module.table.fill_(communicator.rank() + 1);
    }
    FlatParameters flat(module);
    GradientAverager averager(flat, communicator);
    EXPECT_TRUE(at::equal(module.trained, at::ones({2})));
    EXPECT_TRUE(at::equal(module.frozen, at::ones({3})));
    EXPECT_EQ(module.count.item<std::int64_t>(), 7);
    EXPECT_TRUE(module.mask.all().item<bool>());
    EXPECT_TRUE(at::equal(module.table, at::ones({3, 2})));
  });
}

// Of networks over graphs, of positions, of filters in the frequency domain.
TEST(OwnLoop, BuffersOfAnyKindStartFromRank0s) {
  run_as_threads(2, [](Communicator& communicator) {
    const double mine = communicator.rank() + 1;
    const std::int64_t links = 3 - communicator.rank();
    torch::nn::Module module;
    const at::Tensor graph = module.register_buffer(
        "graph", at::sparse_coo_tensor(at::stack({at::arange(links), at::arange(links)}),
                                       at::full({links}, mine), {4, 4}));
    const at::Tensor repeated = module.register_buffer("repeated", at::full({1, 3}, mine).expand({5, 3}));
    const at::Tensor filter = module.register_buffer("filter", at::full({2}, mine, at::kComplexDouble));
    const at::Tensor half = module.register_buffer("half", at::full({2, 3}, mine, at::kHalf).t());
    const at::Tensor small = module.register_buffer("small", at::full({3}, mine, at::kChar));
    const at::Tensor nothing = module.register_buffer("nothing", at::empty({0, 3}));
    module.register_parameter("weight", at::ones({2}));
    FlatParameters flat(module);
    GradientAverager averager(flat, communicator);
    EXPECT_EQ(graph.coalesce()._nnz(), 3);
    EXPECT_EQ(graph.to_dense().sum().item<float>(), 3);
    for (const auto& one : {repeated, filter, half, small})
      EXPECT_TRUE(at::equal(one, at::ones_like(one))) << one;
    EXPECT_EQ(repeated.stride(0), 0);
  });
}

TEST(OwnLoop, AModuleMayHaveNoBuffers) {
  run_as_threads(2, [](Communicator& communicator) {
    Linear layer(2, 2);
    broadcast_buffers(*layer, communicator);
    EXPECT_TRUE(FlatParameters(*layer).others().empty());
  });
}

TEST(OwnLoop, BuffersAreGivenToAllWhenAsked) {
  run_as_threads(2, [](Communicator& communicator) {
    torch::nn::BatchNorm1d norm(4);
    norm->forward(at::rand({8, 4}) + communicator.rank());
    broadcast_buffers(*norm, communicator);
    const auto mine = norm->running_mean.clone();
    communicator.all_reduce(norm->running_mean, ReduceOp::max).wait();
    EXPECT_TRUE(at::equal(mine, norm->running_mean));
    EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 1);
  });
}

}  // namespace
}  // namespace ringtrain
