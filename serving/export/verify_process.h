#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace ringtrain {

/// Runs `command` in a fresh process that knows nothing of MPI or Slurm (their variables are left out of its
/// environment), and waits. Throws ExportError with what it wrote when it cannot be started, ends with
/// another code than 0, or takes longer than `limit`. A SIGINT, SIGTERM or SIGUSR1 ends it only where it
/// would end this process.
void run_verifier(const std::vector<std::string>& command,
                  std::chrono::seconds limit = std::chrono::seconds(120));

}  // namespace ringtrain
