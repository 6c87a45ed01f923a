#pragma once

#include <string>
#include <vector>

#include "trainer/data_kinds/data_kind.h"
#include "trainer/run_config.h"
#include "trainer/step_plan.h"
#include "trainer/tasks/task.h"

namespace ringtrain::advice {

/// What the settings of a run and the sizes of its parts say before the first step (advice.h), in sentences.
std::vector<std::string> before_first_step(const RunConfig& config, const PreparedData& data,
                                           const Task& task, const StepPlan& plan);

}  // namespace ringtrain::advice
