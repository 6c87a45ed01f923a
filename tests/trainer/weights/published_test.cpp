/// Weights as PyPI's own Python code made them give its outputs and gradients (make_fixtures.py).

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "models/gpt.h"
#include "models/resnet.h"
#include "models/resnet_blocks.h"
#include "trainer/weights/weight_fit.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(RINGTRAIN_SOURCE_DIR) / "tests/trainer/weights/fixtures";

NamedTensors fixture(const char* name) { return read_safetensors(read_file(kFixtures / name), name); }

double difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e300;
}

GptKind gpt() {
  GptKind kind;
  kind.layers = kind.heads = 2;
  kind.width = 8;
  kind.context = 6;
  kind.dropout = 0.25;
  return kind;
}

class Gpt2 : public ::testing::TestWithParam<const char*> {};

TEST_P(Gpt2, AnswersAsTransformersDoes) {
  const auto kind = gpt();
  const auto network = kind.make({0, 11});
  network->to(at::kDouble);
  network->eval();
  const auto stored = read_stored_weights(kFixtures / GetParam());
  const auto form = kind.published();
  const auto fitted = fit_weights(stored, {}, form.get(), *network);
  EXPECT_EQ(fitted.told.size(), 1U);
  take_weights(fitted, *network);

  const auto answers = fixture("gpt2_answers.safetensors");
  const auto& tokens = answers.at("tokens");
  const auto logits = network.forward(Fields(tokens));
  EXPECT_LE(difference(logits, answers.at("logits")), 1e-9);
  torch::nn::functional::cross_entropy(logits.narrow(1, 0, 5).flatten(0, 1), tokens.narrow(1, 1, 5).flatten())
      .backward();
  int compared = 0;
  for (const auto& item : network->named_parameters()) {
    const auto name = "gradient/transformer." + item.key();
    auto expected = answers.at(name);
    if (fitted.places.at("transformer." + item.key()).transposed) expected = expected.t();
    EXPECT_LE(difference(item.value().grad(), expected), 1e-9) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 28);
}
INSTANTIATE_TEST_SUITE_P(Forms, Gpt2, ::testing::Values("gpt2", "gpt2_old.pt"));

TEST(Gpt2Published, WrittenAsTransformersWroteIt) {
  const auto stored = fixture("gpt2/model.safetensors");
  const auto kind = gpt();
  const auto network = kind.make({0, 11});
  network->to(at::kDouble);
  const auto form = kind.published();
  StoredWeights from;
  from.tensors = stored;
  take_weights(fit_weights(from, {}, form.get(), *network), *network);
  NamedTensors own;
  for (const auto& item : network->named_parameters()) own[item.key()] = item.value().detach();
  const auto written = form->write(own);
  ASSERT_EQ(written.weights.size(), stored.size());
  for (const auto& [name, tensor] : stored) EXPECT_TRUE(at::equal(written.weights.at(name), tensor)) << name;
  const auto theirs = nlohmann::json::parse(read_file(kFixtures / "gpt2/config.json"));
  const auto config = nlohmann::json::parse(written.config);  // items() refers to it
  for (const auto& [key, value] : config.items())
    if (theirs.contains(key)) {
      EXPECT_EQ(theirs[key], value) << key;
    }
  EXPECT_TRUE(form->differences(written.config).empty());
}

/// A published model that computes something else with the same shapes.
TEST(Gpt2Published, OtherArithmeticIsTold) {
  auto kind = gpt();
  kind.heads = 4;
  const auto network = kind.make({0, 11});
  network->to(at::kDouble);
  const auto form = kind.published();
  try {
    fit_weights(read_stored_weights(kFixtures / "gpt2"), {}, form.get(), *network);
    FAIL() << "2 heads are not 4";
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("n_head is 2, here 4"), std::string::npos) << error.what();
  }
}

/// Linear maps that are [out, in], as nanoGPT's and ringtrain's own, stay as they are, the square one too.
TEST(Gpt2Published, TheLayoutIsSeen) {
  const auto kind = gpt();
  const auto network = kind.make({0, 11});
  StoredWeights stored;
  for (const auto& item : network->named_parameters())
    stored.tensors["transformer." + item.key()] = at::randn_like(item.value());
  stored.tensors["lm_head.weight"] = stored.tensors["transformer.wte.weight"];
  const auto form = kind.published();
  const auto fitted = fit_weights(stored, {}, form.get(), *network);
  for (const auto& [name, tensor] : fitted.tensors)
    EXPECT_TRUE(at::equal(tensor, stored.tensors.at("transformer." + name))) << name;
  stored.tensors["lm_head.weight"] = at::randn({11, 8});
  EXPECT_THROW(fit_weights(stored, {}, form.get(), *network), CheckpointError) << "a head of its own";
}

class Blocks : public ::testing::TestWithParam<const char*> {};

TEST_P(Blocks, ComputeAsTorchvisions) {
  const std::string name = GetParam();
  const auto answers = fixture("blocks.safetensors");
  const auto block = name == "basic" ? make_basic_block(3, 4, 2) : make_bottleneck(3, 2, 2);
  block->to(at::kDouble);
  block->train();
  StoredWeights stored;
  NamedTensors after;
  for (const auto& [key, tensor] : answers) {
    const auto before = name + "/before/", behind = name + "/after/";
    if (key.starts_with(before)) stored.tensors[key.substr(before.size())] = tensor;
    if (key.starts_with(behind)) after[key.substr(behind.size())] = tensor;
  }
  take_weights(fit_weights(stored, {}, nullptr, *block), *block);
  const auto y = block->forward(answers.at(name + "/x"));
  EXPECT_LE(difference(y, answers.at(name + "/y")), 1e-9);
  y.square().sum().backward();
  for (const auto& item : block->named_parameters()) {
    const auto& expected = answers.at(name + "/gradient/" + item.key());
    const double scale = expected.abs().max().item<double>();
    EXPECT_LE(difference(item.value().grad(), expected), 1e-9 * std::max(1.0, scale)) << item.key();
  }
  for (const auto& item : block->named_buffers())
    EXPECT_LE(difference(item.value(), after.at(item.key())), 1e-9) << item.key();
}
INSTANTIATE_TEST_SUITE_P(Both, Blocks, ::testing::Values("basic", "bottleneck"));

/// So a checkpoint goes into torchvision's model by load_state_dict, and torchvision's weights come here.
TEST(Resnets, HaveTorchvisionsNamesAndShapes) {
  const auto theirs = nlohmann::json::parse(read_file(kFixtures / "resnets.json"));
  for (const char* depth : {"18", "50"}) {
    ResnetKind kind;
    kind.depth = depth;
    kind.image = {3, 32, 32};
    const auto network = kind.make({3072, 1000});
    nlohmann::json ours = nlohmann::json::object();
    for (const auto& item : network->named_parameters()) ours[item.key()] = item.value().sizes().vec();
    for (const auto& item : network->named_buffers()) ours[item.key()] = item.value().sizes().vec();
    EXPECT_EQ(ours, theirs["resnet" + std::string(depth)]) << depth;
  }
}

}  // namespace
}  // namespace ringtrain
