// Whole runs of Trainer in this process, on one rank: what ends them, and what they choose on which part.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/common/temporary_folder.h"
#include "trainer/evaluation.h"
#include "trainer/trainer.h"

namespace ringtrain {
namespace {

/// Rows "x,y" with x evenly in [0, 1), of the class "b" above `border`.
std::string rows(int count, double border) {
  std::string text = "x,y\n";
  for (int i = 0; i < count; ++i) {
    const double x = static_cast<double>(i * 37 % count) / count;
    text += fmt::format("{},{}\n", x, x > border ? "b" : "a");
  }
  return text;
}

class Fit : public testing::Test {
 protected:
  Fit() {
    folder_.write("train.csv", rows(96, 0.5));
    folder_.write("validation.csv", rows(48, 0.7));
    folder_.write("test.csv", rows(48, 0.2));
    folder_.write("config.yaml", fmt::format(R"(
name: fit
job_dir: {0}/job
data: {{train_file: {0}/train.csv, target: y}}
model: {{type: linear}}
task: {{type: binary_classification}}
trainer:
  max_steps: 40
  epochs: 100
  global_batch_size: 16
  evaluate_every_steps: 2
  optimizer: {{type: sgd, lr: 0.05}}
)",
                                             folder_.path().string()));
  }

  /// On the files of the three parts.
  std::unique_ptr<Trainer> trainer(std::vector<std::string> set) {
    for (const char* part : {"validation", "test"})
      set.push_back(fmt::format("data.{0}_file={1}/{0}.csv", part, folder_.path().string()));
    return trainer_of(set);
  }
  std::unique_ptr<Trainer> trainer_of(const std::vector<std::string>& set) {
    StartOptions options;
    options.overwrite = true;
    return std::make_unique<Trainer>(world_, RunConfig::load((folder_.path() / "config.yaml").string(), set),
                                     options, signal_);
  }
  std::int64_t steps(const std::vector<std::string>& set) { return trainer(set)->fit().steps; }

  const test::TemporaryFolder folder_;
  World world_;
  const StopSignal signal_;
};

TEST_F(Fit, GoesToTheLastStepWithoutEarlyStopping) {
  EXPECT_EQ(steps({"trainer.optimizer.lr=1e-12", "trainer.checkpoint.metric=accuracy"}), 40);
}

TEST_F(Fit, EndsAfterSoManyEvaluationsWithoutABetterOne) {
  for (const int patience : {1, 3})
    EXPECT_EQ(steps({"trainer.optimizer.lr=1e-12", "trainer.checkpoint.metric=accuracy",
                     fmt::format("trainer.early_stopping.patience={}", patience)}),
              2 * (1 + patience));
}

TEST_F(Fit, BetterIsMoreThanMinDelta) {
  const std::string patience = "trainer.early_stopping.patience=3";
  EXPECT_EQ(steps({patience}), 40) << "the loss falls all the time";
  EXPECT_EQ(steps({patience, "trainer.early_stopping.min_delta=0.5"}), 8);
}

TEST_F(Fit, TheThresholdIsChosenOnTheValidationPart) {
  const auto run = trainer({"task.threshold=best_f1", "trainer.max_steps=300", "trainer.optimizer.lr=0.5"});
  const auto outcome = run->fit();
  const auto chosen_on = [&](const Dataset& part) {
    const auto config =
        RunConfig::load((folder_.path() / "config.yaml").string(), {"task.threshold=best_f1"});
    return config.task.kind()
        .choose_thresholds(
            evaluate(run->replica().model, run->task(), part, world_.control(), "cpu", std::nullopt))
        .at(0);
  };
  EXPECT_EQ(outcome.head.thresholds.at(0), chosen_on(*run->data().validation));
  EXPECT_GT(outcome.head.thresholds.at(0), chosen_on(*run->data().test) + 0.1);
  EXPECT_LT(outcome.test.get("f1"), 0.9) << "the test part's border is elsewhere";
}

TEST_F(Fit, TrainingGoesOnInTrainingModeAfterAnEvaluation) {
  // Dropout shows it: evaluations after each step, or after the last one, must not change what is learned.
  const std::vector<std::string> set{"model={type: mlp, hidden: [8], dropout: 0.5}", "trainer.max_steps=6",
                                     "export.from=last"};
  const auto weights = [&](const std::string& every) {
    auto with = set;
    with.push_back("trainer.evaluate_every_steps=" + every);
    const auto run = trainer(with);
    run->fit();
    return run->replica().parameters->groups()[0].values.clone();
  };
  EXPECT_TRUE(at::equal(weights("1"), weights("6")));
}

TEST_F(Fit, PreprocessingIsFittedOnTheRowsThatAreTrainedOn) {
  folder_.write("all.csv", rows(200, 0.5));
  const auto run = trainer_of({fmt::format("data.train_file={}", (folder_.path() / "all.csv").string()),
                               "data.split={train: 0.5, validation: 0.3, test: 0.2}"});
  std::vector<std::int64_t> all(static_cast<std::size_t>(run->data().train->size()));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const auto numbers = run->data().train->read(all).sample;
  const std::int64_t count = numbers.numel();
  ASSERT_NEAR(static_cast<double>(count), 100, 20);
  double mean = 0, next = 0;
  bool the_first_ones = true;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = numbers[i].item<std::int64_t>();
    mean += static_cast<double>(row * 37 % 200) / 200 / static_cast<double>(count);
    the_first_ones = the_first_ones && row < count;
  }
  for (std::int64_t i = 0; i < 200; ++i) next += static_cast<double>(i) / 200 / 200;
  EXPECT_FALSE(the_first_ones);
  EXPECT_GT(std::abs(mean - next), 1e-4) << "the whole file's mean is another";
  EXPECT_NEAR(run->data().preprocessing.numeric.at(0).shift, mean, 1e-6);
}

}  // namespace
}  // namespace ringtrain
