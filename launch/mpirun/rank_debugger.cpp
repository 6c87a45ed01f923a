#include "launch/mpirun/rank_debugger.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "common/errors.h"
#include "launch/mpirun/subprocess.h"

namespace ringtrain {

std::string find_on_path(const std::string& name) {
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    if (const auto file = std::filesystem::path(folder) / name; ::access(file.c_str(), X_OK) == 0)
      return file.string();
  return "";
}

RankDebugger rank_debugger(int rank, const std::string& program) {
  const std::string gdb = find_on_path("gdb"), xterm = find_on_path("xterm"),
                    server = find_on_path("gdbserver");
  if (std::getenv("DISPLAY") && !gdb.empty() && !xterm.empty())
    return {{xterm, "-T", fmt::format("ringtrain rank {}", rank), "-e", gdb, "--args"},
            fmt::format("rank {} is in gdb, in a window of its own; type run there", rank)};
  if (!server.empty())
    return {
        {server, "--once", "localhost:0"},
        fmt::format(
            "rank {} waits in gdbserver, which says 'Listening on port PORT' below; on its host, in another "
            "terminal: gdb {} -ex 'target remote localhost:PORT'",
            rank, shell_quoted(program))};
  throw ConfigError(
      "--debug-rank: there is no gdbserver on PATH (Debian: apt-get install gdbserver gdb), and no gdb with "
      "xterm and a "
      "DISPLAY");
}

}  // namespace ringtrain
