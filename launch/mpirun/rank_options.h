#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "launch/mpirun/mpirun_launcher.h"

namespace ringtrain {

/// --ranks, --hosts and --hostfile.
struct RankOptions {
  std::optional<int> ranks;
  std::string hosts, hostfile;
  void add_to(CLI::App& command);
};

/// What mpirun is to start: on the hosts, in the Slurm allocation that this process runs in, or here. None
/// where this process is the rank. Throws ConfigError, also for a rank that is to start ranks.
std::optional<MpirunJob> mpirun_job(const RankOptions& options);

}  // namespace ringtrain
