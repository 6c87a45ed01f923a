#include "trainer/optimizer/parameter_groups.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include "common/errors.h"
#include "trainer/optimizer/optimizer.h"

namespace ringtrain {
namespace {

struct Net : torch::nn::Module {
  Net() : Module("Net") {
    first = register_module("first", torch::nn::Linear(3, 4));
    norm = register_module("norm", torch::nn::Linear(4, 4));
    const auto tied = register_module("tied", std::make_shared<torch::nn::Module>("Tied"));
    tied->register_parameter("weight", first->weight);
    tied->register_parameter("bias", torch::zeros({4}));
  }
  torch::nn::Linear first{nullptr}, norm{nullptr};
};

OptimizerConfig config_of(std::vector<ParameterGroupConfig> groups) {
  OptimizerConfig config;
  config.groups = std::move(groups);
  return config;
}

std::string problem_of(std::vector<ParameterGroupConfig> groups, std::int64_t step = 0) {
  const auto config = config_of(std::move(groups));
  try {
    ParameterGroups(config, Net(), step);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ParameterGroups, TheFirstMatchCounts) {
  const auto config = config_of(
      {{.match = {"*.bias", "norm.*"}, .weight_decay = 0}, {.match = {"*.weight"}, .lr_scale = 0.5}});
  const ParameterGroups groups(config, Net(), 0);
  EXPECT_EQ(groups.kind_of("first.bias"), 1U);
  EXPECT_EQ(groups.kind_of("norm.weight"), 1U);
  EXPECT_EQ(groups.kind_of("first.weight"), 2U);
  EXPECT_EQ(groups.lines(), (std::vector<std::string>{
                                "group 1 (*.bias, norm.*): 4 parameters, 28 numbers, weight_decay 0",
                                "group 2 (*.weight): 1 parameters, 12 numbers, learning rate times 0.5"}));
}

TEST(ParameterGroups, WhatMatchesNothingIsAnError) {
  const auto text = problem_of({{.match = {"*.bias", "nrom.*"}}, {.match = {"backbone.*"}}});
  EXPECT_NE(text.find("trainer.optimizer.groups[0].match: no parameter matches 'nrom.*'"), std::string::npos)
      << text;
  EXPECT_NE(text.find("trainer.optimizer.groups[1].match: no parameter matches 'backbone.*'"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("the model's parameters are: first.weight, first.bias"), std::string::npos) << text;
  EXPECT_NE(problem_of({{.match = {"*"}}, {.match = {"*.bias"}}}).find("belong to groups before it"),
            std::string::npos);
  EXPECT_NE(problem_of({{.match = {"*"}, .freeze = true}}).find("nothing is left to be trained"),
            std::string::npos);
  EXPECT_NE(problem_of({{.match = {"*"}, .freeze_until = 5}}).find("at step 0 every parameter"),
            std::string::npos);
  EXPECT_EQ(problem_of({{.match = {"*"}, .freeze_until = 5}}, 5), "");
}

TEST(ParameterGroups, AreFrozenForATime) {
  const auto config =
      config_of({{.match = {"first.*"}, .freeze = true}, {.match = {"norm.*"}, .freeze_until = 7}});
  const auto frozen = [&config](std::int64_t step) {
    Net net;
    const ParameterGroups groups(config, net, step);
    groups.freeze(net);
    std::vector<bool> asks;
    for (const auto& parameter : net.parameters()) asks.push_back(!parameter.requires_grad());
    return asks;
  };
  // first.weight, first.bias, norm.weight, norm.bias, tied.weight (the first's), tied.bias
  EXPECT_EQ(frozen(6), (std::vector<bool>{true, true, true, true, true, false}));
  EXPECT_EQ(frozen(7), (std::vector<bool>{true, true, false, false, true, false}));
  const Net net;
  EXPECT_EQ(ParameterGroups(config, net, 0).until(), 7);
  EXPECT_EQ(ParameterGroups(config, net, 7).until(), std::nullopt);
}

TEST(ParameterGroups, EachHasAFlatTensorOfItsOwn) {
  Net net;
  const auto config = config_of({{.match = {"*.bias"}, .weight_decay = 0}});
  const ParameterGroups groups(config, net, 0);
  FlatParameters flat(net, [&groups](const std::string& name) { return groups.kind_of(name); });
  ASSERT_EQ(flat.groups().size(), 2U);
  for (const auto& entry : flat.entries())
    EXPECT_EQ(flat.groups()[entry.group].kind, entry.name.ends_with(".bias") ? 1U : 0U) << entry.name;
  const auto optimizer = make_optimizer(config, flat);
  EXPECT_EQ(optimizer->rates(0.5), (std::vector<double>{0.5, 0.5}));
}

}  // namespace
}  // namespace ringtrain
