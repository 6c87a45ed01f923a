#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "common/errors.h"
#include "common/exit_code.h"
#include "common/files.h"
#include "common/literal_override.h"
#include "common/text.h"
#include "launch/behaviour/tests_of_run.h"
#include "launch/commands/commands.h"
#include "launch/commands/labelled_rows.h"
#include "launch/commands/model_evaluation.h"
#include "launch/commands/training_arguments.h"
#include "launch/commands/training_worker.h"
#include "launch/commands/version_origin.h"
#include "launch/gate.h"
#include "launch/init/first_run.h"
#include "launch/mpirun/rank_options.h"
#include "launch/mpirun/supervisor.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/version_changes.h"
#include "storage/location.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

struct Arguments {
  TrainingArguments training;
  RankOptions ranks;
  RestartPolicy restarts;
  std::string from, metric;
  double margin = 0;
  std::int64_t resamples = 1000;
  bool discard = false;
};

int train(const Arguments& arguments, const Catalogue& catalogue) {
  if (const auto job = mpirun_job(arguments.ranks))
    return supervise(*job, arguments.training, arguments.restarts, catalogue);
  return run_training_worker(arguments.training.config, arguments.training.all_overrides(),
                             arguments.training.start_options(), catalogue);
}

/// The version that this training published. Others may have published some in the meantime. Throws
/// ExportError when there is none.
std::int64_t published_by(const RunConfig& config, const fs::path& model,
                          const std::vector<std::int64_t>& before) {
  const auto checkpoints = fs::weakly_canonical(Location(config.job_dir).local() / "checkpoints");
  auto present = versions(model);
  for (auto version = present.rbegin(); version != present.rend(); ++version) {
    if (std::find(before.begin(), before.end(), *version) != before.end()) continue;
    const auto manifest = Manifest::read(model / std::to_string(*version));
    const fs::path origin = manifest.provenance.value("checkpoint", "");
    if (!origin.empty() && fs::weakly_canonical(origin).parent_path() == checkpoints) return *version;
  }
  throw ExportError(fmt::format("{}: training published no new version", model.string()));
}

/// The configuration's, or those that the version before was held to.
std::vector<BehaviourTest> tests_for(const RunConfig& config, const Manifest& before) {
  return config.tests.empty() ? tests_of(before) : config.tests;
}

GateDecision decide(const Arguments& arguments, const Catalogue& catalogue, const RunConfig& config,
                    const fs::path& old_version, const fs::path& new_version) {
  at::set_num_threads(1);
  const Predictor before(old_version), after(new_version);
  const auto rows = held_out_rows(config, {config.data.train_file, new_version, after.manifest(), catalogue});
  const auto old_answers = answer_rows(before, *rows, catalogue),
             new_answers = answer_rows(after, *rows, catalogue);
  auto decision =
      pass_gate({old_answers, before.manifest()}, {new_answers, after.manifest()}, config.task.kind(),
                arguments.metric.empty() ? config.trainer.checkpoint.metric : arguments.metric,
                arguments.margin, arguments.resamples, static_cast<std::uint64_t>(config.seed));
  decision.hold_to(
      run_behaviour_tests(tests_for(config, before.manifest()), after, *rows, catalogue, &new_answers));
  return decision;
}

std::string as_text(const GateDecision& decision, const fs::path& old_version, const fs::path& new_version) {
  return fmt::format(
      "# Retraining: {}\n\n"
      "| version | {} on {} rows held out of the new data |\n|---|---|\n| {} | {:.6f} |\n| {} | {:.6f} |\n\n"
      "Better by {:.6f} (95% of resampled rows: {:.6f} to {:.6f}); the margin is {:.6f}.\n\n{}{}: {}.\n",
      decision.promoted ? "promoted" : "refused", decision.metric, with_commas(decision.rows),
      old_version.string(), decision.before, new_version.string(), decision.after, decision.gain,
      decision.interval.low, decision.interval.high, decision.margin,
      decision.tests.empty() ? "" : "Tests of the new version:\n\n" + behaviour_table(decision.tests) + "\n",
      decision.promoted ? "Promoted" : "Refused", decision.why);
}

ordered_json as_json(const GateDecision& decision, const fs::path& old_version, const fs::path& new_version) {
  return {{"promoted", decision.promoted},
          {"why", decision.why},
          {"metric", decision.metric},
          {"rows", decision.rows},
          {"from", {{"version", old_version.string()}, {"value", decision.before}}},
          {"to", {{"version", new_version.string()}, {"value", decision.after}}},
          {"better_by", decision.gain},
          {"interval", {decision.interval.low, decision.interval.high}},
          {"margin", decision.margin},
          {"tests", to_json(decision.tests)}};
}

void write_report(const fs::path& job, const GateDecision& decision, const fs::path& old_version,
                  const fs::path& new_version) {
  const auto text = as_text(decision, old_version, new_version);
  write_file_atomically(job / "retrain_report.json",
                        as_json(decision, old_version, new_version).dump(2) + "\n");
  write_file_atomically(job / "retrain_report.md", text);
  fmt::print("\n{}\nReport        {}\n", text, (job / "retrain_report.md").string());
}

int retrain(Arguments arguments, const Catalogue& catalogue) {
  require_configuration(arguments.training.config);
  const auto old_version = find_version(arguments.from);
  const auto model = fs::absolute(old_version).lexically_normal().parent_path();
  const auto manifest = Manifest::read(old_version);
  auto& overrides = arguments.training.overrides;
  overrides.push_back(
      config::literal_override("trainer.start_from", origin_of(manifest, old_version).string()));
  overrides.push_back(config::literal_override("export.repository", model.parent_path().string()));
  overrides.push_back(config::literal_override("export.name", model.filename().string()));
  const auto config =
      RunConfig::load(arguments.training.config, arguments.training.all_overrides(), catalogue);
  if (config.task.type != manifest.task)
    throw ConfigError(fmt::format("{}: its task is {}, that of {} is {}", arguments.training.config,
                                  config.task.type, old_version.string(), manifest.task));
  if (!config.export_.enabled)
    throw ConfigError("export.enabled: a version that is not exported cannot be promoted");
  // Before hours of training.
  held_out_rows(config, {config.data.train_file, old_version, manifest, catalogue});
  require_fitting_tests(tests_for(config, manifest), manifest, config.task.kind());
  const auto live = pin_live(model);
  const auto before = versions(model);
  if (const int code = train(arguments, catalogue); code != ExitCode::success) return code;
  const auto number = published_by(config, model, before);
  const auto new_version = model / std::to_string(number);
  const auto decision = decide(arguments, catalogue, config, old_version, new_version);
  if (decision.promoted)
    promote(model, number);
  else if (arguments.discard)
    delete_version(model, number, false);
  write_report(config.job_dir, decision, old_version, new_version);
  fmt::print("Live          {}/{}\n", model.string(), decision.promoted ? number : live);
  std::fflush(stdout);
  return decision.promoted ? ExitCode::success : ExitCode::not_better;
}

}  // namespace

void add_retrain_command(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "retrain", "Go on from a version on new data, and make the new version live only if it is better.");
  arguments->training.add_to(*command);
  arguments->ranks.add_to(*command);
  command->add_option("--from", arguments->from, "The version to go on from: BASE/NAME@live, BASE/NAME/3")
      ->required();
  command->add_option("--metric", arguments->metric,
                      "What decides; that of trainer.checkpoint.metric by default");
  command->add_option("--margin", arguments->margin, "By how much the new version must be better")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--bootstrap", arguments->resamples, "Resamples of the report's interval")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--max-restarts", arguments->restarts.max_restarts, "As of `train`")
      ->check(CLI::Range(0, 1000));
  command->add_flag("--discard", arguments->discard, "Delete a version that is refused");
  command->footer(
      "Example:\n"
      "  ringtrain retrain configs/fraud.yaml --from models/fraud@live --train-file march.csv --margin "
      "0.002\n"
      "Training begins with the version's weights and its preprocessing. Both versions are measured on the "
      "test part "
      "of\nthe new data (what its kind of data holds out, of named tensors). Exit code 0: promoted; 8: "
      "refused, what was live stays so (the new version is kept, "
      "not live).\n"
      "JOB_DIR/retrain_report.md and .json say why.");
  command->callback([arguments, &program] { program.exit_code = retrain(*arguments, program.catalogue); });
}

}  // namespace ringtrain
