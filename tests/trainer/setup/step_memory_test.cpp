#include "trainer/setup/step_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/errors.h"
#include "models/gpt.h"
#include "models/resnet.h"
#include "tests/trainer/tasks/task_of.h"

namespace ringtrain {
namespace {

struct Tokens : Dataset {
  std::int64_t size() const override { return 100; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    const auto inputs = (rows.unsqueeze(1) + at::arange(64) * 7).remainder(50);
    return {inputs, (inputs * 3).remainder(50), rows};
  }
};

struct Images : Dataset {
  std::int64_t size() const override { return 100; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    return {(rows.unsqueeze(1) * 0.7 + at::arange(3 * 64) * 1.3).sin().to(at::kFloat), rows.remainder(3),
            rows};
  }
};

RunConfig gpt(bool checkpoints, std::int64_t batch) {
  const std::vector<std::string> settings{
      "model.checkpoint_activations=" + std::string(checkpoints ? "true" : "false"),
      "trainer.global_batch_size=" + std::to_string(batch)};
  return RunConfig::load(std::string(RINGTRAIN_SOURCE_DIR) + "/configs/gpt_chars.yaml", settings);
}

StepMemory of_gpt(const RunConfig& config, int ranks = 1) {
  Replica replica = make_replica(config, {.outputs = 50}, "cpu");
  const auto task = config.task.kind().make({.vocabulary = 50});
  return predict_step_memory(config, *task, replica, Tokens(), at::kCPU, ranks).value();
}

TEST(StepMemory, GrowsWithThePieceOfARank) {
  const auto one = of_gpt(gpt(false, 8)), two = of_gpt(gpt(false, 16), 2), large = of_gpt(gpt(false, 48));
  EXPECT_EQ(one.samples, 8);
  EXPECT_EQ(two.activations, one.activations);
  EXPECT_GT(large.activations, 5 * one.activations);
  EXPECT_EQ(one.gradients, one.parameters);
  EXPECT_EQ(one.optimizer, 2 * one.parameters);
  EXPECT_EQ(one.copies, 0);
  EXPECT_EQ(large.total(), 4 * large.parameters + large.activations);
  EXPECT_NE(one.text().find("activations of 8 samples"), std::string::npos) << one.text();
}

TEST(StepMemory, IsLessWithCheckpointedActivations) {
  EXPECT_LT(of_gpt(gpt(true, 32)).activations, 0.6 * static_cast<double>(of_gpt(gpt(false, 32)).activations));
}

TEST(StepMemory, IsTheOneThatAStepTakes) {
  // What it says for three samples is what it has measured; here for 24, which it has not.
  const auto predicted = of_gpt(gpt(false, 24));
  RunConfig config = gpt(false, 3);
  Replica replica = make_replica(config, {.outputs = 50}, "cpu");
  const auto task = config.task.kind().make({.vocabulary = 50});
  struct Many : Tokens {
    Batch read(const std::vector<std::int64_t>& indices) const override {
      std::vector<std::int64_t> many;
      for (int i = 0; i < 8; ++i) many.insert(many.end(), indices.begin(), indices.end());
      return Tokens::read(many);
    }
  };
  // Three samples of `Many` are 24.
  const auto measured = predict_step_memory(config, *task, replica, Many(), at::kCPU, 1).value();
  EXPECT_NEAR(static_cast<double>(predicted.activations) / static_cast<double>(measured.activations), 1,
              0.05);
}

TEST(StepMemory, LeavesTheReplicaAsItIs) {
  RunConfig config;
  auto kind = std::make_shared<ResnetKind>();
  kind->image = {3, 8, 8};
  Replica replica;
  torch::manual_seed(1);
  replica.model = kind->make({.features = 192, .outputs = 3});
  replica.parameters = std::make_unique<FlatParameters>(*replica.model);
  replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters);
  config.task.type = "classification";
  const auto task = test::three_classes();
  std::vector<at::Tensor> before;
  for (const auto& tensor : replica.model->parameters()) before.push_back(tensor.detach().clone());
  for (const auto& tensor : replica.model->buffers()) before.push_back(tensor.clone());
  ASSERT_TRUE(predict_step_memory(config, *task, replica, Images(), at::kCPU, 1));
  auto after = replica.model->parameters();
  for (const auto& tensor : replica.model->buffers()) after.push_back(tensor);
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(after[i], before[i])) << i;
  for (const auto& group : replica.parameters->groups())
    EXPECT_EQ(group.gradients.abs().sum().item<double>(), 0);
}

TEST(StepMemory, IsNotKnownWhereTheModelCannotTakeAFew) {
  struct Wide : Images {
    Batch read(const std::vector<std::int64_t>& indices) const override {
      Batch batch = Images::read(indices);
      batch.inputs = at::zeros({batch.size(), 7});
      return batch;
    }
  };
  RunConfig config;
  config.task.type = "classification";
  Replica replica = make_replica(config, {.features = 192, .outputs = 3}, "cpu");
  const auto task = test::three_classes();
  EXPECT_FALSE(predict_step_memory(config, *task, replica, Wide(), at::kCPU, 1));
  EXPECT_TRUE(predict_step_memory(config, *task, replica, Images(), at::kCPU, 1));
}

}  // namespace
}  // namespace ringtrain
