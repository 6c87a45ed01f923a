#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "trainer/run_config.h"

namespace ringtrain {

/// How many steps a run takes, how often it looks at the validation part, and how long it waits for something
/// better.
struct StepPlan {
  std::int64_t total = 0;
  std::int64_t evaluate_every = 1;  ///< in steps
  std::int64_t patience = 0;        ///< in evaluations; 0: for ever
  bool decided = true;  ///< false: `steps: auto` has not measured yet; `total` is the most that it can be

  /// As trainer.epochs and max_steps say; or, of `steps: auto`, trainer.auto_steps, and before that is known
  /// 3,000 steps or 30 epochs, whichever is more. What evaluate_every_steps and early_stopping.patience
  /// leave open, `steps: auto` chooses: 50 evaluations, and a fifth of the steps.
  static StepPlan of(const TrainerConfig& config, std::int64_t batches_per_epoch);

  /// The decision in words. `most`: the total before it.
  std::string told(std::int64_t most, std::int64_t batches_per_epoch, double seconds_per_step) const;
};

/// What `steps: auto` decides at this speed: StepPlan::of's number, or what auto_seconds hold if that is
/// less; at least StepClock::kSteps.
std::int64_t decide_steps_of(const TrainerConfig& config, std::int64_t batches_per_epoch,
                             double seconds_per_step);

/// Measures the first steps of a process, less the very first ones, in which memory is fetched and kernels
/// are chosen.
class StepClock {
 public:
  static constexpr std::int64_t kSteps = 32;  ///< of a process, after which `steps: auto` decides
  static constexpr std::int64_t kWarm = 8;    ///< the first of them, which are not measured

  /// Another step of this process is done. Returns whether it is the one to decide after.
  bool after_step();
  /// Of those measured; 0 before the last of them.
  double seconds_per_step() const { return seconds_per_step_; }

 private:
  std::chrono::steady_clock::time_point begin_;
  std::int64_t steps_ = 0;
  double seconds_per_step_ = 0;
};

}  // namespace ringtrain
