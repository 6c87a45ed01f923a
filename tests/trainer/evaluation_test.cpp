#include "trainer/evaluation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "comm/backends.h"
#include "tests/trainer/tasks/task_of.h"
#include "trainer/step/replica.h"

namespace ringtrain {
namespace {

struct Samples : Dataset {
  explicit Samples(std::int64_t count) : count(count) {}
  std::int64_t size() const override { return count; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    return {(rows.unsqueeze(1) * 0.7 + at::arange(5)).sin().to(at::kFloat), rows.remainder(3), rows + 100};
  }
  std::int64_t count;
};

struct Model3 {
  Model3() {
    config.task.type = "classification";
    config.model = ModelConfig();
    config.model.type = "mlp";
    replica = make_replica(config, {.features = 5, .outputs = 3}, "cpu");
    task = test::three_classes();
  }
  RunConfig config;
  Replica replica;
  std::unique_ptr<Task> task;
};

TEST(Evaluation, LeavesTheModelInItsMode) {
  Model3 model;
  World world;
  for (const bool training : {true, false}) {
    model.replica.model->train(training);
    evaluate(model.replica.model, *model.task, Samples(10), world.control(), "cpu", std::nullopt);
    EXPECT_EQ(model.replica.model->is_training(), training);
  }
}

TEST(Evaluation, HasEveryRowOnceInOrderWithTheMeanLoss) {
  Model3 model;
  constexpr std::int64_t count = 1500;  // two batches on a rank alone
  const Samples samples(count);
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(i);
  const Batch batch = samples.read(all);
  model.replica.model->eval();
  at::Tensor logits;
  {
    const at::NoGradGuard no_grad;
    logits = model.replica.model.forward(batch.inputs);
  }
  const double loss = at::cross_entropy_loss(logits, batch.targets).item<double>();
  for (const int ranks : {1, 2, 3})
    run_as_threads(ranks, [&](Communicator& control) {
      Model3 mine;
      {
        const at::NoGradGuard no_grad;
        mine.replica.parameters->groups()[0].values.copy_(model.replica.parameters->groups()[0].values);
      }
      const auto found = evaluate(mine.replica.model, *mine.task, samples, control, "cpu", std::nullopt);
      EXPECT_NEAR(found.loss, loss, 1e-6);
      ASSERT_EQ(found.rows.size(), static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < found.rows.size(); ++i) {
        ASSERT_EQ(found.rows[i], static_cast<std::int64_t>(i) + 100);
        ASSERT_EQ(found.targets[i], static_cast<double>(i % 3));
      }
    });
}

}  // namespace
}  // namespace ringtrain
