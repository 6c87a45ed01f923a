#include "trainer/weights/torch_optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include "common/errors.h"
#include "common/yaml_reader.h"

namespace ringtrain {
namespace {

/// first (1 → 2), second (2 → 1).
class Net : public torch::nn::Module {
 public:
  Net() {
    register_module("first", torch::nn::Linear(1, 2));
    register_module("second", torch::nn::Linear(2, 1));
  }
};

/// Of AdamW after `steps`; "second" comes first in its file.
StoredWeights stored(std::int64_t steps) {
  StoredWeights weights;
  weights.where = "ddp.pt";
  weights.order = {"second.weight", "second.bias", "first.weight", "first.bias"};
  const Net net;
  weights.optimizer.emplace();
  auto& group = weights.optimizer->groups.emplace_back();
  group.options = {{"betas", {0.9, 0.999}}, {"eps", {1e-8}}, {"weight_decay", {0.1}}, {"amsgrad", {0}}};
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto& name = weights.order[static_cast<std::size_t>(i)];
    const auto value = net.named_parameters()[name].detach();
    weights.tensors[name] = value;
    group.members.push_back(i);
    weights.optimizer->state[i] = {{"exp_avg", at::full_like(value, static_cast<double>(i))},
                                   {"exp_avg_sq", at::full_like(value, 10.0 + static_cast<double>(i))},
                                   {"step", at::scalar_tensor(steps, at::kFloat)}};
  }
  return weights;
}

OptimizerConfig optimizer(const std::string& yaml) {
  OptimizerConfig config;
  config::YamlDocument::from_text(yaml, "test").read([&](config::Visitor& v) { config.describe(v); });
  return config;
}
const char* const kAdamw = "{type: adamw, weight_decay: 0.1}";

NamedTensors state_of(const StoredWeights& weights, const std::string& yaml = kAdamw) {
  const Net net;
  return optimizer_state(weights, fit_weights(weights, {}, nullptr, net), optimizer(yaml), net);
}

std::string refusal(const StoredWeights& weights, const std::string& yaml = kAdamw) {
  try {
    state_of(weights, yaml);
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

void expect_part(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(TorchOptimizer, StateGoesByTheOrderOfTheFile) {
  const auto state = state_of(stored(5));
  EXPECT_EQ(state.size(), 8U);
  EXPECT_EQ(state.at("exp_avg/second.weight")[0][0].item<double>(), 0);
  EXPECT_EQ(state.at("exp_avg/first.bias")[0].item<double>(), 3);
  EXPECT_EQ(state.at("exp_avg_sq/first.weight")[1][0].item<double>(), 12);
  EXPECT_EQ(steps_done(stored(5)), 5);
}

TEST(TorchOptimizer, NamesOfGroupsCount) {
  auto weights = stored(5);
  auto& groups = weights.optimizer->groups;
  auto bias = groups[0];
  groups[0].members = {0, 1};
  groups[0].names = {"module.first.weight", "module.second.weight"};
  bias.members = {2, 3};
  bias.names = {"module.first.bias", "module.second.bias"};
  groups.push_back(bias);
  const auto by_file = weights.optimizer->state;  // second.weight, second.bias, first.weight, first.bias
  weights.optimizer->state[0] = by_file.at(2);
  weights.optimizer->state[1] = by_file.at(0);
  weights.optimizer->state[2] = by_file.at(3);
  weights.optimizer->state[3] = by_file.at(1);
  const auto state = state_of(weights);
  EXPECT_EQ(state.at("exp_avg/first.weight")[0][0].item<double>(), 2);
  EXPECT_EQ(state.at("exp_avg/second.weight")[0][0].item<double>(), 0);
  EXPECT_EQ(state.at("exp_avg/first.bias")[0].item<double>(), 3);
  EXPECT_EQ(state.at("exp_avg/second.bias")[0].item<double>(), 1);
}

/// Which is which is not guessed.
TEST(TorchOptimizer, SeveralGroupsWithoutNames) {
  auto weights = stored(5);
  auto& groups = weights.optimizer->groups;
  groups.push_back(groups[0]);
  groups[0].members = {0, 1};
  groups[1].members = {2, 3};
  expect_part(refusal(weights), "4 parameters in 2 groups");
  expect_part(refusal(weights), "param_names");
  groups.pop_back();
  expect_part(refusal(weights), "2 parameters in 1 groups, the weights have 4");
}

TEST(TorchOptimizer, WhoSatOut) {
  auto weights = stored(5);
  weights.step = 8;
  weights.optimizer->state[3]["step"] = at::scalar_tensor(2, at::kFloat);
  weights.optimizer->state.erase(1);
  const auto state = state_of(weights);
  EXPECT_EQ(state.at("skipped_steps/second.weight").item<std::int64_t>(), 3);
  EXPECT_EQ(state.at("skipped_steps/first.bias").item<std::int64_t>(), 6);
  EXPECT_EQ(state.at("skipped_steps/second.bias").item<std::int64_t>(), 8);
  EXPECT_EQ(state.at("exp_avg/second.bias").abs().sum().item<double>(), 0);
  weights.step = 4;
  expect_part(refusal(weights), "was updated 5 times in 4 steps");
}

TEST(TorchOptimizer, OtherArithmeticIsRefused) {
  auto weights = stored(5);
  weights.optimizer->groups[0].options["betas"] = {0.9, 0.95};
  weights.optimizer->groups[0].options["amsgrad"] = {1};
  weights.optimizer->state[0]["max_exp_avg_sq"] = at::ones({1, 2});
  weights.optimizer->state[2]["exp_avg"] = at::ones({1, 2});
  const auto text = refusal(weights);
  for (const char* part : {"betas is 0.9, 0.95 there, 0.9, 0.999 here", "amsgrad is 1 there, 0 here",
                           "max_exp_avg_sq, which adamw does not keep", "of 'first.weight' is [1, 2]"})
    expect_part(text, part);
  expect_part(refusal(stored(5), "{type: adamw, weight_decay: 0.2}"), "weight_decay is 0.1 there, 0.2 here");
  expect_part(refusal(stored(5), "{type: sgd, weight_decay: 0.1, momentum: 0.9}"),
              "exp_avg, which sgd does not keep");
}

TEST(TorchOptimizer, Momentum) {
  auto weights = stored(5);
  auto& group = weights.optimizer->groups[0];
  group.options = {{"momentum", {0.9}}, {"dampening", {0}}, {"nesterov", {0}}, {"weight_decay", {0}}};
  for (auto& [number, state] : weights.optimizer->state) state = {{"momentum_buffer", state.at("exp_avg")}};
  EXPECT_THROW(steps_done(weights), CheckpointError) << "nothing says how many";
  weights.step = 5;
  const auto state = state_of(weights, "{type: sgd, momentum: 0.9}");
  EXPECT_EQ(state.size(), 4U);
  EXPECT_EQ(state.at("momentum/first.bias")[0].item<double>(), 3);
  group.options["dampening"] = {0.5};
  expect_part(refusal(weights, "{type: sgd, momentum: 0.9}"), "dampening is 0.5 there, 0 here");
}

}  // namespace
}  // namespace ringtrain
