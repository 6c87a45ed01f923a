#include "trainer/setup/experiment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain {
namespace {

const std::string kCancer = std::string(RINGTRAIN_SOURCE_DIR) + "/configs/cancer.yaml";

Checkpoint checkpoint_of(const std::vector<std::string>& overrides = {}) {
  Checkpoint checkpoint;
  checkpoint.step = 70;
  checkpoint.config = RunConfig::load(kCancer, overrides).to_yaml();
  checkpoint.progress = {{kDataHash, "aa"}};
  return checkpoint;
}

std::vector<std::string> changed(const std::vector<std::string>& overrides, const std::string& hash = "aa",
                                 const Checkpoint& before = checkpoint_of()) {
  std::vector<std::string> paths;
  for (const auto& change : changed_settings(before, RunConfig::load(kCancer, overrides), hash))
    paths.push_back(change.path);
  return paths;
}

std::string refusal(const std::vector<std::string>& overrides, const std::vector<std::string>& allowed = {},
                    const std::string& hash = "aa") {
  try {
    require_same_experiment(changed_settings(checkpoint_of(), RunConfig::load(kCancer, overrides), hash),
                            allowed, "job/step-70");
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

TEST(Experiment, WhatOnlySaysHowLongAndWhereIsFree) {
  EXPECT_TRUE(
      changed({"trainer.epochs=99", "trainer.max_steps=500", "trainer.optimizer.lr=0.1",
               "trainer.schedule.type=constant", "trainer.log_every_steps=1", "trainer.checkpoint.keep=9",
               "trainer.checkpoint.every_steps=7", "trainer.watch.heartbeat_timeout=5", "comm.backend=mpi",
               "trainer.accumulate=2", "trainer.early_stopping.patience=3", "job_dir=elsewhere",
               "trainer.device=cpu", "data.prefetch_batches=2", "export.enabled=false", "name=other"})
          .empty());
}

TEST(Experiment, HowALanguageModelsLogitsAreComputedIsFree) {
  const auto file = std::string(RINGTRAIN_SOURCE_DIR) + "/configs/gpt_chars.yaml";
  Checkpoint before;
  before.config = RunConfig::load(file, {}).to_yaml();
  before.progress = nlohmann::json::object();
  EXPECT_TRUE(changed_settings(before,
                               RunConfig::load(file, {"model.pad_vocabulary=off", "task.chunked_loss=on",
                                                      "model.checkpoint_activations=true"}),
                               "")
                  .empty());
  EXPECT_EQ(changed_settings(before, RunConfig::load(file, {"model.layers=4"}), "").size(), 1u);
}

TEST(Experiment, WhatDecidesIsFound) {
  using Paths = std::vector<std::string>;
  for (const auto& [override, path] : std::vector<std::pair<std::string, std::string>>{
           {"seed=7", "seed"},
           {"data.split.stratify=false", "data.split.stratify"},
           {"data.normalize=minmax", "data.normalize"},
           {"data.missing.numeric=mean", "data.missing.numeric"},
           {"data.features.ignore=[mean_area]", "data.features.ignore"},
           {"data.target=mean_area", "data.target"},
           {"task.focal_gamma=2", "task.focal_gamma"},
           {"task.positive=malignant", "task.positive"},
           {"model.hidden=[8]", "model.hidden"},
           {"trainer.checkpoint.metric=f1", "trainer.checkpoint.metric"},
           {"trainer.global_batch_size=8", "trainer.global_batch_size"},
           {"trainer.optimizer.type=sgd", "trainer.optimizer.type"}})
    EXPECT_EQ(changed({override}), Paths{path}) << override;
  EXPECT_EQ(changed({}, "bb"), Paths{"data.train_file"});
  EXPECT_EQ(changed({"data.train_file=elsewhere/cancer.csv"}), Paths{});
}

TEST(Experiment, CallbacksDecideItAndMayBeAllowedToChange) {
  Checkpoint before = checkpoint_of();
  const std::string none = "  callbacks: []\n";
  const auto line = before.config.find(none);
  ASSERT_NE(line, std::string::npos);
  before.config.replace(line, none.size(), "  callbacks:\n    - type: counter\n      every: 3\n");
  const auto changes = changed_settings(before, RunConfig::load(kCancer, {}), "aa");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].path, "trainer.callbacks");
  EXPECT_EQ(changes[0].before, "[{type: counter, every: 3}]");
  EXPECT_THROW(require_same_experiment(changes, {}, ""), CheckpointError);
  EXPECT_NO_THROW(require_same_experiment(changes, {"trainer.callbacks"}, ""));
}

TEST(Experiment, AnOlderCheckpointIsAskedOnlyForWhatItHas) {
  Checkpoint old = checkpoint_of();
  old.progress = nlohmann::json::object();
  const auto line = old.config.find("  positive:");
  ASSERT_NE(line, std::string::npos);
  old.config.erase(line, old.config.find('\n', line) + 1 - line);
  EXPECT_TRUE(changed({"task.positive=malignant"}, "bb", old).empty());
}

TEST(Experiment, AllDifferencesAreNamedWithBothValuesAndTheOption) {
  const auto text =
      refusal({"seed=7", "data.split.train=0.5", "data.split.test=0.3", "data.normalize=none"}, {}, "bb");
  for (const char* part : {"job/step-70 is of another experiment", "seed: 3 in the checkpoint, 7 now",
                           "data.split.train: 0.6 in the "
                           "checkpoint, 0.5 now",
                           "data.split.test: 0.2 in the checkpoint, 0.3 now",
                           "data.normalize: standard in the checkpoint, none now (the checkpoint's "
                           "preprocessing follows from it)",
                           "data.train_file: content with the hash aa in the checkpoint, bb now",
                           "--allow-changes seed,data.split.train,data.split.test,data.train_file"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

TEST(Experiment, WhatIsAllowedIsTaken) {
  EXPECT_EQ(refusal({"seed=7", "data.split.train=0.5", "data.split.test=0.3"}, {"seed", "data.split"}), "");
  EXPECT_EQ(refusal({}, {"data.train_file"}, "bb"), "");
  EXPECT_NE(refusal({"seed=7"}, {"data.split"}), "");
  EXPECT_NE(refusal({"task.type=classification"}, {"task"}).find("task.type"), std::string::npos);
  EXPECT_THROW(require_same_experiment({}, {"sed"}, ""), ConfigError);
  EXPECT_THROW(require_same_experiment({}, {"data.target"}, ""), ConfigError);
}

TEST(Experiment, ABestValueOfOtherDataIsForgotten) {
  EXPECT_TRUE(changes_what_is_best({{"data.split.train", "", ""}}));
  EXPECT_TRUE(changes_what_is_best({{"trainer.checkpoint.metric", "", ""}}));
  EXPECT_FALSE(changes_what_is_best({{"model.dropout", "", ""}, {"trainer.global_batch_size", "", ""}}));
}

TEST(Experiment, WhatHasNoEffectAnyMoreIsSaid) {
  const auto said = settings_without_effect(
      checkpoint_of(),
      RunConfig::load(kCancer, {"trainer.start_from=a/step-1", "trainer.checkpoint.at_start=true"}));
  ASSERT_EQ(said.size(), 2u);
  EXPECT_NE(said[0].find("trainer.start_from: a/step-1 has no effect"), std::string::npos) << said[0];
  const std::vector<std::string> same{"trainer.start_from=a/step-1", "trainer.checkpoint.at_start=true"};
  EXPECT_TRUE(settings_without_effect(checkpoint_of(same), RunConfig::load(kCancer, same)).empty());
}

/// Where a run's first weights came from is no part of what it is when it goes on.
TEST(Experiment, FirstWeightsMayGo) {
  const auto now = RunConfig::load(kCancer, {"model.weights.from=a.pt"});
  EXPECT_TRUE(changed({"model.weights.from=a.pt"}).empty());
  const auto said = settings_without_effect(checkpoint_of(), now);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("model.weights.from: a.pt has no effect"), std::string::npos) << said[0];
}

}  // namespace
}  // namespace ringtrain
