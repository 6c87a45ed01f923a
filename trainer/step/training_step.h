#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/averaging/gradient_averager.h"
#include "comm/world.h"
#include "data/order/loader.h"
#include "trainer/precision/loss_scaler.h"
#include "trainer/run_config.h"
#include "trainer/setup/stop_signal.h"
#include "trainer/step/recorded_step.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"
#include "trainer/telemetry/trace.h"

namespace ringtrain {

/// What one step came to; the same on every rank.
struct StepOutcome {
  StepTotals totals;
  double learning_rate = 0;
  double loss_scale = 1;                    ///< that this step ran with
  bool skipped = false;                     ///< the loss or the gradient was not finite, nothing was updated
  std::chrono::duration<double> loading{};  ///< that this rank waited for its batch
};

/// One optimizer step on all ranks: forward and backward over this rank's share, the averaging of gradients,
/// clipping, the update. All methods but the accessors are collective.
class TrainingStep {
 public:
  /// What it is given outlives it. `device`: "cpu" or "cuda:N". `state`: what an earlier run's `state()`
  /// gave, the same on all ranks, to go on from it; empty: begins anew. `recorder`: null where the device
  /// records nothing.
  TrainingStep(World& world, const RunConfig& config, const Task& task, Replica& replica,
               Communicator& gradients, const std::string& device, Trace& trace, const nlohmann::json& state,
               GraphRecorder recorder = nullptr);

  /// Step `step` (from 0) of `total_steps`, on the loader's next batch. An error on one rank ends all, and so
  /// does `failure`, what went wrong on this rank before.
  StepOutcome run(Loader& loader, const StopSignal& signal, std::int64_t step, std::int64_t total_steps,
                  std::exception_ptr failure = nullptr);

  /// The state besides the replica's, for a checkpoint: an object.
  nlohmann::json state() const;

  std::int64_t bytes_per_step() const;
  /// What averaging did in the last step; null where the optimizer is sharded.
  const StepTraffic* traffic() const { return reduction_->traffic(); }
  /// The parts in which gradients are averaged while backward goes on; null where it does not.
  const Buckets* buckets() const {
    return averager_ && averager_->overlaps() ? &averager_->buckets() : nullptr;
  }
  /// What came of trainer.cuda_graph since it was asked last, in words; mostly nothing.
  std::string take_news() { return std::exchange(news_, {}); }
  /// Batch norms that take their statistics over all ranks.
  std::size_t synchronised_batch_norms() const { return norms_ ? norms_->size() : 0; }

 private:
  /// What a rank can do with a batch, the worst last: all ranks do what the worst of them can, where they
  /// wait for each other inside of forward and backward.
  enum class Ability { replay, compute, nothing };
  Ability agreed(Ability mine);
  void prepare_recording(GraphRecorder recorder);
  bool is_recorded(const Batch& batch);
  StepOutcome replay(const Batch& batch, bool stop, std::int64_t step, std::int64_t total_steps);
  void leave(const std::exception_ptr& failure, std::int64_t step);
  Pass pass();
  StepTotals work_through(const Batch& batch);
  StepTotals average(const StepTotals& mine);
  std::optional<std::size_t> next_part();
  void gather();
  bool can_update_in_parts(double loss) const;
  void update_in_parts(double learning_rate, double divisor);
  StepOutcome update(const Batch& batch, const StepTotals& totals, std::int64_t step,
                     std::int64_t total_steps);
  double norm();
  void adjust_scale(bool finite);
  void check_finite(double number, std::string_view what, const Batch& batch, std::int64_t step);
  bool weighs_nothing(const StepTotals& totals, std::int64_t step);
  bool may_leave_out() const;
  bool left_out(double loss, double length, const Batch& batch, std::int64_t step);

  World& world_;
  const RunConfig& config_;
  const Task& task_;
  Replica& replica_;
  std::string device_;
  Trace& trace_;
  std::optional<c10::ScalarType> autocast_;
  std::unique_ptr<ShadowCopies> copies_;  // null: without
  at::Tensor sums_;  // of this step's weights and losses, where they stay on a GPU: [2] float64
  std::unique_ptr<GradientAverager> averager_;  // null: replica_.shards does it
  GradientReduction* reduction_ = nullptr;      // that of the two
  std::unique_ptr<RecordedStep> recorded_;      // null: every step is a plain one
  std::string news_;
  std::optional<LossScaler> scaler_;          // float16 only
  std::shared_ptr<Communicator> statistics_;  // of batch norms; null: each rank has its own
  std::unique_ptr<JoinedBatchNorms> norms_;   // that use it
  std::int64_t skipped_in_a_row_ = 0;         // trainer.non_finite: skip
  bool told_of_weights_ = false;
};

}  // namespace ringtrain
