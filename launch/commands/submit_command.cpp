#include <fmt/format.h>

#include <filesystem>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "launch/commands/commands.h"
#include "launch/commands/training_arguments.h"
#include "launch/init/first_run.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "launch/slurm/submission.h"
#include "storage/location.h"
#include "trainer/run_config.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  TrainingArguments training;
  slurm::Submission job;
  int ranks_per_node = 0;
  std::string template_file;
  bool dry_run = false;
};

/// What would fail on the cluster after hours in the queue fails here.
RunConfig checked_config(const Arguments& arguments, const Catalogue& catalogue) {
  const auto& training = arguments.training;
  (void)training.start_options();
  require_configuration(training.config);
  RunConfig config = RunConfig::load(training.config, training.all_overrides(), catalogue);
  const int ranks = arguments.job.nodes * arguments.job.ranks_per_node;
  if (config.trainer.global_batch_size < ranks)
    throw ConfigError(
        fmt::format("trainer.global_batch_size: {} samples cannot be shared by {} nodes × {} ranks",
                    config.trainer.global_batch_size, arguments.job.nodes, arguments.job.ranks_per_node));
  if (arguments.job.gpus_per_node > 0 && config.trainer.device == "cpu")
    throw ConfigError("--gpus-per-node: the configuration has trainer.device: cpu; change one of them");
  if (config.trainer.device == "cuda" && arguments.job.gpus_per_node == 0)
    throw ConfigError("trainer.device: cuda needs --gpus-per-node");
  const bool has_run = fs::exists(Location(config.job_dir).local() / "checkpoints" / "latest");
  if (has_run && !training.resume && !training.overwrite && training.checkpoint.empty())
    throw ConfigError(
        fmt::format("{} holds a run already. Go on from it with --resume, replace it with --overwrite, "
                    "or name another folder with --job-dir",
                    config.job_dir));
  if (!has_run && (training.resume || !training.checkpoint.empty()))
    throw ConfigError(fmt::format("{} holds no checkpoint to go on from; leave out --resume or --checkpoint",
                                  config.job_dir));
  return config;
}

int run(Arguments arguments, const Catalogue& catalogue) {
  auto& job = arguments.job;
  if (arguments.ranks_per_node > 0 && job.gpus_per_node > 0 && arguments.ranks_per_node > job.gpus_per_node)
    throw ConfigError(fmt::format("--ranks-per-node: {} ranks cannot share {} GPUs; each needs one",
                                  arguments.ranks_per_node, job.gpus_per_node));
  job.ranks_per_node =
      arguments.ranks_per_node > 0 ? arguments.ranks_per_node : std::max(1, job.gpus_per_node);
  const RunConfig config = checked_config(arguments, catalogue);
  job.name = "ringtrain-" + config.name;
  job.program = program();
  job.folder = fs::current_path().string();
  job.job_dir = fs::absolute(config.job_dir).lexically_normal().string();
  job.cpus_per_rank = static_cast<int>(config.trainer.threads_per_rank);
  job.arguments = arguments.training.worker_arguments();
  const std::string script = slurm::render(
      job, arguments.template_file.empty() ? slurm::default_template() : read_file(arguments.template_file));
  if (arguments.dry_run) {
    fmt::print("{}", script);
    return ExitCode::success;
  }
  ensure_writable_folder(job.job_dir);
  const std::string file = job.job_dir + "/train.sbatch";
  write_file_atomically(file, script);
  const std::string number = slurm::submit(file);
  const std::string state = slurm::state_of(number);
  fmt::print(
      "Submitted  job {}: {} nodes × {} ranks\n"
      "Script     {}\n"
      "Log        tail -F {}/slurm-{}.log\n"
      "State      squeue --job {}{}\n"
      "Cancel     scancel {}\n",
      number, job.nodes, job.ranks_per_node, file, job.job_dir, number, number,
      state.empty() ? "" : "    now " + state, number);
  return ExitCode::success;
}

}  // namespace

void add_submit_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto& job = arguments->job;
  auto* command = app.add_subcommand(
      "submit", "Submit a training run to Slurm: writes the batch script, and hands it to sbatch.");
  arguments->training.add_to(*command);
  command->add_option("--nodes", job.nodes, "Nodes (1)")->check(CLI::Range(1, 4096));
  command->add_option("--gpus-per-node", job.gpus_per_node, "GPUs of each node, a rank for each (none)")
      ->check(CLI::Range(0, 64));
  command
      ->add_option("--ranks-per-node", arguments->ranks_per_node,
                   "Ranks of each node (one a GPU; without GPUs: 1)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--time", job.time,
                      "Time limit: minutes, hours:minutes:seconds, or days-hours (the partition's)");
  command->add_option("--partition", job.partition,
                      "Partition, as `sinfo` lists them (the cluster's default)");
  command->add_option("--account", job.account, "Account that pays");
  command
      ->add_option("--container", job.container,
                   "Run the ranks in this image: a file.sif by Apptainer, anything else by Slurm's container "
                   "plugin. It "
                   "holds ringtrain on its PATH; a program of another name at the same place as here")
      ->type_name("IMAGE");
  command
      ->add_option("--launcher", job.launcher,
                   "srun, mpirun, or auto: srun where Slurm has the pmix plugin (auto)")
      ->check(CLI::IsMember({"auto", "srun", "mpirun"}));
  command->add_option("--sbatch", job.more, "Any other option of sbatch: --sbatch qos=high; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--template", arguments->template_file,
                   "Your site's batch script in the place of share/ringtrain/templates/train.sbatch")
      ->envname("RINGTRAIN_SBATCH_TEMPLATE")
      ->type_name("FILE");
  command->add_flag("--dry-run", arguments->dry_run, "Print the script, write and submit nothing");
  command->footer(
      "Examples:\n"
      "  ringtrain submit configs/fraud.yaml --nodes 4 --gpus-per-node 8 --time 2:00:00\n"
      "  ringtrain submit configs/fraud.yaml --nodes 2 --ranks-per-node 16 --partition cpu --job-dir "
      "/shared/jobs/fraud\n"
      "  ringtrain submit configs/fraud.yaml --nodes 4 --gpus-per-node 8 --sbatch qos=high --dry-run\n"
      "Before its time limit a job writes a checkpoint and is queued again; it goes on from there.");
  command->callback([arguments, &program] { program.exit_code = run(*arguments, program.catalogue); });
}

}  // namespace ringtrain
