#pragma once

#include <string>

#include "trainer/trainer.h"

namespace ringtrain {

/// Prints what came of a run: the test part's metrics, what the numbers say, where all is, and what to type
/// next. `exported`, `report`: where they are; "" for none.
void print_outcome(const RunConfig& config, const Trainer& trainer, const Outcome& outcome,
                   const std::string& exported, const std::string& report);

}  // namespace ringtrain
