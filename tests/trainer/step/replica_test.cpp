#include "trainer/step/replica.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <mutex>

#include "comm/backends.h"
#include "common/errors.h"
#include "models/resnet.h"
#include "trainer/checkpoint/replica_snapshot.h"

namespace ringtrain {
namespace {

RunConfig config_of(bool sharded, const std::string& model = "mlp") {
  RunConfig config;
  config.model.type = model;
  config.trainer.shard_optimizer = sharded;
  return config;
}

std::mutex seed_mutex;  // the seed is process-wide

Replica make(const RunConfig& config, Communicator* communicator = nullptr) {
  const std::lock_guard lock(seed_mutex);
  return make_replica(config, {.features = 11, .outputs = 3}, "cpu", communicator);
}

/// Some steps with gradients that depend on nothing else; the parameter of entry 1 sits the second one out.
void work(Replica& replica, int steps) {
  for (int step = 0; step < steps; ++step) {
    std::vector<bool> unused(replica.parameters->entries().size(), false);
    unused[1] = step == 1;
    for (const auto& slice : replica.optimizer->slices()) {
      const auto places = at::arange(slice.begin, slice.begin + slice.values.numel());
      gradients_of(slice, *replica.parameters).copy_((places * 0.37).sin() + step);
    }
    replica.optimizer->step(0.01, 1, unused);
    if (replica.shards) replica.shards->share_values();
  }
}

Checkpoint saved(const Replica& replica) {
  Checkpoint checkpoint;
  checkpoint.step = replica.optimizer->steps();
  const WholeState state = whole_state(replica);
  if (!replica.shards || state.at("exp_avg")[0].defined()) {
    ReplicaSnapshot snapshot;
    snapshot.take(replica, state);
    snapshot.name_tensors(checkpoint);
  }
  return checkpoint;
}

void expect_equal(const NamedTensors& ours, const NamedTensors& theirs) {
  ASSERT_EQ(ours.size(), theirs.size());
  for (const auto& [name, tensor] : theirs) EXPECT_TRUE(at::equal(ours.at(name), tensor)) << name;
}

TEST(Replica, AShardedOneIsSavedAsAWholeOne) {
  Replica whole = make(config_of(false));
  work(whole, 3);
  const Checkpoint expected = saved(whole);
  EXPECT_EQ(
      expected.optimizer.at("skipped_steps/" + whole.parameters->entries()[1].name).item<std::int64_t>(), 1);
  for (const int ranks : {2, 3, 4})
    run_as_threads(ranks, [&](Communicator& communicator) {
      Replica replica = make(config_of(true), &communicator);
      ASSERT_TRUE(replica.shards);
      EXPECT_LT(replica.optimizer->state_bytes(),
                whole.optimizer->state_bytes() / ranks + 3 * 2 * 64 * ranks);
      work(replica, 3);
      const Checkpoint checkpoint = saved(replica);
      for (const auto& item : replica.model->named_parameters())
        EXPECT_TRUE(at::equal(item.value(), expected.weights.at(item.key()))) << item.key();
      if (communicator.rank() > 0) return;
      expect_equal(checkpoint.weights, expected.weights);
      expect_equal(checkpoint.optimizer, expected.optimizer);
    });
}

TEST(Replica, IsLoadedOnAnyNumberOfRanks) {
  Replica whole = make(config_of(false));
  work(whole, 3);
  const Checkpoint checkpoint = saved(whole);
  work(whole, 2);
  for (const bool sharded : {true, false})
    for (const int ranks : {1, 2, 3})
      run_as_threads(ranks, [&](Communicator& communicator) {
        Replica replica = make(config_of(sharded), &communicator);
        WholeState loaded;
        if (communicator.rank() == 0) loaded = load_replica(checkpoint, replica);
        share_replica(replica, loaded, communicator);
        EXPECT_EQ(replica.optimizer->steps(), 3);
        work(replica, 2);
        for (std::size_t i = 0; i < whole.model->parameters().size(); ++i)
          EXPECT_TRUE(at::equal(replica.model->parameters()[i], whole.model->parameters()[i])) << i;
      });
}

TEST(Replica, BuffersBecomeThoseOfRankZero) {
  struct WithBuffers : Model {
    WithBuffers() : Model("WithBuffers") {
      register_parameter("weight", at::ones({2}));
      register_buffer("mean", at::zeros({3}));
      register_buffer("count", at::zeros({}, at::kLong));
      register_buffer("mask", at::zeros({4}, at::kBool));
      register_buffer("turned", at::zeros({2, 3}).t());
    }
    at::Tensor forward(const at::Tensor& inputs) override { return inputs; }
  };
  run_as_threads(3, [&](Communicator& communicator) {
    Replica replica;
    replica.model = std::make_shared<WithBuffers>();
    const int rank = communicator.rank();
    auto buffers = replica.model->named_buffers();
    buffers["mean"].fill_(0.1 * (rank + 1));
    buffers["count"].fill_(7 + rank);
    buffers["mask"].fill_(rank == 0);
    buffers["turned"].copy_(at::arange(6).view({3, 2}) + rank);
    broadcast_buffers(replica, communicator);
    EXPECT_TRUE(at::equal(buffers["mean"], at::full({3}, 0.1)));
    EXPECT_EQ(buffers["count"].item<std::int64_t>(), 7);
    EXPECT_TRUE(buffers["mask"].all().item<bool>());
    EXPECT_TRUE(at::equal(buffers["turned"], at::arange(6).view({3, 2}).to(at::kFloat)));
  });
}

// A convolution's weights lie in channels_last: trained ones in the flat tensors, frozen ones as they are.
TEST(Replica, FrozenOnesBecomeThoseOfRankZero) {
  RunConfig config = config_of(false, "resnet");
  for (const auto& kind : config.model.kinds)
    if (auto* resnet = dynamic_cast<ResnetKind*>(kind.get())) resnet->image = {1, 8, 8};
  config.trainer.optimizer.groups = {{.match = {"layer1.*", "bn1.*"}, .freeze = true}};
  run_as_threads(2, [&](Communicator& communicator) {
    std::unique_lock lock(seed_mutex);
    Replica replica = make_replica(config, {.features = 64, .outputs = 3}, "cpu");
    lock.unlock();
    const at::NoGradGuard no_gradient;
    std::vector<at::Tensor> before;
    for (auto& parameter : replica.model->parameters()) {
      before.push_back(parameter.clone());
      if (communicator.rank() == 1) parameter.add_(1);
    }
    ASSERT_FALSE(replica.model->named_parameters()["layer1.0.conv1.weight"].is_contiguous());
    broadcast_weights(replica, communicator);
    const auto after = replica.model->parameters();
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(after[i], before[i])) << i;
  });
}

TEST(Replica, DamagedCountsAreRefused) {
  Replica replica = make(config_of(false));
  Checkpoint checkpoint = saved(replica);
  checkpoint.optimizer["skipped_steps/" + replica.parameters->entries()[0].name] = at::ones({2});
  EXPECT_THROW(load_replica(checkpoint, replica), CheckpointError);
}

}  // namespace
}  // namespace ringtrain
