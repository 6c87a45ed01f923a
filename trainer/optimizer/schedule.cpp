#include "trainer/optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ringtrain {

double learning_rate(const ScheduleConfig& schedule, double base, std::int64_t step,
                     std::int64_t total_steps) {
  if (step < schedule.warmup_steps)
    return base * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  const std::int64_t after = step - schedule.warmup_steps;
  if (schedule.type == "step") {
    const std::int64_t drops = after / schedule.step_size;
    return base * std::pow(schedule.gamma, static_cast<double>(drops));
  }
  if (schedule.type == "cosine") {
    const auto span = static_cast<double>(std::max<std::int64_t>(1, total_steps - schedule.warmup_steps));
    const double progress = std::min(1.0, static_cast<double>(after) / span);
    return schedule.min_lr + 0.5 * (base - schedule.min_lr) * (1 + std::cos(std::numbers::pi * progress));
  }
  return base;
}

}  // namespace ringtrain
