#pragma once

#include <memory>
#include <optional>

#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checks/subject.h"
#include "trainer/weights/stored_weights.h"

namespace ringtrain::checks {

/// A run up to its first step, made as Trainer makes it, without a job folder: what `check` looks at.
class Session {
 public:
  /// Reads the data, makes the model with the weights that the run begins with. World and signal outlive it.
  /// Throws what a training would throw; ConfigError for a world of several ranks.
  Session(World& world, RunConfig config, const StopSignal& signal);

  Subject& subject() { return *subject_; }
  const RunConfig& config() const { return config_; }
  const PreparedData& data() const { return data_; }

 private:
  Replica begin(const RunConfig& config) const;
  const RunConfig config_;
  std::string device_;
  std::unique_ptr<Communicator> gradients_;
  std::optional<Checkpoint> origin_;    // of trainer.start_from
  std::optional<StoredWeights> given_;  // of model.weights
  std::optional<Preprocessing> fitted_;
  PreparedData data_;
  std::unique_ptr<Task> task_;
  Replica replica_;
  std::optional<Subject> subject_;
};

}  // namespace ringtrain::checks
