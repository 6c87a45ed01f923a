#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace ringtrain {

struct Ended {
  int code = 0;  ///< its exit code; 128 + N when signal N ended it
  bool timed_out = false;
  std::string output;  ///< what it wrote to both outputs, the first 64 KiB
};

/// Runs a program found on PATH with no input, and waits for its end; after `limit` it and what it started
/// are killed. Throws Error when it cannot be started. Several threads may call it.
Ended run_with_limit(const std::vector<std::string>& command, std::chrono::milliseconds limit);

/// The word as a shell takes it: in quotes where it needs them.
std::string shell_quoted(const std::string& word);

}  // namespace ringtrain
