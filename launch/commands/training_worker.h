#pragma once

#include <string>
#include <vector>

#include "trainer/trainer.h"

namespace ringtrain {

/// One rank of a training job, from World to export. `catalogue`: the kinds that the configuration may name.
/// Prints what went wrong (one message for all ranks) and returns the exit code.
int run_training_worker(const std::string& config_file, const std::vector<std::string>& overrides,
                        const StartOptions& start, const Catalogue& catalogue);

}  // namespace ringtrain
