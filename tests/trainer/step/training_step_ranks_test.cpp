// TrainingStep on several ranks, beside plain LibTorch on the joined batch.
#include "trainer/step/training_step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

#include "comm/backends.h"
#include "common/errors.h"
#include "data/order/sampler.h"
#include "models/norm.h"
#include "tests/rank_test.h"
#include "tests/trainer/step/checked_recorder.h"
#include "tests/trainer/tasks/task_of.h"
#include "trainer/setup/comm_options.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kFeatures = 5, kBatch = 12;

/// A branch that only a batch whose first number is positive takes.
struct Branching : Model {
  Branching() {
    torch::manual_seed(4);
    first = register_module("first", torch::nn::Linear(kFeatures, 8));
    branch = register_module("branch", torch::nn::Linear(kFeatures, 8));
    last = register_module("last", torch::nn::Linear(8, 3));
    to(torch::kDouble);
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    auto hidden = first->forward(inputs);
    if (inputs.numel() > 0 && inputs[0][0].item<double>() > 0) hidden = hidden + branch->forward(inputs);
    return last->forward(at::tanh(hidden));
  }
  torch::nn::Linear first{nullptr}, branch{nullptr}, last{nullptr};
};

/// Steps 0 and 1 use the branch on every rank, step 2 on one alone, steps 3 and 4 on none, then again all.
struct Samples : Dataset {
  explicit Samples(int ranks) : ranks(ranks) {}
  std::int64_t size() const override { return 8 * kBatch; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    auto inputs = (rows.unsqueeze(1) * 0.7 + at::arange(kFeatures) * 1.3).sin().to(at::kDouble);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto step = indices[i] / kBatch, place = indices[i] % kBatch;
      const bool uses = step < 2 || step > 4 || (step == 2 && place < kBatch / ranks);
      inputs[static_cast<std::int64_t>(i)][0].fill_(uses ? 0.5 : -0.5);
    }
    return {inputs, rows.remainder(3), rows};
  }
  int ranks;
};

RunConfig config_of(std::int64_t accumulate) {
  RunConfig config;
  config.task.type = "classification";
  config.trainer.global_batch_size = kBatch;
  config.trainer.accumulate = accumulate;
  config.trainer.precision = "float64";
  config.trainer.optimizer.rule.type = "adamw";
  config.trainer.optimizer.lr = 0.01;
  config.comm.overlap = "on";
  config.comm.bucket_bytes = "256";
  return config;
}

/// Of each rank, and of each piece, its own forward pass; the gradient of the joined batch.
std::vector<at::Tensor> reference(const RunConfig& config, int ranks, int steps) {
  Branching model;
  const auto& options = config.trainer.optimizer;
  torch::optim::AdamW optimizer(model.parameters(),
                                torch::optim::AdamWOptions(options.lr).weight_decay(options.weight_decay));
  const Samples samples(ranks);
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    for (int rank = 0; rank < ranks; ++rank) {
      const Range share = even_share(kBatch, rank, ranks);
      for (std::int64_t piece = 0; piece < config.trainer.accumulate; ++piece) {
        const Range part = even_share(share.end - share.begin, static_cast<int>(piece),
                                      static_cast<int>(config.trainer.accumulate));
        std::vector<std::int64_t> indices;
        for (auto i = part.begin; i < part.end; ++i) indices.push_back(step * kBatch + share.begin + i);
        const Batch batch = samples.read(indices);
        (at::cross_entropy_loss(model.forward(batch.inputs), batch.targets, {}, at::Reduction::Sum) / kBatch)
            .backward();
      }
    }
    optimizer.step();
  }
  std::vector<at::Tensor> weights;
  for (const auto& parameter : model.parameters()) weights.push_back(parameter.detach());
  return weights;
}

TEST(TrainingStepOverMpi, ParametersThatNobodyUsesSitTheStepOut) {
  World& world = test_world();
  for (const std::int64_t accumulate : {1, 2}) {
    SCOPED_TRACE(accumulate);
    const RunConfig config = config_of(accumulate);
    const auto gradients = make_communicator(world, "auto", "cpu", ring_options(config.comm));
    const auto task = test::three_classes();
    Replica replica;
    replica.model = std::make_shared<Branching>();
    replica.parameters = std::make_unique<FlatParameters>(*replica.model);
    replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters);
    Trace trace(world.control(), 0);
    TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object());
    const Samples samples(world.world_size());
    // In the file's order: each rank its share of each batch.
    struct InOrder : Dataset {
      InOrder(const Samples& samples, World& world) : samples(samples), world(world) {}
      std::int64_t size() const override { return samples.size(); }
      Batch read(const std::vector<std::int64_t>&) const override {
        const Range share = even_share(kBatch, world.rank(), world.world_size());
        std::vector<std::int64_t> mine;
        for (auto i = share.begin; i < share.end; ++i) mine.push_back(step * kBatch + i);
        ++step;
        return samples.read(mine);
      }
      const Samples& samples;
      World& world;
      mutable std::int64_t step = 0;
    } const ordered(samples, world);
    Loader loader(ordered,
                  Sampler({.samples = samples.size(),
                           .global_batch_size = kBatch,
                           .rank = world.rank(),
                           .world_size = world.world_size()}),
                  0, 0);
    const StopSignal signal;
    constexpr int steps = 7;
    for (int step = 0; step < steps; ++step) training.run(loader, signal, step, steps);
    const auto expected = reference(config, world.world_size(), steps);
    const auto parameters = replica.model->parameters();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(at::allclose(parameters[i].detach(), expected[i], 1e-10, 1e-12)) << "parameter " << i;
    const auto& skipped = replica.optimizer->skipped();
    for (std::size_t e = 0; e < skipped.size(); ++e)
      EXPECT_EQ(skipped[e], replica.parameters->entries()[e].name.starts_with("branch.") ? 2 : 0);
  }
}

/// A few plain features; from batch `from` on rank `who` cannot read.
struct Breaking : Dataset {
  Breaking(const World& world, std::int64_t size, int who, int from)
      : world(world), count(size), who(who), from(from) {}
  std::int64_t size() const override { return count; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    if (++reads > from && world.rank() == who) throw DataError("the disk is gone");
    const auto rows = at::tensor(indices, at::kLong);
    return {(rows.unsqueeze(1) * 0.7 + at::arange(kFeatures)).sin().to(at::kFloat), rows.remainder(3), rows};
  }
  const World& world;
  std::int64_t count;
  int who, from;
  mutable int reads = 0;
};

/// What a job says on this rank whose steps are recorded on all of them; "" where it goes through.
/// `failing`: the step before which something else goes wrong on the last rank.
std::string said(RunConfig config, const Dataset& data, int steps, int& replayed, int failing = -1) {
  World& world = test_world();
  config.trainer.precision = "float32";
  config.model = ModelConfig();
  const auto gradients = make_communicator(world, "auto", "cpu", ring_options(config.comm));
  const auto task = test::three_classes();
  Replica replica = make_replica(config, {.features = kFeatures, .outputs = 3}, "cpu", gradients.get());
  Trace trace(world.control(), 0);
  test::CheckedRecorder recorder;
  TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object(),
                        recorder.recorder());
  Loader loader(data,
                Sampler({.samples = data.size(),
                         .global_batch_size = config.trainer.global_batch_size,
                         .rank = world.rank(),
                         .world_size = world.world_size()}),
                0, 0);
  const StopSignal signal;
  std::string text;
  try {
    for (int step = 0; step < steps; ++step) {
      const bool fails = step == failing && world.rank() == world.world_size() - 1;
      training.run(loader, signal, step, steps,
                   fails ? std::make_exception_ptr(DataError("the callback is gone")) : nullptr);
    }
  } catch (const Error& error) {
    text = error.what();
  }
  replayed = recorder.replayed;
  return text;
}

// The others replay while one cannot take part: all learn of it, and none waits for a sum that never comes.
TEST(TrainingStepOverMpi, ARankThatFailsWhileOthersReplayEndsAll) {
  World& world = test_world();
  for (const bool sharded : {false, true})
    for (const double clip : {0.0, 0.5}) {
      SCOPED_TRACE(testing::Message() << "sharded " << sharded << ", clip " << clip);
      RunConfig config = config_of(1);
      config.trainer.shard_optimizer = sharded;
      config.trainer.clip_norm = clip;
      const int who = world.world_size() - 1;
      const Breaking data(world, 8 * kBatch, who, 5);
      int replayed = 0;
      const auto text = said(config, data, 8, replayed);
      EXPECT_EQ(replayed, world.rank() == who ? 2 : 3);
      const bool tells = world.rank() != 0 || text.find("the disk is gone") != std::string::npos;
      EXPECT_TRUE(tells) << text;
      EXPECT_NE(text, "");
    }
}

// What a callback threw after the step before goes with the next step's totals.
TEST(TrainingStepOverMpi, AFailureBeforeAStepEndsAll) {
  World& world = test_world();
  for (const int failing : {1, 5}) {  // of plain steps, and while others replay
    SCOPED_TRACE(failing);
    const Breaking data(world, 8 * kBatch, -1, 0);
    int replayed = 0;
    const auto text = said(config_of(1), data, 8, replayed, failing);
    EXPECT_NE(text, "");
    const bool tells = world.rank() != 0 || text.find("the callback is gone") != std::string::npos;
    EXPECT_TRUE(tells) << text;
  }
}

/// A batch norm between two linear maps: images of two pixels. Of one value alone a rank has to ask for the
/// others' number, which no graph can.
struct Normed : Model {
  Normed() {
    torch::manual_seed(4);
    first = register_module("first", torch::nn::Linear(kFeatures, 16));
    norm = register_module("norm", make_batch_norm2d(8));
    last = register_module("last", torch::nn::Linear(16, 3));
  }
  at::Tensor forward(const at::Tensor& inputs) override {
    const auto hidden = first->forward(inputs).reshape({-1, 8, 1, 2});
    return last->forward(norm->forward_relu(hidden).flatten(1));
  }
  torch::nn::Linear first{nullptr}, last{nullptr};
  std::shared_ptr<Norm2d> norm;
};

struct Trained {
  std::vector<at::Tensor> tensors;  ///< parameters, then buffers
  int replayed = 0;
  std::vector<std::string> news;
};

/// 14 steps; a global batch of 7, the fifth of each epoch has 2: with 3 ranks one has none.
Trained normed(RunConfig config, bool records, int breaks) {
  World& world = test_world();
  config.trainer.precision = "float32";
  config.trainer.sync_batch_norm = true;
  config.trainer.global_batch_size = 7;
  const auto gradients = make_communicator(world, "auto", "cpu", ring_options(config.comm));
  const auto task = test::three_classes();
  Replica replica;
  replica.model = std::make_shared<Normed>();
  replica.parameters = std::make_unique<FlatParameters>(*replica.model);
  replica.optimizer = make_optimizer(config.trainer.optimizer, *replica.parameters);
  Trace trace(world.control(), 0);
  test::CheckedRecorder recorder;
  GraphRecorder recording = recorder.recorder();
  if (breaks == world.rank())
    recording = [](const std::function<void()>&) -> std::unique_ptr<DeviceGraph> {
      throw CommError("no memory");
    };
  TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object(),
                        records ? recording : nullptr);
  const Breaking data(world, 4 * 7 + 2, -1, 0);
  Loader loader(data,
                Sampler({.samples = data.size(),
                         .global_batch_size = 7,
                         .rank = world.rank(),
                         .world_size = world.world_size()}),
                0, 0);
  const StopSignal signal;
  Trained trained;
  for (int step = 0; step < 14; ++step) {
    training.run(loader, signal, step, 14);
    if (auto news = training.take_news(); !news.empty()) trained.news.push_back(news);
  }
  for (const auto& tensor : replica.model->parameters()) trained.tensors.push_back(tensor.detach());
  for (const auto& tensor : replica.model->buffers()) trained.tensors.push_back(tensor);
  trained.replayed = recorder.replayed;
  return trained;
}

// Where ranks wait for each other inside of forward and backward, all replay or none.
TEST(TrainingStepOverMpi, BatchNormOfAllRanksIsRecorded) {
  for (const std::int64_t accumulate : {1, 2}) {
    SCOPED_TRACE(accumulate);
    const auto plain = normed(config_of(accumulate), false, -1);
    const auto recorded = normed(config_of(accumulate), true, -1);
    EXPECT_EQ(recorded.replayed, 9);  // 14 without three to warm up and two small ones
    ASSERT_EQ(recorded.tensors.size(), plain.tensors.size());
    for (std::size_t i = 0; i < plain.tensors.size(); ++i)
      EXPECT_TRUE(at::equal(recorded.tensors[i], plain.tensors[i])) << i;
  }
}

TEST(TrainingStepOverMpi, BatchNormOfAllRanksIsNotRecordedWhereOneRankCannot) {
  const auto plain = normed(config_of(1), false, -1), ran = normed(config_of(1), true, 0);
  EXPECT_EQ(ran.replayed, 0);
  ASSERT_EQ(ran.news.size(), 1u);
  EXPECT_NE(ran.news[0].find(test_world().rank() == 0 ? "no memory" : "another rank cannot"),
            std::string::npos)
      << ran.news[0];
  for (std::size_t i = 0; i < plain.tensors.size(); ++i)
    EXPECT_TRUE(at::equal(ran.tensors[i], plain.tensors[i])) << i;
}

// One sample a rank, and a last batch that leaves some without any.
TEST(TrainingStepOverMpi, RanksOfOneSampleDoNotReplayBesideOnesOfNone) {
  World& world = test_world();
  RunConfig config = config_of(1);
  config.trainer.global_batch_size = world.world_size();
  const Breaking data(world, 5 * world.world_size() + 1, -1, 0);
  int replayed = 0;
  EXPECT_EQ(said(config, data, 12, replayed), "");
  EXPECT_EQ(replayed, world.world_size() == 1 ? 9 : 0);
}

}  // namespace
}  // namespace ringtrain
