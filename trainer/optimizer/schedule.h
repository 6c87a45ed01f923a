#pragma once

#include <cstdint>

#include "trainer/optimizer/optimizer_config.h"

namespace ringtrain {

/// The learning rate of step `step` (from 0) of `total_steps`: a pure function, so that resuming needs no
/// state. The warm-up multiplies by (step + 1) / warmup_steps while step < warmup_steps; the shape
/// starts after it.
double learning_rate(const ScheduleConfig& schedule, double base, std::int64_t step,
                     std::int64_t total_steps);

}  // namespace ringtrain
