#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

#include "comm/world.h"
#include "data/dataset.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// Where a loss or a gradient that is not finite comes from, in words: weights that were not finite before
/// this step, the samples of each rank (rows of the data file) whose values or whose loss are not, the first
/// parameter whose summed gradient is not. The samples are looked at one by one, at most 4,096 a rank.
/// Collective.
std::string explain_non_finite(World& world, const Replica& replica, const Task& task, const Batch& batch,
                               const std::string& device, std::optional<c10::ScalarType> autocast);

}  // namespace ringtrain
