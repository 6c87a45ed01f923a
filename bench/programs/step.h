#pragma once

#include <nlohmann/json.hpp>

#include "comm/world.h"
#include "trainer/run_config.h"
#include "trainer/step/replica.h"
#include "trainer/step/training_step.h"
#include "trainer/tasks/task.h"

namespace ringtrain::bench {

/// One case of the driver (bench/driver/cases.py), as JSON: "config", the text of a run configuration, of
/// which model, task and trainer are used; "features", "outputs", "labels"; "batch", the samples of a rank;
/// "weights" and "data", safetensors files: parameters by name, and "inputs" and "targets" of several
/// batches.
struct Case {
  explicit Case(const std::string& file);
  RunConfig config;
  ModelShape shape;
  std::vector<std::string> labels;
  std::int64_t batch;
  std::string weights, data;
};

/// Writes the initial weights of a case, which both sides start from, to its "weights" file.
void write_weights(const Case& spec);

/// The trainer's own step (trainer/step/training_step.h), over batches that are in memory already: of the
/// device, in turn.
class Step {
 public:
  /// Collective.
  Step(const Case& spec, World& world);
  ~Step();
  /// One step: forward, backward, averaging, optimizer. Returns the loss of the joined batch. Collective.
  double run();
  /// The mean seconds of the parts that do not communicate, over `count` steps of a second replica that is
  /// not averaged, all ranks at once: {"forward", "backward", "optimizer"}, and "gradient_bytes", what
  /// averaging moves. Collective.
  nlohmann::json parts(int count);
  Communicator& communicator() { return *communicator_; }

 private:
  struct Batches;
  static RunConfig config_of(const Case& spec, const World& world);

  const Case& spec_;
  World& world_;
  RunConfig config_;
  std::string device_;
  StopSignal signal_;
  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<Task> task_;
  Replica replica_;
  Trace trace_;
  std::unique_ptr<Batches> batches_;
  std::unique_ptr<Loader> loader_;
  std::unique_ptr<TrainingStep> training_;
  std::int64_t step_ = 0;
};

}  // namespace ringtrain::bench
