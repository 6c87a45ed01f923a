#include "comm/averaging/flat_parameters.h"

#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

struct Net : torch::nn::Module {
  Net() {
    first = register_module("first", torch::nn::Linear(3, 5));
    convolution = register_module("convolution", torch::nn::Conv2d(2, 4, 3));
    frozen = register_parameter("frozen", torch::ones({7}));
    frozen.set_requires_grad(false);
    tied = register_parameter("tied", first->weight);
    wide = register_parameter("wide", torch::ones({3}, torch::kDouble));
  }
  torch::nn::Linear first{nullptr};
  torch::nn::Conv2d convolution{nullptr};
  torch::Tensor frozen, tied, wide;
};

TEST(FlatParameters, KeepsNamesShapesStridesAndValues) {
  torch::manual_seed(1);
  Net net;
  {
    const torch::NoGradGuard no_grad;
    net.convolution->weight.set_data(net.convolution->weight.contiguous(at::MemoryFormat::ChannelsLast));
  }
  std::map<std::string, at::Tensor> before;
  std::map<std::string, std::vector<std::int64_t>> strides;
  for (const auto& item : net.named_parameters()) {
    before[item.key()] = item.value().detach().clone();
    strides[item.key()] = item.value().strides().vec();
  }
  const FlatParameters flat(net);
  for (const auto& item : net.named_parameters()) {
    EXPECT_TRUE(at::equal(item.value(), before[item.key()])) << item.key();
    EXPECT_EQ(item.value().strides().vec(), strides[item.key()]) << item.key();
  }
  // float and double apart; the tied one once; the frozen one not at all
  ASSERT_EQ(flat.groups().size(), 2u);
  EXPECT_EQ(flat.entries().size(), 5u);
  EXPECT_EQ(flat.numel(), 15 + 5 + 72 + 4 + 3);
}

TEST(FlatParameters, ParametersAreAlignedViewsInReverseOrder) {
  Net net;
  const FlatParameters flat(net);
  EXPECT_EQ(flat.entries().front().name, "convolution.bias");  // a module lists its own parameters first
  for (const auto& entry : flat.entries()) {
    const auto& group = flat.groups()[entry.group];
    EXPECT_EQ(entry.offset * group.values.element_size() % 64, 0);
    EXPECT_EQ(
        static_cast<const char*>(entry.parameter.const_data_ptr()),
        static_cast<const char*>(group.values.const_data_ptr()) + entry.offset * group.values.element_size());
  }
}

TEST(FlatParameters, BackwardAccumulatesInTheFlatGradients) {
  torch::nn::Linear layer(3, 2);
  FlatParameters flat(*layer);
  flat.zero_gradients();
  const auto input = torch::ones({4, 3});
  layer(input).sum().backward();
  layer(input).sum().backward();
  const auto views = flat.views(flat.groups()[0].gradients, 0);
  EXPECT_TRUE(at::equal(views.at("weight"), torch::full({2, 3}, 8.0)));
  EXPECT_TRUE(at::equal(views.at("bias"), torch::full({2}, 8.0)));
  EXPECT_EQ(flat.repair_gradients(), 0);
}

TEST(FlatParameters, RepairsWhatZeroGradBreaks) {
  torch::nn::Linear layer(3, 2);
  FlatParameters flat(*layer);
  flat.groups()[0].gradients.fill_(9);
  layer->zero_grad(/*set_to_none=*/true);
  layer->weight.mutable_grad() = torch::full({2, 3}, 5.0);  // the bias gets none
  EXPECT_EQ(flat.repair_gradients(), 2);
  const auto views = flat.views(flat.groups()[0].gradients, 0);
  EXPECT_TRUE(at::equal(views.at("weight"), torch::full({2, 3}, 5.0)));
  EXPECT_TRUE(at::equal(views.at("bias"), torch::zeros({2})));
  EXPECT_TRUE(layer->weight.grad().is_alias_of(flat.groups()[0].gradients));
}

TEST(FlatParameters, ASparseGradientIsRefusedByName) {
  torch::nn::Embedding embedding(torch::nn::EmbeddingOptions(10, 4).sparse(true));
  FlatParameters flat(*embedding);
  embedding->zero_grad(/*set_to_none=*/true);
  embedding(torch::tensor({1, 2})).sum().backward();
  try {
    flat.repair_gradients();
    FAIL() << "expected ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("parameter weight is sparse"), std::string::npos)
        << error.what();
  }
}

TEST(FlatParameters, AModuleWithoutParametersHasNoGroups) {
  const torch::nn::Dropout dropout;
  const FlatParameters flat(*dropout);
  EXPECT_TRUE(flat.groups().empty());
  EXPECT_EQ(flat.numel(), 0);
}

}  // namespace
}  // namespace ringtrain
