// Data, a model and a task that ringtrain does not bring, each in one file beside this one, of kinds in a
// program's own catalogue: whole runs of Trainer.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <numeric>

#include "comm/agreement.h"
#include "data/order/sampler.h"
#include "tests/common/temporary_folder.h"
#include "tests/rank_test.h"
#include "tests/trainer/own/counts_data.h"
#include "tests/trainer/own/poisson_task.h"
#include "tests/trainer/own/sentence_model.h"
#include "tests/trainer/step/checked_recorder.h"
#include "trainer/trainer.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kSteps = 50, kBatch = 16, kSamples = 50, kWords = 20;
constexpr double kRate = 0.02, kDecay = 0.1;

StartOptions from(std::int64_t step) {
  StartOptions options;
  options.from_step = step;
  return options;
}

class OwnKinds : public testing::Test {
 protected:
  OwnKinds() {
    catalogue_.add(std::make_shared<test::CountsKind>());
    catalogue_.add(std::make_shared<test::SentenceKind>());
    catalogue_.add(std::make_shared<test::NothingKind>());
    catalogue_.add(std::make_shared<test::PoissonKind>());
    together(world_.control(), "making the configuration", [this] {
      if (world_.rank() != 0) return;
      own_.write("config.yaml",
                 fmt::format(R"(
name: counts
seed: 5
job_dir: {0}/job
data: {{format: counts, words: {1}, samples: {2}}}
model: {{type: sentence, width: 3}}
task: {{type: poisson}}
trainer:
  epochs: 1000
  max_steps: {3}
  global_batch_size: {4}
  evaluate_every_steps: 10
  precision: float64
  checkpoint: {{keep: 99, at_start: true, metric: mean_error}}
  optimizer: {{type: adamw, lr: {5}, weight_decay: {6}}}
export: {{enabled: false}}
)",
                             own_.path().string(), kWords, kSamples, kSteps, kBatch, kRate, kDecay));
    });
  }
  void TearDown() override { world_.control().barrier(); }

  RunConfig config(const std::vector<std::string>& set) const {
    return RunConfig::load(folder_ + "/config.yaml", set, catalogue_);
  }
  /// The weights at the end, by name.
  std::map<std::string, at::Tensor> run(const std::vector<std::string>& set = {},
                                        const StartOptions& options = {}) {
    Trainer trainer(world_, config(set), options, signal_);
    trainer.fit();
    std::map<std::string, at::Tensor> weights;
    for (const auto& item : trainer.replica().model->named_parameters())
      weights[item.key()] = item.value().detach().clone();
    return weights;
  }
  std::string error(const std::vector<std::string>& set) {
    try {
      StartOptions anew;
      anew.overwrite = true;
      run(set, anew);
    } catch (const Error& caught) {
      return caught.what();
    }
    return "nothing was thrown";
  }

  World& world_ = test_world();
  const test::TemporaryFolder own_;
  const std::string folder_ = broadcast_string(world_.control(), own_.path().string(), 0);
  Catalogue catalogue_ = Catalogue::built_in();
  StopSignal signal_;
};

/// The same, written as a loop of LibTorch's own on the joined batch.
TEST_F(OwnKinds, TrainAsAPlainLoopDoes) {
  const auto trained = run({"export.from=last"});
  ASSERT_EQ(trained.size(), 3U);
  test::Sentence peer(kWords, 3, 1);
  peer.to(at::kDouble);
  {
    Trainer start(world_, config({"trainer.max_steps=1"}), from(0), signal_);
    const torch::NoGradGuard no_grad;
    auto named = peer.named_parameters();
    for (const auto& item : start.replica().model->named_parameters()) named[item.key()].copy_(item.value());
  }
  torch::optim::AdamW optimizer(peer.parameters(), torch::optim::AdamWOptions(kRate).weight_decay(kDecay));
  const test::Counts samples(0, kSamples, kWords);
  Sampler sampler({.samples = kSamples, .global_batch_size = kBatch, .seed = 5});
  const std::int64_t per_epoch = (kSamples + kBatch - 1) / kBatch;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const Batch batch = samples.read(sampler.indices(step / per_epoch, step % per_epoch));
    const auto logs =
        peer.forward(batch.inputs.at("words"), batch.inputs.at("mask"), batch.inputs.at("numbers"))
            .squeeze(1);
    const auto loss = (logs.exp() - batch.targets.only() * logs).mean();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  for (const auto& item : peer.named_parameters())
    EXPECT_LT((item.value() - trained.at(item.key())).abs().max().item<double>(), 1e-9) << item.key();
}

TEST_F(OwnKinds, GoOnFromTheMiddleWithTheSameBits) {
  const auto whole = run({"export.from=last"});
  const auto resumed = run({"export.from=last"}, from(20));
  for (const auto& [name, value] : whole) EXPECT_TRUE(torch::equal(value, resumed.at(name))) << name;
}

/// Batches as wide as their longest sentence: a recorded step takes those of its own shape alone.
TEST_F(OwnKinds, ABatchOfAnotherShapeIsNotReplayed) {
  const std::vector<std::string> set{"trainer.precision=float32", "trainer.global_batch_size=6",
                                     "trainer.max_steps=40", "export.from=last"};
  const auto plain = run(set);
  test::CheckedRecorder recorder;
  StartOptions options;
  options.overwrite = true;
  options.recorder = recorder.recorder();
  const auto recorded = run(set, options);
  EXPECT_EQ(recorder.recorded, 1);
  EXPECT_GT(recorder.replayed, 0);
  EXPECT_LT(recorder.replayed, 37);
  for (const auto& [name, value] : plain) EXPECT_TRUE(torch::equal(value, recorded.at(name))) << name;
}

TEST_F(OwnKinds, WhatDoesNotFitIsSaidBeforeTheFirstStep) {
  const auto says = [&](const std::vector<std::string>& set, const std::string& part) {
    const auto text = error(set);
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  says({"model.outputs=3"}, "the model gives outputs of the shape [2, 3] for 2 samples of words [2, ");
  says({"model={type: nothing}"}, "the model has no parameters");
  says({"model={type: mlp}"}, "3 tensors here (words, mask, numbers), where one is wanted");
  says({"export.enabled=true"}, "a model of data.format: counts cannot be exported");
  says({"export.enabled=true", "data.exportable=true"},
       "the data give several tensors (words [2, 2], mask [2, 2], numbers [2, 2]), but no signature");
  says(
      {"data.fixed=true"},
      "the data's batches are not what their signature says: input 'words': expected int64 [2, 5], got int64 "
      "[2, 2]; input 'mask': expected float64 [2, 5], got float64 [2, 2]. Make them with collate");
  says({"task.type=poison"}, "Did you mean 'poisson'?");
  says({"data.wrods=3"}, "data.wrods");
}

TEST_F(OwnKinds, AMetricThatIsNoNumberChoosesNoBestCheckpoint) {
  Trainer trainer(world_, config({"task.nan=true", "trainer.max_steps=10"}), {}, signal_);
  const auto outcome = trainer.fit();
  EXPECT_EQ(outcome.exported_step, 10);
  ASSERT_FALSE(outcome.advice.empty());
  bool told = false;
  for (const auto& sentence : outcome.advice)
    told =
        told || sentence.find("validation mean_error was undefined in every evaluation") != std::string::npos;
  EXPECT_TRUE(told);
}

TEST(Catalogue, ANameIsTakenOnce) {
  auto catalogue = Catalogue::built_in();
  catalogue.add(std::make_shared<test::PoissonKind>());
  EXPECT_THROW(catalogue.add(std::make_shared<test::PoissonKind>()), ConfigError);
}

}  // namespace
}  // namespace ringtrain
