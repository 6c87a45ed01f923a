#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "comm/world.h"
#include "launch/learn/prequential.h"
#include "launch/learn/row_tensors.h"
#include "models/model.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/run_config.h"
#include "trainer/setup/stop_signal.h"
#include "trainer/step/replica.h"
#include "trainer/step/training_step.h"
#include "trainer/telemetry/trace.h"

namespace ringtrain {

/// What a step of online learning came to; the same on every rank.
struct LearnedStep {
  StepOutcome outcome;
  double update_norm = 0;  ///< of the change of the weights; 0 where nobody limits it
  double distance = 0;     ///< from the anchor, as a share of its norm; 0 where nobody limits it
  bool shortened = false;  ///< the change was longer than learn.limits.update_norm
  bool reset = false;      ///< the distance was more than learn.limits.distance: it is the anchor again
};

/// One rank's copy of what learns from a stream: the replica, its step, and the version that it began with.
/// All methods but the accessors are collective.
class OnlineModel {
 public:
  /// What is given outlives it. `temperature`: of the anchor's head, which stays as it is
  /// (tasks/calibration.h); answers are divided by it, learning is not. `data`: of it the schema and the
  /// widths are read. `anchor`: the checkpoint of the version that learning begins with, `resumed`: the one
  /// that it goes on from, or null; both matter on rank 0 alone.
  OnlineModel(World& world, const RunConfig& config, const PreparedData& data, double temperature,
              const Checkpoint* anchor, const Checkpoint* resumed,
              const std::function<void(const std::string&)>& device_chosen);

  /// Answers to the samples, on rank 0, in their order.
  Prequential::Answers answer(const Dataset& samples);
  /// Learns from the samples, which the ranks share.
  LearnedStep learn(const Dataset& samples, const StopSignal& signal);
  /// What a checkpoint holds of it: weights, optimizer, and `progress["training"]`. Rank 0 alone is given
  /// tensors.
  Checkpoint checkpoint();

  std::int64_t step() const { return step_; }
  const Replica& replica() const { return replica_; }
  /// What its answers are judged by.
  const Task& task() const { return answering_ ? *answering_ : *task_; }
  const std::string& device() const { return device_; }
  SampleForm form() const;
  Network make_model() const;
  /// The norm of all weights is finite and the same on all ranks, else throws as training does.
  void require_same_replicas();

 private:
  void begin_with(const Checkpoint* anchor);
  void go_on_from(const Checkpoint* resumed);
  void keep_before();
  void limit(LearnedStep& done);
  void reset_to_anchor();
  ModelShape shape() const { return {data_.features, task_->outputs(), data_.categories}; }

  World& world_;
  const RunConfig& config_;
  const PreparedData& data_;
  std::string device_;
  std::unique_ptr<Communicator> gradients_;
  std::unique_ptr<Task> task_;
  std::unique_ptr<Task> answering_;  ///< where the head has a temperature
  Replica replica_;
  NamedTensors anchor_;             // parameters and buffers
  double anchor_norm_ = 0;          // of the parameters that learn
  std::vector<at::Tensor> before_;  // of a step, by group
  std::unique_ptr<Trace> trace_;
  std::unique_ptr<TrainingStep> training_;
  std::int64_t step_ = 0;
};

}  // namespace ringtrain
