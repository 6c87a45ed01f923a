#include "trainer/run_config.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/errors.h"
#include "models/mlp.h"

namespace ringtrain {
namespace {

const std::string kConfigs = std::string(RINGTRAIN_SOURCE_DIR) + "/configs/";

std::string problems_of(const std::vector<std::string>& overrides) {
  try {
    RunConfig::load(kConfigs + "cancer.yaml", overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(RunConfig, ACopyHasOptionsOfItsOwn) {
  RunConfig first = RunConfig::load(std::string(RINGTRAIN_SOURCE_DIR) + "/configs/cancer.yaml", {});
  const RunConfig before = first;
  RunConfig other = first;
  for (const auto& kind : other.model.kinds)
    if (auto* mlp = dynamic_cast<MlpKind*>(kind.get())) mlp->hidden = {99};
  EXPECT_EQ(first.to_yaml(), before.to_yaml());
  EXPECT_NE(other.to_yaml(), before.to_yaml());
  first = other;
  EXPECT_EQ(first.to_yaml(), other.to_yaml());
}

TEST(RunConfig, EveryShippedConfigurationIsValid) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kConfigs)) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_NO_THROW(RunConfig::load(entry.path().string(), {})) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 3);
}

TEST(RunConfig, TaskDataAndModelMustFitEachOther) {
  const auto text = problems_of({"task.type=language_model"});
  EXPECT_NE(text.find("needs data.format: tokens"), std::string::npos) << text;
  EXPECT_NE(text.find("mlp does not read tokens; use model.type: gpt"), std::string::npos) << text;
  EXPECT_NE(
      text.find("roc_auc is not a metric of the task language_model; it has: loss, perplexity, accuracy"),
      std::string::npos)
      << text;
  EXPECT_NE(problems_of({"trainer.checkpoint.metric=perplexity"}).find("perplexity is not a metric"),
            std::string::npos);
}

TEST(RunConfig, SettingsWithoutEffectAreRefused) {
  const std::string sharded = "trainer.shard_optimizer=true", half = "comm.wire_dtype=bfloat16";
  for (const auto& [other, what] :
       std::vector<std::pair<std::string, std::string>>{{sharded, "not trainer.shard_optimizer: true"},
                                                        {"comm.algorithm=mpi", "not comm.algorithm: mpi"},
                                                        {"comm.backend=nccl", "not comm.backend: nccl"}}) {
    const auto text = problems_of({half, other});
    EXPECT_NE(text.find("wire_dtype: bfloat16 needs"), std::string::npos) << text;
    EXPECT_NE(text.find(what), std::string::npos) << text;
  }
  EXPECT_EQ(problems_of({half, "comm.algorithm=ring"}), "");
  EXPECT_NE(problems_of({sharded, "comm.overlap=on"}).find("overlap: with trainer.shard_optimizer"),
            std::string::npos);
  EXPECT_NE(problems_of({sharded, "comm.bucket_bytes='2048'"}).find("bucket_bytes: with"), std::string::npos);
}

TEST(RunConfig, TheResolvedTextGivesTheSameConfiguration) {
  for (const char* name :
       {"cancer.yaml", "fraud.yaml", "mnist.yaml", "mnist_resnet.yaml", "gpt_chars.yaml"}) {
    const auto text =
        RunConfig::load(kConfigs + name, {"trainer.optimizer.lr=0.0030000000000000001"}).to_yaml();
    EXPECT_EQ(RunConfig::from_text(text, "config.yaml").to_yaml(), text);
  }
}

TEST(RunConfig, DefaultsFollowTheName) {
  const auto config = RunConfig::load(kConfigs + "cancer.yaml", {"name=other"});
  EXPECT_EQ(config.job_dir, "jobs/other");
  EXPECT_EQ(config.export_.name, "other");
}

TEST(RunConfig, AllProblemsAreReportedAtOnce) {
  const auto text =
      problems_of({"trainer.optimizer.lr=-1", "trainer.epochs=ten", "model.type=mpl", "trainer.acumulate=2"});
  EXPECT_NE(text.find("trainer.optimizer.lr: expected a positive number, got -1"), std::string::npos) << text;
  EXPECT_NE(text.find("trainer.epochs: expected a whole number"), std::string::npos) << text;
  EXPECT_NE(text.find("Did you mean 'mlp'"), std::string::npos) << text;
  EXPECT_NE(text.find("Did you mean 'accumulate'"), std::string::npos) << text;
}

TEST(RunConfig, NoCallbackIsBuiltIn) {
  EXPECT_EQ(problems_of({"trainer.callbacks=[]"}), "");
  for (const auto& [entry, problem] : std::vector<std::pair<std::string, std::string>>{
           {"type: counter", "there is no callback 'counter'"}, {"", "missing"}})
    EXPECT_EQ(problems_of({"trainer.callbacks=[{" + entry + "}]"}),
              "trainer.callbacks[0].type: " + problem +
                  "; callbacks are brought by plugins or own programs (--set trainer.callbacks)");
}

TEST(RunConfig, RulesOverSeveralFields) {
  EXPECT_NE(problems_of({"data.split.test=0.5"}).find("add up to 1"), std::string::npos);
  EXPECT_NE(problems_of({"model.type=convnet", "model.hidden=8", "model.groups=3"}).find("does not divide"),
            std::string::npos);
  EXPECT_NE(problems_of({"trainer.checkpoint.metric=mae"}).find("not a metric of the task"),
            std::string::npos);
  for (const char* weights : {"[1, .inf]", "[1, inf]", "[1, 0]", "[1, nan]"})
    EXPECT_NE(problems_of({std::string("task.class_weights=") + weights}).find("a list of positive numbers"),
              std::string::npos)
        << weights;
  EXPECT_NE(problems_of({"name=../x"}).find("name: expected letters"), std::string::npos);
}

TEST(RunConfig, StepsAutoStandsAlone) {
  const std::string data = "data: {train_file: a.csv, target: y}\n";
  const auto run = RunConfig::from_text(data + "trainer: {steps: auto}\n", "a.yaml");
  EXPECT_EQ(run.trainer.steps, "auto");
  EXPECT_EQ(run.trainer.auto_steps, 0);
  for (const std::string field : {"epochs", "max_steps"}) {
    try {
      RunConfig::from_text(data + "trainer: {steps: auto, " + field + ": 5}\n", "a.yaml");
      ADD_FAILURE() << field;
    } catch (const ConfigError& error) {
      EXPECT_NE(
          std::string(error.what())
              .find("trainer." + field +
                    ": goes with steps: epochs; here steps is 'auto'. Set trainer.steps, or leave it out"),
          std::string::npos)
          << error.what();
    }
  }
}

TEST(RunConfig, WhatStepsAutoDecidedStandsInTheResolvedConfiguration) {
  auto run = RunConfig::from_text(
      "data: {train_file: a.csv, target: y}\ntrainer: {steps: auto, auto_seconds: 10}\n", "a.yaml");
  run.trainer.auto_steps = 777;
  const auto back = RunConfig::from_text(run.to_yaml(), "config.yaml");
  EXPECT_EQ(back.trainer.auto_steps, 777);
  EXPECT_EQ(back.trainer.auto_seconds, 10);
  EXPECT_EQ(back.to_yaml(), run.to_yaml());
}

TEST(RunConfig, SmoothedLabelsAndFocalLossExcludeEachOther) {
  EXPECT_EQ(problems_of({"task.label_smoothing=0.1"}), "");
  EXPECT_NE(problems_of({"task.label_smoothing=1"}).find("expected a number in [0, 1)"), std::string::npos);
  EXPECT_NE(problems_of({"task.label_smoothing=0.1", "task.focal_gamma=2"}).find("together with focal_gamma"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain
