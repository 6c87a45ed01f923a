#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/hosts.h"

namespace ringtrain {

/// What is started: `ranks` on this machine, or on `hosts`.
struct MpirunJob {
  int ranks = 1;            ///< of all hosts
  std::vector<Host> hosts;  ///< empty: this machine alone
  bool allocated = false;   ///< by Slurm, which mpirun asks for the hosts
  std::optional<int> debug_rank;
};

/// mpirun on PATH, else the one that this program was built with. Throws ConfigError.
std::string find_mpirun();

/// Runs this program as ranks under mpirun and waits for their end; returns their exit code. mpirun gets a
/// process group of its own: SIGINT and SIGTERM reach the ranks as SIGUSR1, so that they can write a
/// checkpoint (mpirun itself would kill them after a second). Other hosts are looked at first (host_check.h);
/// they get the variables NCCL_*, OMP_* and RINGTRAIN_* of this environment. `dry_run`: only prints the
/// command. A `debug_rank` runs under gdb (rank_debugger.h). Throws ConfigError when there is no mpirun, or a
/// host will not do.
int run_under_mpirun(const MpirunJob& job, const std::vector<std::string>& worker_arguments, bool dry_run);

}  // namespace ringtrain
