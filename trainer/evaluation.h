#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

#include "comm/communicator.h"
#include "comm/watch/beacon.h"
#include "data/dataset.h"
#include "models/network.h"
#include "trainer/tasks/answers.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// Each rank answers an even share of `dataset`, in rank order, in eval mode, in the precision of training
/// (trainer/precision/forward.h), and keeps those answers: nothing is gathered. A rank holds 8 bytes for each
/// score, target and row number of its share. What is returned uses `control`, which outlives it. `beacon`
/// shows the progress. Collective; a failure on one rank ends all.
Evaluation evaluate(const Network& model, const Task& task, const Dataset& dataset, Communicator& control,
                    const std::string& device, std::optional<c10::ScalarType> autocast = {},
                    Beacon* beacon = nullptr);

}  // namespace ringtrain
