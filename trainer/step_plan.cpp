#include "trainer/step_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kSteps = 3000, kEpochs = 30, kEvaluations = 50, kPatience = kEvaluations / 5;

std::int64_t wished(std::int64_t batches_per_epoch) { return std::max(kSteps, kEpochs * batches_per_epoch); }

}  // namespace

StepPlan StepPlan::of(const TrainerConfig& config, std::int64_t batches_per_epoch) {
  StepPlan plan;
  plan.patience = config.early_stopping.patience;
  if (config.steps == "auto") {
    plan.decided = config.auto_steps > 0;
    plan.total = plan.decided ? config.auto_steps : wished(batches_per_epoch);
    plan.evaluate_every = std::max<std::int64_t>(1, plan.total / kEvaluations);
    if (plan.patience == 0) plan.patience = kPatience;
  } else {
    plan.total = config.epochs * batches_per_epoch;
    if (config.max_steps > 0) plan.total = std::min(plan.total, config.max_steps);
    plan.evaluate_every = batches_per_epoch;
  }
  if (config.evaluate_every_steps > 0) plan.evaluate_every = config.evaluate_every_steps;
  return plan;
}

std::string StepPlan::told(std::int64_t most, std::int64_t batches_per_epoch, double seconds_per_step) const {
  const double epochs =
      static_cast<double>(total) / static_cast<double>(std::max<std::int64_t>(1, batches_per_epoch));
  return fmt::format(
      "steps: auto: {} steps ({:.1f} epochs), about {} at {} a step{}; an evaluation every {} steps, {} "
      "without a "
      "better one end it",
      with_commas(total), epochs, human_seconds(static_cast<double>(total) * seconds_per_step),
      human_seconds(seconds_per_step),
      total < most ? fmt::format(", as trainer.auto_seconds allows, of {}", with_commas(most)) : "",
      with_commas(evaluate_every), patience);
}

std::int64_t decide_steps_of(const TrainerConfig& config, std::int64_t batches_per_epoch,
                             double seconds_per_step) {
  const auto most = wished(batches_per_epoch);
  if (!(seconds_per_step > 0)) return most;
  const double in_time = config.auto_seconds / seconds_per_step;
  return in_time < static_cast<double>(most) ? std::max(StepClock::kSteps, static_cast<std::int64_t>(in_time))
                                             : most;
}

bool StepClock::after_step() {
  ++steps_;
  const auto now = std::chrono::steady_clock::now();
  if (steps_ <= kWarm) begin_ = now;
  if (steps_ != kSteps) return false;
  seconds_per_step_ =
      std::chrono::duration<double>(now - begin_).count() / static_cast<double>(kSteps - kWarm);
  return true;
}

}  // namespace ringtrain
