#include <fmt/format.h>

#include <optional>

#include "common/errors.h"
#include "common/exit_code.h"
#include "data/profile/table_profile.h"
#include "launch/commands/commands.h"
#include "launch/commands/training_arguments.h"
#include "launch/commands/training_worker.h"
#include "launch/init/first_run.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "launch/mpirun/rank_options.h"
#include "launch/mpirun/supervisor.h"

namespace ringtrain {
namespace {

struct Arguments {
  TrainingArguments training;
  RankOptions ranks;
  RestartPolicy restarts;
  std::optional<int> debug_rank;
  std::string target;  ///< of CONFIG, where that is data
  bool dry_run = false;
};

void require_hosts_for_min_ranks(const Arguments& arguments) {
  if (!arguments.restarts.min_ranks) return;
  if (arguments.ranks.hosts.empty() && arguments.ranks.hostfile.empty())
    throw ConfigError("--min-ranks: it is hosts that may be lost; give --hosts or --hostfile too");
  if (arguments.restarts.max_restarts == 0)
    throw ConfigError("--min-ranks: nothing is started again without --max-restarts; give it too");
}

/// Where CONFIG is data: what `init` writes for it.
void make_configuration(Arguments& arguments, const Catalogue& catalogue) {
  auto& training = arguments.training;
  if (!is_table_file(training.config)) {
    if (!arguments.target.empty())
      throw ConfigError(
          fmt::format("--target: {} is a configuration, and names its target itself; change it with --set "
                      "data.target=COLUMN",
                      training.config));
    return;
  }
  const bool goes_on = training.resume || !training.checkpoint.empty();
  training.config =
      first_config_in_job(training.config, arguments.target, training.all_overrides(), goes_on, catalogue);
}

int run(Arguments arguments, const Catalogue& catalogue) {
  const StartOptions start = arguments.training.start_options();
  make_configuration(arguments, catalogue);
  if (auto job = mpirun_job(arguments.ranks)) {
    job->debug_rank = arguments.debug_rank;
    require_hosts_for_min_ranks(arguments);
    if (!arguments.dry_run) return supervise(*job, arguments.training, arguments.restarts, catalogue);
    fmt::print("{}\n", mpirun_command_line(*job, arguments.training.worker_arguments()));
    return ExitCode::success;
  }
  if (arguments.restarts.max_restarts > 0 || arguments.restarts.min_ranks)
    throw ConfigError(
        "--max-restarts: a process that is a rank itself cannot start the ranks again, since it ends with "
        "them; let ringtrain "
        "start them: --ranks N (also 1), --hosts or --hostfile, instead of mpirun or srun");
  for (const auto& [option, given] :
       {std::pair{"--dry-run", arguments.dry_run}, {"--debug-rank", arguments.debug_rank.has_value()}})
    if (given)
      throw ConfigError(
          fmt::format("{} is for the ranks of --ranks, --hosts or --hostfile; give one of them too", option));
  return run_training_worker(arguments.training.config, arguments.training.all_overrides(), start, catalogue);
}

}  // namespace

void add_train_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("train",
                                     "Train a model: on one process, on --ranks N of this machine, on "
                                     "--hosts, on the nodes of a Slurm allocation, "
                                     "or as a worker of mpirun or srun.");
  arguments->training.add_to(*command);
  arguments->ranks.add_to(*command);
  command
      ->add_option(
          "--debug-rank", arguments->debug_rank,
          "Run rank R under gdb: in a window of its own where there are windows, else under gdbserver")
      ->type_name("R")
      ->check(CLI::Range(0, 4095));
  command
      ->add_option("--max-restarts", arguments->restarts.max_restarts,
                   "Start the ranks again from the newest checkpoint when they fail, so many times at most")
      ->type_name("R")
      ->check(CLI::Range(0, 1000));
  command
      ->add_option("--min-ranks", arguments->restarts.min_ranks,
                   "On a restart go on without hosts that are lost, with at least M ranks")
      ->type_name("M")
      ->check(CLI::Range(1, 4096));
  command->add_option("--target", arguments->target, "The column to predict, where CONFIG is data")
      ->type_name("COLUMN");
  command->add_flag("--dry-run", arguments->dry_run, "Print the mpirun command of the ranks, and end");
  command->footer(
      "Examples:\n"
      "  ringtrain train configs/cancer.yaml\n"
      "  ringtrain train customers.csv --target churned --ranks 2\n"
      "  ringtrain train configs/fraud.yaml --ranks 2 --set trainer.epochs=3\n"
      "  ringtrain train configs/fraud.yaml --train-file creditcard.csv --job-dir jobs/cards --resume\n"
      "  ringtrain train configs/fraud.yaml --hosts node1:4,node2:4 --job-dir /shared/jobs/fraud\n"
      "  ringtrain train configs/fraud.yaml --hosts a:4,b:4,c:4 --max-restarts 10 --min-ranks 8\n"
      "  ringtrain train configs/fraud.yaml --ranks 2 --debug-rank 1\n"
      "  salloc --ntasks 4 ringtrain train configs/fraud.yaml\n"
      "  mpirun -np 2 ringtrain train configs/fraud.yaml\n"
      "A signal (Ctrl-C) ends a run after a checkpoint, with exit code 75; --resume goes on.");
  command->callback([arguments, &program] { program.exit_code = run(*arguments, program.catalogue); });
}

}  // namespace ringtrain
