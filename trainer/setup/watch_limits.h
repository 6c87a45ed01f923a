#pragma once

#include "comm/watch/watch.h"
#include "trainer/run_config.h"

namespace ringtrain {

/// What `trainer.watch` asks of watch_ranks (comm/watch/rank_watch.h).
WatchLimits limits_of(const WatchConfig& config);

}  // namespace ringtrain
