#pragma once

#include <string>
#include <vector>

namespace ringtrain {

/// What one rank is started with, so that a person can stop it and look.
struct RankDebugger {
  std::vector<std::string> words;  ///< before the program
  std::string hint;                ///< how to get at it
};

/// gdb in a window of its own where there are windows and xterm; else gdbserver, which waits for a gdb on its
/// host's loopback. Throws ConfigError where there is neither.
RankDebugger rank_debugger(int rank, const std::string& program);

/// The first `name` on PATH that can be executed; empty: none.
std::string find_on_path(const std::string& name);

}  // namespace ringtrain
