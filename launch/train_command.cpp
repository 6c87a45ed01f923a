#include <fmt/format.h>

#include <optional>

#include "comm/world.h"
#include "common/errors.h"
#include "launch/commands.h"
#include "launch/mpirun_launcher.h"
#include "launch/training_worker.h"

namespace ringtrain {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

struct Arguments {
  std::string config;
  std::optional<int> ranks;
  std::string hosts, hostfile;
  std::int64_t trace_steps = 0;
  std::vector<std::string> overrides;
  std::string train_file, job_dir, checkpoint;
  bool resume = false, overwrite = false, no_export = false, dry_run = false;

  /// The overrides with the short forms spelled out.
  std::vector<std::string> all_overrides() const {
    auto all = overrides;
    if (!train_file.empty()) all.push_back("data.train_file=" + quoted(train_file));
    if (!job_dir.empty()) all.push_back("job_dir=" + quoted(job_dir));
    if (no_export) all.push_back("export.enabled=false");
    return all;
  }

  /// The command line of one rank.
  std::vector<std::string> worker_arguments() const {
    std::vector<std::string> words{"train", config};
    for (const auto& text : all_overrides()) {
      words.push_back("--set");
      words.push_back(text);
    }
    if (resume) words.push_back("--resume");
    if (trace_steps > 0) {
      words.push_back("--trace");
      words.push_back(std::to_string(trace_steps));
    }
    if (overwrite) words.push_back("--overwrite");
    if (!checkpoint.empty()) {
      words.push_back("--checkpoint");
      words.push_back(checkpoint);
    }
    return words;
  }
};

StartOptions start_options(const Arguments& arguments) {
  StartOptions options{.resume = arguments.resume,
                       .from_step = {},
                       .trace_steps = arguments.trace_steps,
                       .overwrite = arguments.overwrite};
  if (!arguments.checkpoint.empty()) {
    const auto digits =
        arguments.checkpoint.starts_with("step-") ? arguments.checkpoint.substr(5) : arguments.checkpoint;
    if (digits.empty() || digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos)
      throw ConfigError(fmt::format("--checkpoint: expected a step such as 1200 or step-1200, got '{}'",
                                    arguments.checkpoint));
    options.from_step = std::stoll(digits);
  }
  return options;
}

/// What mpirun is to start; nothing where this process is the rank.
std::optional<MpirunJob> mpirun_job(const Arguments& arguments) {
  MpirunJob job;
  if (!arguments.hosts.empty()) job.hosts = parse_hosts(arguments.hosts);
  if (!arguments.hostfile.empty()) job.hosts = read_hostfile(arguments.hostfile);
  if (job.hosts.empty() && !arguments.ranks) return std::nullopt;
  job.ranks = arguments.ranks.value_or(total_ranks(job.hosts));
  if (!job.hosts.empty() && job.ranks > total_ranks(job.hosts))
    throw ConfigError(
        fmt::format("--ranks: {} ranks, but the hosts take {} ({}); write how many each takes: node1:4",
                    job.ranks, total_ranks(job.hosts), to_string(job.hosts)));
  return job;
}

int run(const Arguments& arguments) {
  const StartOptions start = start_options(arguments);
  if (const auto job = mpirun_job(arguments))
    return run_under_mpirun(*job, arguments.worker_arguments(), arguments.dry_run);
  if (arguments.dry_run)
    throw ConfigError("--dry-run shows the command of --ranks, --hosts or --hostfile; give one of them too");
  return run_training_worker(arguments.config, arguments.all_overrides(), start);
}

}  // namespace

void add_train_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "train",
      "Train a model: on one process, on --ranks N of this machine, on --hosts, or as a worker of mpirun.");
  command->add_option("CONFIG", arguments->config, "Configuration, YAML (see `ringtrain config`)")
      ->required();
  command
      ->add_option("--ranks", arguments->ranks,
                   "Start so many ranks with mpirun: on this machine, or on the hosts")
      ->check(CLI::Range(1, 4096));
  auto* hosts =
      command
          ->add_option("--hosts", arguments->hosts, "Start ranks on these machines, by ssh: node1:4,node2:4")
          ->type_name("HOST:RANKS,...");
  command->add_option("--hostfile", arguments->hostfile, "The same from a file; a line is: node1 slots=4")
      ->type_name("FILE")
      ->excludes(hosts);
  command
      ->add_option("--set", arguments->overrides,
                   "Override a field: --set trainer.epochs=3 --set 'model.hidden=[8,4]'")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--train-file", arguments->train_file, "Train on this file (data.train_file)");
  command->add_option("--job-dir", arguments->job_dir, "Folder of the run (job_dir)");
  command->add_flag("--resume", arguments->resume, "Go on from the newest checkpoint of the job folder");
  command->add_option("--checkpoint", arguments->checkpoint, "Go on from this one; later ones are removed")
      ->type_name("STEP");
  command
      ->add_flag("--overwrite", arguments->overwrite,
                 "Replace an earlier run of the job folder; exported versions stay")
      ->excludes("--resume")
      ->excludes("--checkpoint");
  command
      ->add_option("--trace", arguments->trace_steps,
                   "Record the first STEPS steps of every rank in trace.json, for ui.perfetto.dev")
      ->type_name("STEPS")
      ->check(CLI::Range(1, 10000));
  command->add_flag("--no-export", arguments->no_export, "Do not export the trained model");
  command->add_flag("--dry-run", arguments->dry_run,
                    "Print the mpirun command of --ranks, --hosts or --hostfile, and end");
  command->footer(
      "Examples:\n"
      "  ringtrain train configs/cancer.yaml\n"
      "  ringtrain train configs/fraud.yaml --ranks 2 --set trainer.epochs=3\n"
      "  ringtrain train configs/fraud.yaml --train-file creditcard.csv --job-dir jobs/cards --resume\n"
      "  ringtrain train configs/fraud.yaml --hosts node1:4,node2:4 --job-dir /shared/jobs/fraud\n"
      "  mpirun -np 2 ringtrain train configs/fraud.yaml\n"
      "A signal (Ctrl-C) ends a run after a checkpoint, with exit code 75; --resume goes on.");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ringtrain
