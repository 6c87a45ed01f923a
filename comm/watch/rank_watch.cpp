#include "comm/watch/rank_watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include "comm/agreement.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/log.h"

namespace ringtrain {

std::unique_ptr<Monitor> watch_ranks(World& world, const WatchLimits& limits) {
  Monitor::Options options{
      .limits = limits,
      .names = all_gather_strings(world.control(), fmt::format("host {}, pid {}", world.host(), ::getpid())),
      .on_trouble = nullptr,
      .has_launcher = World::launched_by_mpi()};
  Communicator& control = world.control();
  options.on_trouble = [&control](const std::string& text) {
    const std::string line = fmt::format("ringtrain: {}\n", text);
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    log::error_to_file(text);
    ::alarm(10);  // should MPI_Abort itself wait for something
    control.abort(ExitCode::communication);
  };
  return std::make_unique<Monitor>(world.beacon(), world.make_beat_link(), std::move(options));
}

}  // namespace ringtrain
