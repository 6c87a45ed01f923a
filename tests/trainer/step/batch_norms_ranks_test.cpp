// LibTorch's own batch norms over all ranks, beside one rank and plain LibTorch on the joined batch.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "comm/backends.h"
#include "data/order/sampler.h"
#include "models/network.h"
#include "tests/rank_test.h"
#include "tests/trainer/step/checked_recorder.h"
#include "tests/trainer/tasks/task_of.h"
#include "trainer/step/training_step.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kInputs = 5, kGlobalBatch = 7, kSteps = 12;
constexpr ModelShape kShape{.features = kInputs, .outputs = 3};

/// A batch norm of each number of dimensions; one without weights, one of cumulative statistics.
struct StockNorms : torch::nn::Module {
  StockNorms(std::int64_t outputs, bool cumulative)
      : first(register_module("first", torch::nn::Linear(kInputs, 24))),
        one(register_module("one", torch::nn::BatchNorm1d(24))),
        two(register_module("two", torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).affine(false)))),
        last(register_module("last", torch::nn::Linear(24, outputs))) {
    torch::nn::BatchNorm3dOptions options(3);
    if (cumulative) options.momentum(std::nullopt);
    three = register_module("three", torch::nn::BatchNorm3d(options));
  }
  at::Tensor forward(const at::Tensor& inputs) {
    auto x = at::tanh(one(first(inputs)));
    x = at::tanh(two(x.reshape({-1, 4, 3, 2})));
    return last(three(x.reshape({-1, 3, 2, 2, 2})).flatten(1));
  }
  torch::nn::Linear first;
  torch::nn::BatchNorm1d one;
  torch::nn::BatchNorm2d two;
  torch::nn::BatchNorm3d three{nullptr};
  torch::nn::Linear last;
};

class StockNormsKind : public ModelKind {
 public:
  explicit StockNormsKind(bool cumulative) : cumulative_(cumulative) {}
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<StockNormsKind>(*this); }
  std::string name() const override { return "stock_norms"; }
  std::string doc() const override { return "LibTorch's batch norms."; }
  void describe(config::Visitor&) override {}
  Network make(const ModelShape& shape) const override {
    const auto module = std::make_shared<StockNorms>(shape.outputs, cumulative_);
    return {module, [&taker = *module](const Fields& inputs) { return taker.forward(inputs.only()); }};
  }

 private:
  bool cumulative_;
};

struct Waves : Dataset {
  Waves(std::int64_t size, at::ScalarType type) : count(size), type(type) {}
  std::int64_t size() const override { return count; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto rows = at::tensor(indices, at::kLong);
    return {(rows.unsqueeze(1) * 0.7 + at::arange(kInputs) * (rows.unsqueeze(1) % 4)).sin().to(type),
            rows.remainder(3), rows};
  }
  std::int64_t count;
  at::ScalarType type;
};

RunConfig stock(std::int64_t accumulate, bool synchronised, bool cumulative = true) {
  RunConfig config;
  config.model = ModelConfig({std::make_shared<StockNormsKind>(cumulative)});
  config.model.type = "stock_norms";
  config.task.type = "classification";
  config.trainer.global_batch_size = kGlobalBatch;
  config.trainer.accumulate = accumulate;
  config.trainer.precision = "float64";
  config.trainer.sync_batch_norm = synchronised;
  config.trainer.optimizer.rule.type = "sgd";
  config.trainer.optimizer.lr = 0.1;
  return config;
}

using Named = std::map<std::string, at::Tensor>;

Named weights_and_statistics(const torch::nn::Module& model) {
  Named named;
  for (const auto& item : model.named_parameters()) named[item.key()] = item.value().detach().clone();
  for (const auto& item : model.named_buffers()) named[item.key()] = item.value().clone();
  return named;
}

Named on_all_ranks(const RunConfig& config, std::int64_t samples, int* replayed = nullptr) {
  World& world = test_world();
  const auto gradients = make_communicator(world, "auto", "cpu");
  const auto task = test::three_classes();
  Replica replica = make_replica(config, kShape, "cpu", gradients.get());
  Trace trace(world.control(), 0);
  test::CheckedRecorder recorder;
  TrainingStep training(world, config, *task, replica, *gradients, "cpu", trace, nlohmann::json::object(),
                        replayed ? recorder.recorder() : nullptr);
  const auto expected = config.trainer.sync_batch_norm && world.world_size() > 1 ? 3U : 0U;
  EXPECT_EQ(training.synchronised_batch_norms(), expected);
  const Waves data(samples, config.trainer.precision == "float64" ? at::kDouble : at::kFloat);
  Loader loader(data,
                Sampler({.samples = data.size(),
                         .global_batch_size = kGlobalBatch,
                         .rank = world.rank(),
                         .world_size = world.world_size()}),
                0, 0);
  const StopSignal signal;
  for (std::int64_t step = 0; step < kSteps; ++step) training.run(loader, signal, step, kSteps);
  if (replayed) *replayed = recorder.replayed;
  return weights_and_statistics(*replica.model);
}

/// What the ranks take as piece `piece` of a global batch.
std::vector<std::int64_t> joined_piece(const std::vector<std::int64_t>& batch, int piece, int pieces,
                                       int ranks) {
  std::vector<std::int64_t> rows;
  for (int rank = 0; rank < ranks; ++rank) {
    const Range share = even_share(static_cast<std::int64_t>(batch.size()), rank, ranks);
    const Range part = even_share(share.end - share.begin, piece, pieces);
    for (auto i = share.begin + part.begin; i < share.begin + part.end; ++i)
      rows.push_back(batch[static_cast<std::size_t>(i)]);
  }
  return rows;
}

void start_as(torch::nn::Module& module, const torch::nn::Module& other) {
  const torch::NoGradGuard no_grad;
  auto parameters = module.named_parameters();
  for (const auto& item : other.named_parameters()) parameters[item.key()].copy_(item.value());
}

/// The same by a loop of LibTorch's.
Named on_the_joined_batch(const RunConfig& config, std::int64_t samples, int ranks) {
  const Network network = config.model.kind().make(kShape);
  network->to(at::kDouble);
  start_as(*network, *make_replica(config, kShape, "cpu").model);
  torch::optim::SGD optimizer(network->parameters(), torch::optim::SGDOptions(config.trainer.optimizer.lr));
  const Waves data(samples, at::kDouble);
  Sampler sampler({.samples = data.size(), .global_batch_size = kGlobalBatch});
  const auto per_epoch = sampler.batches_per_epoch();
  const auto pieces = static_cast<int>(config.trainer.accumulate);
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const auto indices = sampler.global_indices(step / per_epoch, step % per_epoch);
    optimizer.zero_grad();
    for (int piece = 0; piece < pieces; ++piece) {
      const Batch batch = data.read(joined_piece(indices, piece, pieces, ranks));
      const auto logits = network.forward(batch.inputs);
      const auto loss = at::cross_entropy_loss(logits, batch.targets.only(), {}, at::Reduction::Sum);
      (loss / static_cast<double>(indices.size())).backward();
    }
    optimizer.step();
  }
  return weights_and_statistics(*network);
}

double difference(const Named& ours, const Named& theirs) {
  EXPECT_EQ(ours.size(), theirs.size());
  double most = 0;
  for (const auto& [name, value] : theirs)
    most = std::max(most, (ours.at(name) - value).abs().max().item<double>());
  return most;
}

/// The last batch of an epoch, or a piece of it, has one sample on some ranks and none on others.
TEST(BatchNormsOverMpi, LibTorchsOwnAreThoseOfTheJoinedBatch) {
  const int ranks = test_world().world_size();
  for (const auto& [accumulate, last] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 2}, {2, 5}}) {
    SCOPED_TRACE(testing::Message() << "accumulate " << accumulate);
    const auto config = stock(accumulate, true);
    const auto samples = 3 * kGlobalBatch + last;
    const auto ours = on_all_ranks(config, samples), theirs = on_the_joined_batch(config, samples, ranks);
    EXPECT_LT(difference(ours, theirs), 1e-10);
    for (const auto* norm : {"one", "two", "three"})
      EXPECT_EQ(ours.at(std::string(norm) + ".num_batches_tracked").item<double>(),
                static_cast<double>(kSteps * accumulate))
          << norm;
  }
}

TEST(BatchNormsOverMpi, WithoutSynchronisationEachRankHasItsOwn) {
  const int ranks = test_world().world_size();
  const auto config = stock(1, false);
  const auto samples = 4 * kGlobalBatch;
  const double found = difference(on_all_ranks(config, samples), on_the_joined_batch(config, samples, ranks));
  if (ranks == 1)
    EXPECT_LT(found, 1e-10);
  else
    EXPECT_GT(found, 1e-4);
}

TEST(BatchNormsOverMpi, LibTorchsOwnAreRecorded) {
  auto config = stock(1, true, /*cumulative=*/false);
  config.trainer.precision = "float32";
  const auto samples = 3 * kGlobalBatch + 2;
  int replayed = 0;
  const auto recorded = on_all_ranks(config, samples, &replayed), plain = on_all_ranks(config, samples);
  EXPECT_EQ(replayed, 6);  // without three to warm up, and the last batch of each of three epochs
  for (const auto& [name, value] : plain) EXPECT_TRUE(at::equal(recorded.at(name), value)) << name;
}

}  // namespace
}  // namespace ringtrain
