#include "trainer/optimizer/schedule.h"

#include <algorithm>

namespace ringtrain {

double learning_rate(const ScheduleConfig& schedule, double base, std::int64_t step,
                     std::int64_t total_steps) {
  if (step < schedule.warmup_steps)
    return base * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  const std::int64_t after = step - schedule.warmup_steps;
  const auto span = std::max<std::int64_t>(1, total_steps - schedule.warmup_steps);
  return schedule.shape.kind().rate(base, after, span);
}

}  // namespace ringtrain
