#include "trainer/step/recorded_step.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <mutex>

#include "comm/backends.h"
#include "common/errors.h"
#include "tests/trainer/optimizer/optimizer_of.h"
#include "tests/trainer/step/checked_recorder.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/step/training_step.h"
#include "trainer/step/update_rule.h"

namespace ringtrain {
namespace {

using test::CheckedRecorder;

constexpr std::int64_t kFeatures = 11, kClasses = 3;

RunConfig config_of(const std::string& optimizer, double clip, std::int64_t accumulate) {
  RunConfig config;
  config.model.type = "mlp";
  config.task.type = "classification";
  config.trainer.global_batch_size = 16;
  config.trainer.accumulate = accumulate;
  config.trainer.clip_norm = clip;
  config.trainer.optimizer = test::optimizer_config("{lr: 0.01, weight_decay: 0.1, type: " + optimizer +
                                                    (optimizer == "sgd" ? ", momentum: 0.9}" : "}"));
  return config;
}

std::unique_ptr<Task> task_of(const RunConfig& config) {
  return config.task.kind().make({.labels = {"a", "b", "c"}, .class_counts = {1, 1, 1}});
}

std::mutex seed_mutex;  // the seed is process-wide

Replica replica_of(const RunConfig& config, Communicator* gradients = nullptr) {
  const std::lock_guard lock(seed_mutex);
  return make_replica(config, {.features = kFeatures, .outputs = kClasses}, "cpu", gradients);
}

/// 50 samples: in batches of 16 the fourth of each epoch has 2.
struct Samples : Dataset {
  at::Tensor inputs = at::arange(50 * kFeatures).reshape({50, kFeatures}).mul(0.37).sin().to(at::kFloat);
  at::Tensor targets = at::arange(50).remainder(kClasses);
  std::int64_t size() const override { return 50; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    return {inputs.index_select(0, rows), targets.index_select(0, rows), rows};
  }
};

/// From the sixth batch on each second one, of 16, has a number that is none in its last row.
struct Spoilt : Samples {
  Batch read(const std::vector<std::int64_t>& indices) const override {
    Batch batch = Samples::read(indices);
    if (++reads >= 6 && reads % 2 == 0 && indices.size() == 16)
      batch.inputs.only()[15].fill_(std::numeric_limits<double>::quiet_NaN());
    return batch;
  }
  mutable int reads = 0;
};

struct Ran {
  std::vector<at::Tensor> weights;
  std::vector<double> losses;
  std::vector<std::string> news;
  nlohmann::json state;
};

/// Some steps of a world of one.
Ran run(const RunConfig& config, const GraphRecorder& recorder, int steps,
        const Dataset& samples = Samples()) {
  World world;
  const auto gradients = make_communicator(world, "local", "cpu");
  const auto task = task_of(config);
  Replica replica = replica_of(config);
  Trace trace(world.control(), 0);
  TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object(),
                        recorder);
  Loader loader(samples, Sampler({.samples = 50, .global_batch_size = 16}), 0, 0);
  const StopSignal signal;
  Ran ran;
  for (int step = 0; step < steps; ++step) {
    const auto outcome = training.run(loader, signal, step, steps);
    ran.losses.push_back(outcome.totals.loss_sum / outcome.totals.weight);
    if (auto news = training.take_news(); !news.empty()) ran.news.push_back(news);
  }
  for (const auto& parameter : replica.model->parameters()) ran.weights.push_back(parameter.detach().clone());
  ran.state = training.state();
  return ran;
}

void expect_close(const Ran& ours, const Ran& theirs, double tolerance) {
  for (std::size_t i = 0; i < theirs.losses.size(); ++i)
    EXPECT_NEAR(ours.losses[i], theirs.losses[i], tolerance) << "step " << i + 1;
  for (std::size_t i = 0; i < theirs.weights.size(); ++i)
    EXPECT_TRUE(at::allclose(ours.weights[i], theirs.weights[i], tolerance, tolerance)) << i;
}

TEST(RecordedStep, TrainsAsThePlainStepDoes) {
  for (const std::string optimizer : {"sgd", "adamw", "adam"})
    for (const double clip : {0.0, 0.05})
      for (const std::int64_t accumulate : {1, 3}) {
        SCOPED_TRACE(optimizer + ", clip " + std::to_string(clip) + ", pieces " + std::to_string(accumulate));
        const RunConfig config = config_of(optimizer, clip, accumulate);
        CheckedRecorder recordings;
        const Ran recorded = run(config, recordings.recorder(), 11);
        // Steps 1 to 3 warm up, 4 and 8 have a smaller batch.
        EXPECT_EQ(recordings.recorded, 1);
        EXPECT_EQ(recordings.replayed, 6);
        ASSERT_EQ(recorded.news.size(), 1u);
        EXPECT_NE(recorded.news[0].find("replayed from here on"), std::string::npos) << recorded.news[0];
        expect_close(recorded, run(config, nullptr, 11), clip > 0 ? 1e-6 : 0);
      }
}

TEST(RecordedStep, ALossThatIsNotFiniteIsExplainedAsInAPlainStep) {
  const auto error_of = [](const GraphRecorder& recorder) -> std::string {
    try {
      run(config_of("adamw", 0, 1), recorder, 11, Spoilt());
    } catch (const TrainingError& error) {
      return error.what();
    }
    return "no error";
  };
  CheckedRecorder recordings;
  const std::string said = error_of(recordings.recorder());
  EXPECT_EQ(recordings.replayed, 2) << "step 4 is small, step 6 is spoilt";
  EXPECT_EQ(said, error_of(nullptr));
  EXPECT_EQ(said.find("the loss is nan at step 6: "), 0u) << said;
  EXPECT_NE(said.find("data rows "), std::string::npos) << said;
}

TEST(RecordedStep, StepsThatAreNotFiniteAreLeftOutAsInAPlainStep) {
  for (const std::string optimizer : {"sgd", "adamw", "adam"})
    for (const double clip : {0.0, 0.05}) {
      SCOPED_TRACE(optimizer + ", clip " + std::to_string(clip));
      RunConfig config = config_of(optimizer, clip, 1);
      config.trainer.non_finite = "skip";
      CheckedRecorder recordings;
      const Ran recorded = run(config, recordings.recorder(), 11, Spoilt());
      EXPECT_EQ(recordings.replayed, 6);
      const Ran plain = run(config, nullptr, 11, Spoilt());
      EXPECT_EQ(plain.news.size(), 2u);     // steps 6 and 10; step 8 is a small one
      EXPECT_EQ(recorded.news.size(), 3u);  // and that steps are recorded
      EXPECT_EQ(recorded.news.back(), plain.news.back());
      for (std::size_t i = 0; i < plain.weights.size(); ++i) {
        EXPECT_TRUE(recorded.weights[i].isfinite().all().item<bool>()) << i;
        EXPECT_TRUE(at::allclose(recorded.weights[i], plain.weights[i], 1e-6, 1e-6)) << i;
      }
    }
}

TEST(RecordedStep, WhatCannotBeRecordedRunsOnWithTheReason) {
  const RunConfig config = config_of("adamw", 0, 1);
  int calls = 0;
  const GraphRecorder broken = [&calls](const std::function<void()>&) -> std::unique_ptr<DeviceGraph> {
    ++calls;
    throw CommError("operation not permitted when stream is capturing");
  };
  RunConfig plain = config;
  plain.trainer.cuda_graph = "off";
  const Ran without = run(plain, broken, 6);
  EXPECT_EQ(calls, 0);
  const Ran ran = run(config, broken, 6);
  EXPECT_EQ(calls, 1);
  expect_close(ran, without, 0);
  ASSERT_EQ(ran.news.size(), 1u);
  EXPECT_NE(ran.news[0].find("not recorded as a CUDA graph: operation not permitted"), std::string::npos)
      << ran.news[0];

  RunConfig demanded = config;
  demanded.trainer.cuda_graph = "on";
  try {
    run(demanded, broken, 6);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("trainer.cuda_graph: on, but the step cannot be recorded"),
              std::string::npos)
        << error.what();
  }
}

TEST(RecordedStep, AnObstacleIsNamedAtTheStart) {
  CheckedRecorder recordings;
  RunConfig config = config_of("sgd", 0, 1);
  config.trainer.precision = "float64";
  EXPECT_TRUE(RecordedStep::obstacle(config));
  config.trainer.cuda_graph = "on";
  EXPECT_THROW(run(config, recordings.recorder(), 1), ConfigError);
  config.trainer.precision = "bfloat16";
  EXPECT_FALSE(RecordedStep::obstacle(config));
  EXPECT_THROW(run(config, nullptr, 1), ConfigError);  // no GPU
}

// The host decides about the loss scale, after the step; the device has left the weights alone.
TEST(RecordedStep, InSixteenBitsAsThePlainStep) {
  for (const std::string precision : {"bfloat16", "float16"})
    for (const double clip : {0.0, 0.05})
      for (const bool copies : {true, false}) {
        SCOPED_TRACE(fmt::format("{}, clip {}, copies {}", precision, clip, copies));
        RunConfig config = config_of("adamw", clip, 3);
        config.trainer.precision = precision;
        config.trainer.weight_copies = copies;
        if (precision == "bfloat16") config.trainer.non_finite = "skip";
        CheckedRecorder recordings;
        const Ran recorded = run(config, recordings.recorder(), 11, Spoilt());
        EXPECT_EQ(recordings.replayed, 6);
        const Ran plain = run(config, nullptr, 11, Spoilt());
        EXPECT_EQ(recorded.state, plain.state);
        for (std::size_t i = 0; i < plain.weights.size(); ++i) {
          EXPECT_TRUE(recorded.weights[i].isfinite().all().item<bool>()) << i;
          EXPECT_TRUE(at::allclose(recorded.weights[i], plain.weights[i], 1e-6, 1e-6)) << i;
        }
        if (precision == "float16") {
          EXPECT_EQ(plain.state.at("loss_scaler").at("scale"), 65536.0 / 4) << "steps 6 and 10 are spoilt";
        }
      }
}

TEST(RecordedStep, CopiesOfWeightsChangeNoBit) {
  for (const std::string precision : {"bfloat16", "float16"}) {
    RunConfig config = config_of("adamw", 0, 3);
    config.trainer.precision = precision;
    const Ran with = run(config, nullptr, 8);
    config.trainer.weight_copies = false;
    expect_close(with, run(config, nullptr, 8), 0);
  }
}

/// One rank's part of a step of several ranks, as TrainingStep takes it without a graph.
StepTotals plain_step(const RunConfig& config, const Task& task, Replica& replica,
                      GradientReduction& reduction, const Batch& batch, double lr) {
  const auto global = static_cast<double>(config.trainer.global_batch_size);
  replica.parameters->zero_gradients();
  const auto loss = task.loss_sum(replica.model.forward(batch.inputs), batch.targets);
  loss.loss_sum.backward(at::full_like(loss.loss_sum, 1 / global));
  const auto totals = reduction.finish({.weight = loss.weight.item<double>(),
                                        .loss_sum = loss.loss_sum.item<double>(),
                                        .samples = static_cast<double>(batch.size())});
  double divisor = divisor_of(totals.weight, global);
  if (const double clip = config.trainer.clip_norm; clip > 0) {
    const double squares = reduction.sum_over_slices(sum_of_squares(replica.optimizer->gradients()));
    divisor = clipped(divisor, std::sqrt(squares) / divisor, clip);
  }
  replica.optimizer->step(lr, divisor, reduction.unused());
  reduction.share_values();
  return totals;
}

// Rank 0 replays, the others do not: the last batch of an epoch may be smaller on some ranks only.
// With the norm of all gradients, and with an optimizer that is whole on each rank or divided.
TEST(RecordedStep, RanksMayReplayOrNot) {
  const Samples samples;
  for (const auto& [ranks, sharded, clip] :
       {std::tuple{2, false, 0.0}, {3, false, 0.0}, {2, true, 0.0}, {3, true, 0.05}, {3, false, 0.05}}) {
    SCOPED_TRACE(fmt::format("{} ranks, sharded {}, clip {}", ranks, sharded, clip));
    RunConfig config = config_of("adamw", clip, 1);
    config.trainer.shard_optimizer = sharded;
    std::vector<std::vector<at::Tensor>> weights(static_cast<std::size_t>(ranks));
    run_as_threads(ranks, [&](Communicator& communicator) {
      const auto rank = communicator.rank();
      Replica replica = replica_of(config, &communicator);
      const auto task = task_of(config);
      std::unique_ptr<GradientAverager> averager;
      if (!replica.shards)
        averager = std::make_unique<GradientAverager>(
            *replica.parameters, communicator,
            AveragerOptions{.overlap = AveragerOptions::Overlap::on, .bucket_bytes = 4096});
      GradientReduction& reduction = averager ? *averager : static_cast<GradientReduction&>(*replica.shards);
      replica.optimizer->cut(reduction.parts());
      CheckedRecorder recordings;
      RecordedStep recorded(config, Pass{*task, replica, reduction, at::kCPU, {}}, recordings.recorder());
      for (std::int64_t step = 0; step < 8; ++step) {
        const Batch batch = samples.read({step, step + 9 + rank, 2 * step + rank, 3});
        const double lr = 0.01 / static_cast<double>(1 + step);
        StepTotals totals;
        if (rank == 0 && recorded.takes(batch)) {
          if (!recorded.recorded()) recorded.record(batch);
          totals = recorded.run(batch, lr, 1, step == 7).totals;
          EXPECT_EQ(totals.stop, step == 7 ? 1 : 0);
        } else {
          totals = plain_step(config, *task, replica, reduction, batch, lr);
          recorded.warmed_up(batch);
        }
        EXPECT_EQ(totals.samples, 4.0 * ranks);
        EXPECT_EQ(totals.weight, 4.0 * ranks);
        EXPECT_EQ(totals.failed, 0);
      }
      EXPECT_EQ(recordings.replayed, rank == 0 ? 5 : 0);
      for (const auto& parameter : replica.model->parameters())
        weights[static_cast<std::size_t>(rank)].push_back(parameter.detach().clone());
    });
    // The norm is summed in another order by a device: within the last bits.
    for (std::size_t rank = 1; rank < weights.size(); ++rank)
      for (std::size_t i = 0; i < weights[0].size(); ++i)
        EXPECT_TRUE(clip > 0 ? at::allclose(weights[rank][i], weights[0][i], 1e-5, 1e-7)
                             : at::equal(weights[rank][i], weights[0][i]))
            << "rank " << rank << ", parameter " << i;
  }
}

TEST(RecordedStep, WaitsForStepsThatUseEveryParameter) {
  RunConfig config = config_of("sgd", 0, 1);
  World world;
  const auto communicator = make_communicator(world, "local", "cpu");
  const auto task = task_of(config);
  Replica replica = replica_of(config);
  GradientAverager averager(*replica.parameters, *communicator);
  CheckedRecorder recordings;
  RecordedStep recorded(config, Pass{*task, replica, averager, at::kCPU, {}}, recordings.recorder());
  const Batch batch = Samples().read({1, 2, 3});
  for (int step = 0; step < 5; ++step) {
    EXPECT_FALSE(recorded.takes(batch));
    averager.finish({.weight = 1});  // no backward
    recorded.warmed_up(batch);
  }
  EXPECT_FALSE(recorded.takes(batch));
  plain_step(config, *task, replica, averager, batch, 0.01);
  EXPECT_TRUE(recorded.takes(batch));
  averager.abandon();
  EXPECT_THROW(averager.finish_on_device(at::zeros({5}, at::kDouble)), CommError);
}

}  // namespace
}  // namespace ringtrain
