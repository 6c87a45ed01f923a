#include "launch/commands/rank_main.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/log.h"

namespace ringtrain {

int rank_main(const std::function<int(World&, const StopSignal&)>& body) {
  const StopSignal signal;
  World world;
  log::set_identity(world.rank(), world.world_size(), world.host(), "cpu");
  const auto say = [](const std::string& text) {
    const std::string line = fmt::format("ringtrain: {}\n", text);
    (void)!::write(STDERR_FILENO, line.data(), line.size());
  };
  const auto say_and_log = [&say](const std::string& text) {
    say(text);
    log::error_to_file(text);
  };
  try {
    const int code = body(world, signal);
    world.close();
    return code;
  } catch (const Error& error) {
    if (error.agreed()) {  // all ranks know; one says it
      if (world.rank() == 0) say(error.what());
      log::error_to_file(error.what());
      world.close();
      return error.exit_code();
    }
    say_and_log(fmt::format("rank {} of {} (host {}): {}", world.rank(), world.world_size(), world.host(),
                            error.what()));
    world.control().abort(error.exit_code());
    return error.exit_code();
  } catch (const std::exception& error) {
    say_and_log(fmt::format("rank {} of {} (host {}): unexpected error: {}", world.rank(), world.world_size(),
                            world.host(), error.what()));
    world.control().abort(ExitCode::failure);
    return ExitCode::failure;
  }
}

}  // namespace ringtrain
