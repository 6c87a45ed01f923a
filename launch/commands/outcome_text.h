#pragma once

#include <string>

#include "launch/commands/model_export.h"
#include "trainer/trainer.h"

namespace ringtrain {

/// Prints what came of a run: the test part's metrics, what the numbers say, where all is, and what to type
/// next. `report`: where it is; "" for none, as `exported.version`.
void print_outcome(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                   const Exported& exported, const std::string& report);

}  // namespace ringtrain
