#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/watch/beacon.h"
#include "data/dataset.h"
#include "models/model.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// What a model answers for a part of the data: all rows, in the dataset's order, on every rank. So metrics
/// are exact: computed from all scores, never averaged over ranks. A task without scores (Task::has_scores)
/// has no rows here: its loss and accuracy are sums over all ranks, divided once.
struct Evaluation {
  double loss = 0;                 ///< mean, by weight, in the target's unit; NaN for an empty part
  double accuracy = 0;             ///< of a task without scores: share of the right answers, by weight
  std::int64_t width = 1;          ///< scores of a row: classes, or 1
  std::vector<double> scores;      ///< [n × width]: probabilities, or the prediction
  std::vector<double> targets;     ///< [n]: the class number, or the value
  std::vector<std::int64_t> rows;  ///< [n]: place in the data file
};

/// Each rank answers an even share of `dataset`, in eval mode, in the precision of training
/// (trainer/precision/forward.h); then all is gathered. `beacon` shows the progress. Collective; a failure on
/// one rank ends all.
Evaluation evaluate(Model& model, const Task& task, const Dataset& dataset, Communicator& control,
                    const std::string& device, std::optional<c10::ScalarType> autocast = {},
                    Beacon* beacon = nullptr);

}  // namespace ringtrain
