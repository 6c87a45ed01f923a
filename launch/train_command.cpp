#include <fmt/format.h>

#include <optional>

#include "common/errors.h"
#include "launch/commands.h"
#include "launch/mpirun_launcher.h"
#include "launch/rank_options.h"
#include "launch/training_arguments.h"
#include "launch/training_worker.h"

namespace ringtrain {
namespace {

struct Arguments {
  TrainingArguments training;
  RankOptions ranks;
  std::optional<int> debug_rank;
  bool dry_run = false;
};

int run(const Arguments& arguments) {
  const StartOptions start = arguments.training.start_options();
  if (auto job = mpirun_job(arguments.ranks)) {
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
  arguments->ranks.add_to(*command);
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
