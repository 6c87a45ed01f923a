#pragma once

#include <string>
#include <vector>

namespace ringtrain {

/// Runs this program as `ranks` ranks of this machine under mpirun and waits for their end; returns their
/// exit code. mpirun gets a process group of its own: SIGINT and SIGTERM reach the ranks as SIGUSR1, so that
/// they can write a checkpoint (mpirun itself would kill them after a second). `dry_run`: only prints the
/// command. Throws ConfigError when there is no mpirun.
int run_local_ranks(int ranks, const std::vector<std::string>& worker_arguments, bool dry_run);

}  // namespace ringtrain
