#pragma once

#include <optional>

#include "launch/commands/training_arguments.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// How often ranks are started again that failed.
struct RestartPolicy {
  int max_restarts = 0;
  std::optional<int> min_ranks;  ///< go on without hosts that will not do, with so many ranks at least
};

/// Runs the ranks, and starts them again from the newest checkpoint after a failure that may pass: a rank
/// that was killed or lost, an error of communication, anything unexpected; not after errors of
/// configuration, data, export or training, which would come again. Waits 1, 2, 4, ... 60 s in between. Gives
/// up, with a summary, after `max_restarts`, or when three attempts in a row ended without a newer
/// checkpoint. Returns the exit code of the last attempt.
int supervise(const MpirunJob& job, TrainingArguments training, const RestartPolicy& policy,
              const Catalogue& catalogue);

}  // namespace ringtrain
