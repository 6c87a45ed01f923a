#include "trainer/setup/watch_limits.h"

namespace ringtrain {

WatchLimits limits_of(const WatchConfig& config) {
  using Seconds = WatchLimits::Seconds;
  const StallConfig& stall = config.stall_timeout;
  return {.heartbeat_timeout = Seconds(config.heartbeat_timeout),
          .stall_timeout = {{Phase::starting, Seconds(stall.starting)},
                            {Phase::loading, Seconds(stall.loading)},
                            {Phase::computing, Seconds(stall.computing)},
                            {Phase::updating, Seconds(stall.computing)},
                            {Phase::waiting, Seconds(stall.waiting)},
                            {Phase::evaluating, Seconds(stall.evaluating)},
                            {Phase::checkpointing, Seconds(stall.checkpointing)},
                            {Phase::exporting, Seconds(stall.exporting)}},
          .prefix = "trainer.watch."};
}

}  // namespace ringtrain
