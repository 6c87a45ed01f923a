#include "trainer/optimizer/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace ringtrain {
namespace {

struct Case {
  std::string name;
  OptimizerConfig config;
  std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<at::Tensor>)> reference;
};

OptimizerConfig sgd(double momentum, bool nesterov, double decay) {
  OptimizerConfig config;
  config.type = "sgd";
  config.lr = 0.1;
  config.momentum = momentum;
  config.nesterov = nesterov;
  config.weight_decay = decay;
  return config;
}

OptimizerConfig adam(const std::string& type, double decay) {
  OptimizerConfig config;
  config.type = type;
  config.lr = 0.01;
  config.weight_decay = decay;
  return config;
}

class AgainstLibTorch : public testing::TestWithParam<Case> {};

// LibTorch's own optimizers, one tensor at a time, are the independent computation.
template <class Type>
void compare(const Case& one, Type type, double tolerance) {
  torch::manual_seed(3);
  torch::nn::Sequential ours(torch::nn::Linear(4, 3), torch::nn::Linear(3, 2));
  ours->to(type);
  auto theirs = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(ours->clone());
  FlatParameters flat(*ours);
  const auto optimizer = make_optimizer(one.config, flat);
  const auto reference = one.reference(theirs->parameters());
  for (int step = 0; step < 5; ++step) {
    const auto input = torch::randn({6, 4}, at::TensorOptions().dtype(type));
    flat.zero_gradients();
    ours->forward(input).square().sum().backward();
    optimizer->step(one.config.lr, 6.0);  // a sum, divided once
    reference->zero_grad();
    (theirs->forward(input).square().sum() / 6).backward();
    reference->step();
  }
  for (std::size_t i = 0; i < theirs->parameters().size(); ++i)
    EXPECT_TRUE(at::allclose(ours->parameters()[i], theirs->parameters()[i], tolerance, tolerance)) << i;
}

TEST_P(AgainstLibTorch, SameWeightsInFloat32) { compare(GetParam(), torch::kFloat, 1e-5); }
TEST_P(AgainstLibTorch, SameWeightsInFloat64) { compare(GetParam(), torch::kDouble, 1e-12); }

template <class Reference, class Options>
auto reference(Options options) {
  return [options](std::vector<at::Tensor> parameters) {
    return std::make_unique<Reference>(parameters, options);
  };
}

using namespace torch::optim;
INSTANTIATE_TEST_SUITE_P(
    All, AgainstLibTorch,
    testing::Values(
        Case{"Sgd", sgd(0, false, 0), reference<SGD>(SGDOptions(0.1))},
        Case{"Momentum", sgd(0.9, false, 0.01),
             reference<SGD>(SGDOptions(0.1).momentum(0.9).weight_decay(0.01))},
        Case{"Nesterov", sgd(0.9, true, 0), reference<SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true))},
        Case{"Adam", adam("adam", 0.01), reference<Adam>(AdamOptions(0.01).weight_decay(0.01))},
        Case{"AdamW", adam("adamw", 0.1), reference<AdamW>(AdamWOptions(0.01).weight_decay(0.1))}),
    [](const auto& info) { return info.param.name; });

TEST(Optimizer, GoesOnFromItsState) {
  for (const auto& config : {sgd(0.9, false, 0), adam("adamw", 0.1)}) {
    torch::manual_seed(4);
    torch::nn::Linear model(4, 3);
    FlatParameters flat(*model);
    const auto optimizer = make_optimizer(config, flat);
    const auto step = [](FlatParameters& parameters, Optimizer& one, double gradient) {
      parameters.groups()[0].gradients.fill_(gradient);
      one.step(0.1, 1);
    };
    step(flat, *optimizer, 1);
    step(flat, *optimizer, 2);

    auto copy = std::dynamic_pointer_cast<torch::nn::LinearImpl>(model->clone());
    FlatParameters flat_copy(*copy);
    const auto resumed = make_optimizer(config, flat_copy);
    for (const auto& [name, tensors] : optimizer->state()) resumed->state().at(name)[0].copy_(tensors[0]);
    resumed->resume(2);
    step(flat, *optimizer, 3);
    step(flat_copy, *resumed, 3);
    EXPECT_TRUE(at::equal(model->weight, copy->weight)) << config.type;  // not the gaps between parameters
    EXPECT_TRUE(at::equal(model->bias, copy->bias)) << config.type;
  }
}

TEST(Optimizer, NormIsThatOfAllGradients) {
  torch::nn::Linear model(2, 1);
  FlatParameters flat(*model);
  flat.views(flat.groups()[0].gradients, 0).at("weight").copy_(torch::tensor({{3.0, 0.0}}));
  flat.views(flat.groups()[0].gradients, 0).at("bias").fill_(4);
  EXPECT_DOUBLE_EQ(gradient_norm(flat), 5);
}

}  // namespace
}  // namespace ringtrain
