#include "launch/mpirun/rank_options.h"

#include <fmt/format.h>

#include "comm/launcher.h"
#include "common/errors.h"
#include "launch/slurm/allocation.h"

namespace ringtrain {
namespace {

/// Ranks that a Slurm allocation holds: mpirun asks Slurm itself where.
MpirunJob job_in(const slurm::Allocation& allocation, const std::optional<int>& ranks) {
  if (ranks && *ranks > allocation.tasks)
    throw ConfigError(
        fmt::format("--ranks: {} ranks, but Slurm job {} on {} has room for {}; ask Slurm for more "
                    "(--ntasks), or leave out --ranks",
                    *ranks, allocation.job, allocation.nodes, allocation.tasks));
  return {.ranks = ranks.value_or(allocation.tasks), .hosts = {}, .allocated = true, .debug_rank = {}};
}

/// One process alone may start ranks: the shell of an interactive step carries the marks of a rank too.
void refuse_inside_a_rank() {
  if (!launcher::started_rank() || launcher::announced_ranks() <= 1) return;
  ConfigError error(fmt::format(
      "--ranks, --hosts and --hostfile start ranks, but this process is one of {} that mpirun or srun "
      "started; leave the option out, or call ringtrain without mpirun and srun",
      launcher::announced_ranks()));
  error.mark_agreed();
  throw error;
}

}  // namespace

void RankOptions::add_to(CLI::App& command) {
  command
      .add_option("--ranks", ranks,
                  "Start so many ranks with mpirun: on this machine, on the hosts, or in the allocation")
      ->check(CLI::Range(1, 4096));
  auto* named =
      command.add_option("--hosts", hosts, "Start ranks on these machines, by ssh: node1:4,node2:4")
          ->type_name("HOST:RANKS,...");
  command.add_option("--hostfile", hostfile, "The same from a file; a line is: node1 slots=4")
      ->type_name("FILE")
      ->excludes(named);
}

std::optional<MpirunJob> mpirun_job(const RankOptions& options) {
  MpirunJob job;
  if (options.ranks || !options.hosts.empty() || !options.hostfile.empty()) refuse_inside_a_rank();
  if (!options.hosts.empty()) job.hosts = parse_hosts(options.hosts);
  if (!options.hostfile.empty()) job.hosts = read_hostfile(options.hostfile);
  if (job.hosts.empty()) {
    if (const auto allocation = slurm::current_allocation()) return job_in(*allocation, options.ranks);
    if (!options.ranks) return std::nullopt;
  }
  job.ranks = options.ranks.value_or(total_ranks(job.hosts));
  if (!job.hosts.empty() && job.ranks > total_ranks(job.hosts))
    throw ConfigError(
        fmt::format("--ranks: {} ranks, but the hosts take {} ({}); write how many each takes: node1:4",
                    job.ranks, total_ranks(job.hosts), to_string(job.hosts)));
  return job;
}

}  // namespace ringtrain
