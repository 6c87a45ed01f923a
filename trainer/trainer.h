#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.h"
#include "data/order/loader.h"
#include "trainer/callbacks/callbacks.h"
#include "trainer/checkpoint/checkpointing.h"
#include "trainer/checkpoint/job_lock.h"
#include "trainer/evaluation.h"
#include "trainer/metrics/report.h"
#include "trainer/run_config.h"
#include "trainer/setup/step_memory.h"
#include "trainer/setup/stop_signal.h"
#include "trainer/standing.h"
#include "trainer/step/replica.h"
#include "trainer/step/training_step.h"
#include "trainer/step_plan.h"
#include "trainer/telemetry/telemetry.h"
#include "trainer/telemetry/trace.h"
#include "trainer/weights/stored_weights.h"

namespace ringtrain {

/// How a run starts.
struct StartOptions {
  bool resume = false;                    ///< from the newest checkpoint of the job folder
  std::optional<std::int64_t> from_step;  ///< from this one; implies resume
  std::int64_t trace_steps = 0;           ///< so many first steps go into trace.json
  std::vector<std::string>
      allow_changes{};     ///< settings that may differ from the checkpoint's (setup/experiment.h)
  bool overwrite = false;  ///< an earlier run's checkpoints and logs in the job folder are removed
  /// Told this rank's device ("cpu", "cuda:1") before anything is started there.
  std::function<void(const std::string& device)> device_chosen = nullptr;
  GraphRecorder recorder = nullptr;  ///< of steps on a CPU, which records nothing by itself: a test's
};

/// What came out of a run; the same on every rank.
struct Outcome {
  bool stopped = false;  ///< by a signal, after a checkpoint
  std::int64_t steps = 0;
  std::int64_t exported_step = 0;  ///< the checkpoint that `test` was measured with
  Head head;                       ///< with the thresholds that were chosen
  MetricsReport test;
  std::vector<std::string> advice;  ///< what the numbers say (trainer/advice/advice.h)
};

/// Trains one model on all ranks of a world. Every method is collective.
class Trainer {
 public:
  /// Agrees on the configuration, reads the data, makes the replica and, where asked to, goes on from a
  /// checkpoint. Throws on all ranks, with ExitCode::stopped and before an earlier run is replaced, when one
  /// of them has caught `signal`.
  Trainer(World& world, const RunConfig& config, const StartOptions& options, const StopSignal& signal);
  ~Trainer();

  /// Trains to the end (or to the caught signal), then measures the test part with the best (or last)
  /// checkpoint. Afterwards the replica holds that checkpoint's weights.
  Outcome fit();

  const PreparedData& data() const { return data_; }
  const Replica& replica() const { return replica_; }
  const CheckpointStore& checkpoints() const { return store_; }
  const Task& task() const { return *task_; }
  /// A fresh model of the same kind.
  Network make_model() const;

 private:
  // Where a checkpoint's progress keeps what is not a replica's.
  static constexpr const char* kTrainingState = "training";  ///< TrainingStep::state
  static constexpr const char* kAutoSteps = "auto_steps";    ///< what steps: auto decided on
  static constexpr const char* kCallbacks = "callbacks";

  /// What the run goes on from, as all ranks know it.
  struct Beginning {
    bool resumes = false;
    bool has_state = false;  ///< of an optimizer too: where it resumes, or model.weights.optimizer says so
    std::int64_t step = 0;
    std::optional<Preprocessing> preprocessing;  ///< of the run before; none: it is fitted
  };
  // Before the first step: trainer_start.cpp.
  void connect(const StartOptions& options);
  Beginning find_beginning();
  WholeState make_replica_of_data();
  nlohmann::json take_progress(const Beginning& from);
  void open_job_folder();
  void start(const StartOptions& options);
  void stop_before_first_step(bool goes_on_from_newest);
  void open_log();
  void claim_job_folder(const StartOptions& options);
  void load_origin();
  void read_given_weights();
  void require_same_experiment_as_resumed(const StartOptions& options);
  nlohmann::ordered_json about_start() const;
  void tell_beginning();

  // The training: trainer.cpp.
  void make_step(const nlohmann::json& state);
  void lay_out_anew();
  void advise(const std::optional<std::string>& sentence);
  void advise_on_plan();
  void advise_on_part(const std::string& name, const MetricsReport& report);
  Moment moment() { return {step_, replica_, *gradients_}; }
  void plan_steps();
  void decide_steps();
  void write_config() const;
  void require_callbacks(const char* phase);
  StepTotals train_step(Loader& loader);
  bool evaluate_validation();
  void save_checkpoint(bool is_best);
  Outcome finish(bool stopped);
  Evaluation evaluate_part(const Dataset& part);
  DataRequest data_request(const std::optional<Preprocessing>& fitted) const;
  ModelShape model_shape() const;

  World& world_;
  RunConfig config_;
  const StopSignal& signal_;
  std::string device_;
  std::unique_ptr<JobLock>
      lock_;  // of the job folder, rank 0's alone; given back after all that writes there
  CheckpointStore store_;
  std::optional<Checkpoint> resumed_;
  std::optional<Checkpoint> origin_;  // of trainer.start_from: its weights and preprocessing; rank 0's alone
  std::optional<StoredWeights> given_;   // of model.weights; rank 0's alone
  std::vector<std::string> given_told_;  // what was taken of them
  std::unique_ptr<Communicator> gradients_;
  PreparedData data_;
  std::unique_ptr<Task> task_;
  Replica replica_;
  std::optional<StepMemory> memory_;  // rank 0's alone
  GraphRecorder recorder_;
  std::unique_ptr<TrainingStep> training_;
  Callbacks callbacks_;
  std::unique_ptr<Telemetry> telemetry_;
  std::unique_ptr<Trace> trace_;
  Standing standing_;
  std::unique_ptr<Checkpointing> checkpointing_;
  std::int64_t step_ = 0, batches_per_epoch_ = 0;
  StepPlan plan_;
  StepClock clock_;
  std::vector<double> validation_losses_;  // of this process's evaluations
  std::vector<std::string> advice_;
  std::int64_t first_step_ = -1;  // that of the checkpoint that the run goes on from; -1: none
};

}  // namespace ringtrain
