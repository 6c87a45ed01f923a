#pragma once

#include <functional>

#include "comm/world.h"
#include "trainer/setup/stop_signal.h"

namespace ringtrain {

/// What one rank of a job does from World to the end: `body` gives the exit code. Prints what went wrong (one
/// message for all ranks), ends the other ranks where they cannot know, and returns the exit code.
int rank_main(const std::function<int(World& world, const StopSignal& signal)>& body);

}  // namespace ringtrain
