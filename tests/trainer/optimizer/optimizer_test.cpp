#include "trainer/optimizer/optimizer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "tests/trainer/optimizer/optimizer_of.h"

namespace ringtrain {
namespace {

struct Case {
  std::string name;
  OptimizerConfig config;
  std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<at::Tensor>)> reference;
};

OptimizerConfig sgd(double momentum, bool nesterov, double decay) {
  return test::optimizer_config(fmt::format(
      "{{type: sgd, lr: 0.1, momentum: {}, nesterov: {}, weight_decay: {}}}", momentum, nesterov, decay));
}

OptimizerConfig adam(const std::string& type, double decay) {
  return test::optimizer_config(fmt::format("{{type: {}, lr: 0.01, weight_decay: {}}}", type, decay));
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

// Parts in any order make the step that one call makes, to the bit: what a bucket holds must not matter.
TEST_P(AgainstLibTorch, PartsMakeTheWholeStep) {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    const auto net = [&] {
      torch::manual_seed(4);
      torch::nn::Sequential net(torch::nn::Linear(33, 21), torch::nn::Linear(21, 5));
      net->to(type);
      return net;
    };
    const auto whole = net(), cut = net();
    FlatParameters flat(*whole), flat_cut(*cut);
    const auto optimizer = make_optimizer(GetParam().config, flat);
    const auto in_parts = make_optimizer(GetParam().config, flat_cut);
    const std::int64_t size = flat.groups()[0].values.numel();
    in_parts->cut({{0, 0, 16}, {0, 16, 128}, {0, 128, size}});
    for (int step = 0; step < 4; ++step) {
      flat.groups()[0].gradients.copy_(torch::randn({size}));
      flat_cut.groups()[0].gradients.copy_(flat.groups()[0].gradients);
      optimizer->step(GetParam().config.lr, 6.0);
      in_parts->begin();
      for (const std::size_t part : {2, 0, 1})
        in_parts->apply(part, Optimizer::Numbers{GetParam().config.lr, 6.0});
      EXPECT_TRUE(at::equal(flat.groups()[0].values, flat_cut.groups()[0].values)) << "step " << step;
    }
    EXPECT_EQ(in_parts->steps(), 4);
  }
}

// Four layers of which each step uses some: which, by step.
constexpr int kLayers = 4;
const std::vector<std::vector<bool>> kUse{{true, false, true, true},  {true, true, true, true},
                                          {false, true, false, true}, {false, true, false, true},
                                          {true, true, true, true},   {true, false, false, false}};

at::Tensor loss_of_used(torch::nn::SequentialImpl& layers, const std::vector<bool>& use,
                        const at::Tensor& input) {
  at::Tensor loss = at::zeros({}, input.options());
  for (std::size_t i = 0; i < kLayers; ++i)
    if (use[i]) loss = loss + layers[i]->as<torch::nn::LinearImpl>()->forward(input).square().sum();
  return loss;
}

std::vector<bool> unused_entries(const FlatParameters& flat, const std::vector<bool>& use) {
  std::vector<bool> unused;
  for (const auto& entry : flat.entries())
    unused.push_back(!use[static_cast<std::size_t>(entry.name[0] - '0')]);
  return unused;
}

torch::nn::Sequential four_layers(at::ScalarType type) {
  torch::nn::Sequential layers;
  for (int i = 0; i < kLayers; ++i) layers->push_back(torch::nn::Linear(4, 3));
  layers->to(type);
  return layers;
}

// A layer that takes no part has an undefined gradient there: LibTorch leaves it, its state and its step
// count alone. `pieces`: the flat group is cut so often, as shards are, in the middle of parameters.
void compare_unused(const Case& one, at::ScalarType type, double tolerance, std::int64_t pieces) {
  torch::manual_seed(5);
  auto ours = four_layers(type);
  const auto theirs = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(ours->clone());
  FlatParameters flat(*ours);
  std::vector<FlatSlice> slices;
  const auto& group = flat.groups()[0];
  const std::int64_t size = group.values.numel() / pieces;
  for (std::int64_t i = 0; i < pieces; ++i)
    slices.push_back(
        {0, i * size, group.values.narrow(0, i * size, size), group.gradients.narrow(0, i * size, size)});
  const auto optimizer = make_optimizer(one.config, flat, slices);
  const auto reference = one.reference(theirs->parameters());
  for (const auto& use : kUse) {
    const auto input = torch::randn({6, 4}, at::TensorOptions().dtype(type));
    flat.zero_gradients();
    loss_of_used(*ours, use, input).backward();
    optimizer->step(one.config.lr, 6.0, unused_entries(flat, use));
    reference->zero_grad();
    (loss_of_used(*theirs, use, input) / 6).backward();
    reference->step();
  }
  for (std::size_t i = 0; i < theirs->parameters().size(); ++i)
    EXPECT_TRUE(at::allclose(ours->parameters()[i], theirs->parameters()[i], tolerance, tolerance)) << i;
}

TEST_P(AgainstLibTorch, LeavesUnusedParametersAlone) {
  compare_unused(GetParam(), torch::kFloat, 1e-5, 1);
  compare_unused(GetParam(), torch::kDouble, 1e-12, 1);
}

TEST_P(AgainstLibTorch, SlicesAreOneWhole) {
  compare_unused(GetParam(), torch::kFloat, 1e-5, 2);
  compare_unused(GetParam(), torch::kDouble, 1e-12, 4);
}

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
    EXPECT_TRUE(at::equal(model->weight, copy->weight))
        << config.rule.type;  // not the gaps between parameters
    EXPECT_TRUE(at::equal(model->bias, copy->bias)) << config.rule.type;
  }
}

TEST(Optimizer, GoesOnFromUnequalCounts) {
  for (const auto& config : {sgd(0.9, false, 0.1), adam("adam", 0.1)}) {
    torch::manual_seed(6);
    const auto model = four_layers(torch::kFloat);
    FlatParameters flat(*model);
    const auto optimizer = make_optimizer(config, flat);
    const auto step = [](FlatParameters& parameters, Optimizer& one, std::size_t number) {
      parameters.groups()[0].gradients.fill_(static_cast<double>(number));
      one.step(0.1, 1, unused_entries(parameters, kUse[number]));
    };
    step(flat, *optimizer, 0);
    optimizer->skip();
    step(flat, *optimizer, 2);
    EXPECT_EQ(optimizer->steps(), 3);

    const auto copy = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(model->clone());
    FlatParameters flat_copy(*copy);
    const auto resumed = make_optimizer(config, flat_copy);
    for (const auto& [name, tensors] : optimizer->state()) resumed->state().at(name)[0].copy_(tensors[0]);
    resumed->resume(3, optimizer->skipped());
    for (const std::size_t number : {1, 3, 4}) {
      step(flat, *optimizer, number);
      step(flat_copy, *resumed, number);
    }
    for (std::size_t i = 0; i < model->parameters().size(); ++i)
      EXPECT_TRUE(at::equal(model->parameters()[i], copy->parameters()[i])) << config.rule.type << i;
    EXPECT_EQ(optimizer->skipped(), resumed->skipped());
  }
}

// An averager may put the gradients into memory of its own after the optimizer was made.
TEST(Optimizer, FollowsGradientsThatMove) {
  torch::nn::Linear model(4, 3);
  FlatParameters flat(*model);
  const auto optimizer = make_optimizer(sgd(0, false, 0), flat);
  const auto before = flat.groups()[0].values.clone();
  const_cast<FlatParameters::Group&>(flat.groups()[0]).gradients = at::ones_like(before);
  optimizer->step(0.5, 1);
  EXPECT_TRUE(at::allclose(flat.groups()[0].values, before - 0.5));
  EXPECT_TRUE(optimizer->gradients()[0].is_same(flat.groups()[0].gradients));
}

TEST(Optimizer, ASkippedStepChangesNothing) {
  const auto model = four_layers(torch::kFloat), other = four_layers(torch::kFloat);
  FlatParameters flat(*model), flat_other(*other);
  flat_other.groups()[0].values.copy_(flat.groups()[0].values);
  const auto optimizer = make_optimizer(adam("adamw", 0.1), flat);
  const auto calm = make_optimizer(adam("adamw", 0.1), flat_other);
  for (const bool skip : {false, true, true, false}) {
    for (auto* parameters : {&flat, &flat_other}) parameters->groups()[0].gradients.fill_(2);
    if (skip) {
      optimizer->skip();
      continue;
    }
    optimizer->step(0.1, 1);
    calm->step(0.1, 1);
  }
  EXPECT_TRUE(at::equal(flat.groups()[0].values, flat_other.groups()[0].values));
  EXPECT_EQ(optimizer->steps(), 4);
  EXPECT_EQ(optimizer->skipped()[0], 2);
}

}  // namespace
}  // namespace ringtrain
