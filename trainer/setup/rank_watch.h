#pragma once

#include <memory>

#include "comm/watch/monitor.h"
#include "comm/world.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// Watches the ranks of `world` as `trainer.watch` says, until it is dropped: before World::close. When a
/// rank is lost or hangs, one rank says which, where and what it was doing, and ends the job with the exit
/// code of CommError. Collective.
std::unique_ptr<Monitor> watch_ranks(World& world, const WatchConfig& config);

}  // namespace ringtrain
