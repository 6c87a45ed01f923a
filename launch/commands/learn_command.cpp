#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "comm/agreement.h"
#include "comm/watch/rank_watch.h"
#include "common/errors.h"
#include "common/exit_code.h"
#include "common/literal_override.h"
#include "common/log.h"
#include "launch/commands/commands.h"
#include "launch/commands/rank_main.h"
#include "launch/init/first_run.h"
#include "launch/learn/audit.h"
#include "launch/learn/learner.h"
#include "launch/mpirun/mpirun_launcher.h"
#include "launch/mpirun/rank_cores.h"
#include "launch/mpirun/rank_options.h"
#include "launch/version.h"
#include "trainer/plugins/plugins.h"
#include "trainer/setup/watch_limits.h"

namespace ringtrain {
namespace {

struct Arguments {
  LearnOptions learn;
  RankOptions ranks;
  std::string job_dir, audit;
};

int learn(World& world, const LearnOptions& options, const Catalogue& catalogue, const StopSignal& signal) {
  RunConfig config(catalogue);
  agree_on(world.control(), "the version of ringtrain or of its libraries", version_text());
  together(world.control(), "reading the configuration",
           [&] { config = load_learn_config(options, catalogue); });
  agree_on(world.control(), "the list of plugins", plugins_text(config.loaded_plugins));
  const auto watch = watch_ranks(world, limits_of(config.trainer.watch));
  Learner learner(world, options, config, catalogue, signal, [&](const std::string& device) {
    bind_near(world, device, static_cast<int>(config.trainer.threads_per_rank));
  });
  return learner.run();
}

/// The command line of one rank, without the program.
std::vector<std::string> worker_words(const LearnOptions& options) {
  std::vector<std::string> words{"learn", options.config, "--from", options.from, "--stream", options.stream};
  for (const auto& text : options.overrides) words.insert(words.end(), {"--set", text});
  for (const auto& [word, given] : {std::pair{"--follow", options.follow},
                                    {"--resume", options.resume},
                                    {"--overwrite", options.overwrite}})
    if (given) words.emplace_back(word);
  return words;
}

void require_complete(const Arguments& arguments) {
  std::string missing;
  for (const auto& [name, value] : {std::pair{"CONFIG", arguments.learn.config},
                                    {"--from", arguments.learn.from},
                                    {"--stream", arguments.learn.stream}})
    if (value.empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  if (!missing.empty())
    throw ConfigError(fmt::format("learn: {} is missing; see ringtrain learn --help", missing));
}

int run(Arguments arguments, const Catalogue& catalogue) {
  if (!arguments.audit.empty()) {
    fmt::print("{}", audit_text(arguments.audit));
    return ExitCode::success;
  }
  require_complete(arguments);
  auto& options = arguments.learn;
  require_configuration(options.config);
  if (!arguments.job_dir.empty())
    options.overrides.push_back(config::literal_override("job_dir", arguments.job_dir));
  const auto job = mpirun_job(arguments.ranks);
  if (job && options.stream == "-" && job->ranks > 1)
    throw ConfigError(
        "--stream -: ranks that --ranks starts have no standard input; give a file or a folder, or start "
        "them "
        "yourself: mpirun -np N ringtrain learn ...");
  if (job && options.stream == "-")
    return rank_main(
        [&](World& world, const StopSignal& signal) { return learn(world, options, catalogue, signal); });
  if (job) return run_under_mpirun(*job, worker_words(options)).code;
  return rank_main(
      [&](World& world, const StopSignal& signal) { return learn(world, options, catalogue, signal); });
}

}  // namespace

void add_learn_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "learn", "Learn from a stream of rows, guarded, and make what is better than the live version live.");
  command->add_option("CONFIG", arguments->learn.config, "Configuration, YAML, with a section learn:");
  command->add_option("--from", arguments->learn.from,
                      "The version to begin with: BASE/NAME@live, BASE/NAME/3; versions are added beside it");
  command->add_option(
      "--stream", arguments->learn.stream,
      "Rows with their truth, CSV or JSON lines: a file, a folder of files, or - (standard input)");
  command->add_flag("--follow", arguments->learn.follow,
                    "Wait for more at the end of the file or folder, until a signal comes");
  command
      ->add_option("--set", arguments->learn.overrides,
                   "Override a field: --set learn.candidate_rows=1000 --set trainer.optimizer.lr=0.01")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--job-dir", arguments->job_dir, "Folder of the job (job_dir)");
  command->add_flag("--resume", arguments->learn.resume, "Go on with the job of the folder, each row once");
  command->add_flag("--overwrite", arguments->learn.overwrite, "Replace an earlier job of the folder")
      ->excludes("--resume");
  arguments->ranks.add_to(*command);
  command
      ->add_option("--audit", arguments->audit,
                   "Only say what the job in this folder did: its decisions, which rows made which version, "
                   "and what was refused and why")
      ->type_name("JOB_DIR");
  command->footer(
      "Examples:\n"
      "  ringtrain learn configs/fraud.yaml --from models/fraud@live --stream march.csv --job-dir "
      "jobs/online\n"
      "  ringtrain learn configs/fraud.yaml --from models/fraud@live --stream inbox/ --follow --ranks 2\n"
      "  tail -n +1 -f rows.jsonl | ringtrain learn configs/fraud.yaml --from models/fraud@live --stream -\n"
      "  ringtrain learn configs/fraud.yaml --from models/fraud@live --stream inbox/ --job-dir jobs/online "
      "--resume\n"
      "  ringtrain learn --audit jobs/online\n"
      "Each batch is answered first, then learned from. Ends at the end of the stream; a signal (Ctrl-C) "
      "ends it\n"
      "after a checkpoint, with exit code 75; --resume goes on. A file JOB_DIR/freeze stops promotions.");
  command->callback([arguments, &program] { program.exit_code = run(*arguments, program.catalogue); });
}

}  // namespace ringtrain
