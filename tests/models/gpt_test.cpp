#include "models/gpt.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "common/errors.h"

namespace ringtrain {
namespace {

GptKind small() {
  GptKind kind;
  kind.layers = 3;
  kind.heads = 2;
  kind.width = 8;
  kind.context = 6;
  return kind;
}

Network make(const GptKind& kind, std::int64_t vocabulary = 11) {
  torch::manual_seed(5);
  return kind.make({.outputs = vocabulary});
}

TEST(Gpt, NamesAndShapes) {
  const auto parameters = make(small())->named_parameters();
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> expected{
      {"wte.weight", {11, 8}},
      {"wpe.weight", {6, 8}},
      {"h.0.ln_1.weight", {8}},
      {"h.0.ln_1.bias", {8}},
      {"h.0.attn.c_attn.weight", {24, 8}},
      {"h.0.attn.c_attn.bias", {24}},
      {"h.1.attn.c_proj.weight", {8, 8}},
      {"h.2.mlp.c_fc.weight", {32, 8}},
      {"h.2.mlp.c_proj.weight", {8, 32}},
      {"h.2.ln_2.bias", {8}},
      {"ln_f.weight", {8}}};
  for (const auto& [name, shape] : expected) {
    ASSERT_TRUE(parameters.contains(name)) << name;
    EXPECT_EQ(parameters[name].sizes(), shape) << name;
  }
  EXPECT_EQ(parameters.size(), 2U + 3 * 12 + 2);  // no output embedding of its own
}

TEST(Gpt, APositionDoesNotSeeWhatComesAfterIt) {
  const auto model = make(small());
  const auto tokens = torch::tensor({{1, 2, 3, 4, 5, 6}}, torch::kLong);
  auto changed = tokens.clone();
  changed[0][4] = 9;
  const auto before = model.forward(tokens), after = model.forward(changed);
  EXPECT_EQ(before.sizes(), (std::vector<std::int64_t>{1, 6, 11}));
  EXPECT_LE((before - after).narrow(1, 0, 4).abs().max().item<double>(), 1e-6);
  EXPECT_GT((before - after)[0][4].abs().max().item<double>(), 1e-4);
  // Fewer tokens than the context are fine too.
  EXPECT_LE((model.forward(tokens.narrow(1, 0, 3)) - before.narrow(1, 0, 3)).abs().max().item<double>(),
            1e-6);
}

TEST(Gpt, TheOutputEmbeddingIsTheInputs) {
  const auto model = make(small());
  model.forward(torch::tensor({{1, 2}}, torch::kLong)).sum().backward();
  // Token 7 is not read, so that its gradient comes from the output alone.
  EXPECT_GT(model->named_parameters()["wte.weight"].grad()[7].abs().sum().item<double>(), 0);
}

TEST(Gpt, WeightsStartAsThePaperSays) {
  auto kind = small();
  kind.layers = 8;
  kind.width = 64;
  const auto parameters = make(kind, 500)->named_parameters();
  EXPECT_NEAR(parameters["wte.weight"].std().item<double>(), 0.02, 5e-4);
  EXPECT_NEAR(parameters["h.3.mlp.c_fc.weight"].std().item<double>(), 0.02, 5e-4);
  EXPECT_NEAR(parameters["h.3.mlp.c_proj.weight"].std().item<double>(), 0.02 / 4, 2e-4);  // 1/√(2·8)
  EXPECT_NEAR(parameters["h.3.attn.c_proj.weight"].std().item<double>(), 0.02 / 4, 2e-4);
  EXPECT_EQ(parameters["h.3.attn.c_attn.bias"].abs().max().item<double>(), 0);
  EXPECT_EQ(parameters["h.3.ln_1.weight"].min().item<double>(), 1);
}

TEST(Gpt, DropoutActsInTrainingOnly) {
  auto kind = small();
  kind.dropout = 0.5;
  const auto model = make(kind);
  const auto tokens = torch::tensor({{1, 2, 3}}, torch::kLong);
  EXPECT_FALSE(torch::equal(model.forward(tokens), model.forward(tokens)));
  model->eval();
  EXPECT_TRUE(torch::equal(model.forward(tokens), model.forward(tokens)));
}

TEST(Gpt, HeadsMustDivideTheWidth) {
  auto kind = small();
  kind.heads = 3;
  EXPECT_THROW(make(kind), ConfigError);
}

}  // namespace
}  // namespace ringtrain
