#include <fmt/format.h>

#include <optional>

#include "common/errors.h"
#include "launch/commands.h"
#include "launch/mpirun_launcher.h"
#include "launch/slurm/allocation.h"
#include "launch/training_arguments.h"
#include "launch/training_worker.h"

namespace ringtrain {
namespace {

struct Arguments {
  TrainingArguments training;
  std::optional<int> ranks, debug_rank;
  std::string hosts, hostfile;
  bool dry_run = false;
};

/// Ranks that a Slurm allocation holds: mpirun asks Slurm itself where.
MpirunJob job_in(const slurm::Allocation& allocation, const std::optional<int>& ranks) {
  if (ranks && *ranks > allocation.tasks)
    throw ConfigError(
        fmt::format("--ranks: {} ranks, but Slurm job {} on {} has room for {}; ask Slurm for more "
                    "(--ntasks), or leave out --ranks",
                    *ranks, allocation.job, allocation.nodes, allocation.tasks));
  return {.ranks = ranks.value_or(allocation.tasks), .hosts = {}, .allocated = true, .debug_rank = {}};
}

/// What mpirun is to start; nothing where this process is the rank.
std::optional<MpirunJob> mpirun_job(const Arguments& arguments) {
  MpirunJob job;
  if (!arguments.hosts.empty()) job.hosts = parse_hosts(arguments.hosts);
  if (!arguments.hostfile.empty()) job.hosts = read_hostfile(arguments.hostfile);
  if (job.hosts.empty()) {
    if (const auto allocation = slurm::current_allocation()) return job_in(*allocation, arguments.ranks);
    if (!arguments.ranks) return std::nullopt;
  }
  job.ranks = arguments.ranks.value_or(total_ranks(job.hosts));
  if (!job.hosts.empty() && job.ranks > total_ranks(job.hosts))
    throw ConfigError(
        fmt::format("--ranks: {} ranks, but the hosts take {} ({}); write how many each takes: node1:4",
                    job.ranks, total_ranks(job.hosts), to_string(job.hosts)));
  return job;
}

int run(const Arguments& arguments) {
  const StartOptions start = arguments.training.start_options();
  if (auto job = mpirun_job(arguments)) {
    job->debug_rank = arguments.debug_rank;
    return run_under_mpirun(*job, arguments.training.worker_arguments(), arguments.dry_run);
  }
  for (const auto& [option, given] :
       {std::pair{"--dry-run", arguments.dry_run}, {"--debug-rank", arguments.debug_rank.has_value()}})
    if (given)
      throw ConfigError(
          fmt::format("{} is for the ranks of --ranks, --hosts or --hostfile; give one of them too", option));
  return run_training_worker(arguments.training.config, arguments.training.all_overrides(), start);
}

}  // namespace

void add_train_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("train",
                                     "Train a model: on one process, on --ranks N of this machine, on "
                                     "--hosts, on the nodes of a Slurm allocation, "
                                     "or as a worker of mpirun or srun.");
  arguments->training.add_to(*command);
  command
      ->add_option("--ranks", arguments->ranks,
                   "Start so many ranks with mpirun: on this machine, on the hosts, or in the allocation")
      ->check(CLI::Range(1, 4096));
  auto* hosts =
      command
          ->add_option("--hosts", arguments->hosts, "Start ranks on these machines, by ssh: node1:4,node2:4")
          ->type_name("HOST:RANKS,...");
  command->add_option("--hostfile", arguments->hostfile, "The same from a file; a line is: node1 slots=4")
      ->type_name("FILE")
      ->excludes(hosts);
  command
      ->add_option(
          "--debug-rank", arguments->debug_rank,
          "Run rank R under gdb: in a window of its own where there are windows, else under gdbserver")
      ->type_name("R")
      ->check(CLI::Range(0, 4095));
  command->add_flag("--dry-run", arguments->dry_run, "Print the mpirun command of the ranks, and end");
  command->footer(
      "Examples:\n"
      "  ringtrain train configs/cancer.yaml\n"
      "  ringtrain train configs/fraud.yaml --ranks 2 --set trainer.epochs=3\n"
      "  ringtrain train configs/fraud.yaml --train-file creditcard.csv --job-dir jobs/cards --resume\n"
      "  ringtrain train configs/fraud.yaml --hosts node1:4,node2:4 --job-dir /shared/jobs/fraud\n"
      "  ringtrain train configs/fraud.yaml --ranks 2 --debug-rank 1\n"
      "  salloc --ntasks 4 ringtrain train configs/fraud.yaml\n"
      "  mpirun -np 2 ringtrain train configs/fraud.yaml\n"
      "A signal (Ctrl-C) ends a run after a checkpoint, with exit code 75; --resume goes on.");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ringtrain
