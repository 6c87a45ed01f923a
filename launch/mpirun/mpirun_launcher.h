#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launch/mpirun/hosts.h"

namespace ringtrain {

/// What is started: `ranks` on this machine, or on `hosts`.
struct MpirunJob {
  int ranks = 1;            ///< of all hosts
  std::vector<Host> hosts;  ///< empty: this machine alone
  bool allocated = false;   ///< by Slurm, which mpirun asks for the hosts
  std::optional<int> debug_rank;
  bool stops_with_checkpoint = true;  ///< the ranks do at a signal; others are ended by it
};

/// mpirun on PATH, else the one that this program was built with. Throws ConfigError.
std::string find_mpirun();

/// How the ranks ended.
struct LaunchEnd {
  int code = 0;          ///< the ranks' exit code; 128 + N when signal N ended one
  std::string why;       ///< the one message about a failure, which has been written; "" when all went well
  bool at_once = false;  ///< a second signal ended them
};

/// Runs this program as ranks under mpirun and waits for their end. mpirun gets a
/// process group of its own: SIGINT and SIGTERM reach the ranks as SIGUSR1, so that they can write a
/// checkpoint (mpirun itself would kill them after a second); a line on the standard error says so, of ranks
/// that do. Other hosts are looked at first (host_check.h); they get the variables NCCL_*, OMP_* and
/// RINGTRAIN_* of this environment. A `debug_rank` runs under gdb (rank_debugger.h). A rank that a signal
/// ended is named, with what it was doing; none outlives this call on this machine. Throws ConfigError when
/// there is no mpirun, or a host will not do.
LaunchEnd run_under_mpirun(const MpirunJob& job, const std::vector<std::string>& worker_arguments);

/// The same command, as a shell takes it.
std::string mpirun_command_line(const MpirunJob& job, const std::vector<std::string>& worker_arguments);

/// This program's file.
std::string program();

/// Whether SIGINT, SIGTERM or SIGUSR1 came since the first `run_under_mpirun`.
bool told_to_stop();

}  // namespace ringtrain
