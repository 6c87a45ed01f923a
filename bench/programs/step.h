#pragma once

#include <nlohmann/json.hpp>

#include "comm/averaging/gradient_averager.h"
#include "comm/world.h"
#include "trainer/run_config.h"
#include "trainer/step/recorded_step.h"
#include "trainer/step/replica.h"
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

/// Training as the trainer does it (trainer/step/training_step.cpp), over batches that are in memory already.
class Step {
 public:
  /// Without `averages`, for one rank alone: no averager, to see what it costs. Collective.
  Step(const Case& spec, World& world, bool averages = true);
  /// One step: forward, backward, averaging, optimizer. Returns the loss of the joined batch. Collective.
  double run();
  /// The mean seconds of the parts that do not communicate, over `count` steps of a second replica that is
  /// not averaged, all ranks at once: {"forward", "backward", "optimizer"}, and "gradient_bytes", what
  /// averaging moves. Collective.
  nlohmann::json parts(int count);
  Communicator& communicator() { return *communicator_; }

 private:
  std::int64_t global_batch() const { return spec_.batch * world_.world_size(); }
  std::size_t batch_number() const;  // of this rank, in this step
  LossSum forward(Replica& replica);
  void backward(const LossSum& loss);

  const Case& spec_;
  World& world_;
  at::Device device_ = at::kCPU;
  std::optional<c10::ScalarType> autocast_;
  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<Task> task_;
  Replica replica_;
  std::unique_ptr<GradientAverager> averager_;  // null: not averaged
  std::unique_ptr<RecordedStep> recorded_;      // on a GPU; null: every step is a plain one
  std::vector<at::Tensor> inputs_, targets_;    // batches of all ranks, in turn
  std::int64_t step_ = 0;
};

}  // namespace ringtrain::bench
