#include <gtest/gtest.h>

#include "models/gpt.h"
#include "models/resnet.h"

/// The published numbers of parameters.
namespace ringtrain {
namespace {

std::int64_t parameters(const Network& network) {
  std::int64_t count = 0;
  for (const auto& parameter : network->parameters()) count += parameter.numel();
  return count;
}

std::int64_t resnet_parameters(const std::string& depth, std::vector<std::int64_t> image,
                               std::int64_t classes) {
  ResnetKind kind;
  kind.depth = depth;
  kind.image = image;
  return parameters(kind.make({.features = image[0] * image[1] * image[2], .outputs = classes}));
}

TEST(ModelSizes, ResnetsHaveTorchvisionsNumberOfParameters) {
  EXPECT_EQ(resnet_parameters("18", {3, 224, 224}, 1000), 11'689'512);
  EXPECT_EQ(resnet_parameters("50", {3, 224, 224}, 1000), 25'557'032);
}

/// 269,722 with option A's shortcuts without parameters (the paper: 0.27M); the two projections add
/// 16·32 + 2·32 and 32·64 + 2·64.
TEST(ModelSizes, Resnet20) { EXPECT_EQ(resnet_parameters("20", {3, 32, 32}, 10), 269'722 + 576 + 2'176); }

TEST(ModelSizes, Gpt2HasThePublishedNumberOfParameters) {
  GptKind kind;
  kind.preset = "gpt2";
  const auto shape = kind.sequence().value();
  EXPECT_EQ(shape.context, 1024);
  EXPECT_EQ(shape.vocabulary, 50257);
  EXPECT_EQ(parameters(kind.make({.outputs = shape.vocabulary})), 124'439'808);
}

}  // namespace
}  // namespace ringtrain
