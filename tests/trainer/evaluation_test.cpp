#include "trainer/evaluation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "comm/backends.h"
#include "common/errors.h"
#include "data/order/share.h"
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
      const Range share = even_share(count, control.rank(), ranks);
      ASSERT_EQ(found.rows.size(), static_cast<std::size_t>(share.size())) << "nothing is gathered";
      EXPECT_EQ(found.total(), count);
      for (std::size_t i = 0; i < found.rows.size(); ++i) {
        const auto row = share.begin + static_cast<std::int64_t>(i);
        ASSERT_EQ(found.rows[i], row + 100);
        ASSERT_EQ(found.targets[i], static_cast<double>(row % 3));
      }
    });
}

/// What a task of one's own computes metrics with.
TEST(Evaluation, SumsAndCountsGoOverTheRowsOfAllRanks) {
  for (const int ranks : {1, 2, 5})
    run_as_threads(ranks, [&](Communicator& control) {
      Evaluation answers;
      answers.holders = Holders(control);
      const Range share = even_share(4, control.rank(), ranks);
      for (auto i = share.begin; i < share.end; ++i) {
        answers.scores.push_back(i == 3 ? -1e17 : i == 0 ? 1e17 : 0.1);
        answers.targets.push_back(static_cast<double>(i));
      }
      const auto score = [&](std::size_t row) { return answers.scores[row]; };
      EXPECT_EQ(answers.total(), 4);
      EXPECT_EQ(answers.sum(score), 0.2) << "in any order another sum rounds it away";
      EXPECT_EQ(answers.mean(score), 0.05);
      EXPECT_EQ(answers.count([&](std::size_t row) { return answers.targets[row] >= 1; }), 3);
      const auto fails_at_three = [&](std::size_t row) {
        if (answers.targets[row] == 3) throw DataError("row 3 is bad");
        return 0.0;
      };
      EXPECT_THROW(answers.mean(fails_at_three), Error) << "on each rank";
      const Evaluation none{.holders = Holders(control)};
      EXPECT_TRUE(std::isnan(none.mean(score)));
      EXPECT_EQ(none.sum(score), 0);
    });
}

}  // namespace
}  // namespace ringtrain
