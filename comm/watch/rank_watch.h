#pragma once

#include <memory>

#include "comm/watch/monitor.h"
#include "comm/world.h"

namespace ringtrain {

/// Watches the ranks of `world` until what it returns is dropped, before World::close, so that a training
/// loop waits for nothing for ever. A thread of each rank tells the others what the rank is doing, as
/// `world.beacon()` shows it: the loop enters a phase where it begins (`Phase::waiting` around what waits for
/// other ranks), and a long one shows `progress()`. When a rank is silent or stays in a phase beyond
/// `limits`, one rank says which, on what host, with what pid, and what it was doing, and ends the job with
/// the exit code of CommError. A rank that drops its own early is not missed, unless all others wait for it.
/// Where an MPI launcher started the process, it also ends once its parent is gone. Collective.
std::unique_ptr<Monitor> watch_ranks(World& world, const WatchLimits& limits = {});

}  // namespace ringtrain
