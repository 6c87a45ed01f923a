#include "models/resnet.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

Network small(const std::string& depth, const std::string& memory_format = "contiguous") {
  torch::manual_seed(3);
  ResnetKind kind;
  kind.depth = depth;
  kind.image = {1, 28, 28};
  kind.memory_format = memory_format;
  return kind.make({.features = 784, .outputs = 10});
}

TEST(Resnet, NamesAreTorchvisions) {
  const auto parameters = small("20")->named_parameters();
  for (const char* name :
       {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.2.bn2.weight",
        "layer2.0.downsample.0.weight", "layer3.0.downsample.1.bias", "fc.weight", "fc.bias"})
    EXPECT_TRUE(parameters.contains(name)) << name;
  EXPECT_FALSE(parameters.contains("layer1.0.downsample.0.weight"));
  EXPECT_FALSE(parameters.contains("layer4.0.conv1.weight"));
  const auto buffers = small("50")->named_buffers();
  EXPECT_TRUE(buffers.contains("layer4.2.bn3.running_var"));
  EXPECT_TRUE(buffers.contains("layer1.0.downsample.1.num_batches_tracked"));
}

TEST(Resnet, AnEmptyBatchHasNoAnswersInEvaluation) {
  const auto model = small("20");
  model->eval();
  EXPECT_EQ(model.forward(torch::zeros({0, 784})).sizes(), (std::vector<std::int64_t>{0, 10}));
}

TEST(Resnet, ChannelsLastComputesTheSame) {
  const auto one = small("20", "contiguous"), other = small("20", "channels_last");
  one->to(torch::kDouble);
  other->to(torch::kDouble);
  EXPECT_TRUE(
      other->named_parameters()["layer1.0.conv1.weight"].is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto x = torch::randn({5, 784}, torch::kDouble);
  const auto a = one.forward(x), b = other.forward(x);
  EXPECT_LE((a - b).abs().max().item<double>(), 1e-12);
  a.square().sum().backward();
  b.square().sum().backward();
  const auto theirs = other->named_parameters();
  for (const auto& item : one->named_parameters())
    EXPECT_TRUE(torch::allclose(item.value().grad(), theirs[item.key()].grad(), 1e-9, 1e-9)) << item.key();
}

/// He et al. 2015b: the deviation of a convolution's weights is sqrt(2 / (outputs · kernel area)).
TEST(Resnet, ConvolutionsStartByKaimingsFanOut) {
  const auto weight = small("18")->named_parameters()["layer3.1.conv2.weight"];
  EXPECT_NEAR(weight.std().item<double>(), std::sqrt(2.0 / (256 * 9)), 3e-4);
}

TEST(Resnet, AnImageThatTheDataDoesNotHaveIsRefused) {
  ResnetKind kind;
  try {
    kind.make({.features = 784, .outputs = 10});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("3×32×32 makes 3072 pixels, but the data has 784"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace ringtrain
