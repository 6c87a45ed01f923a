#include "launch/commands/training_arguments.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "common/literal_override.h"

namespace ringtrain {

void TrainingArguments::add_to(CLI::App& command) {
  command
      .add_option(
          "CONFIG", config,
          "Configuration, YAML (see `ringtrain config`); `train` takes data too (.csv, .csv.gz, .parquet)")
      ->required();
  command
      .add_option("--set", overrides, "Override a field: --set trainer.epochs=3 --set 'model.hidden=[8,4]'")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--train-file", train_file, "Train on this file (data.train_file)");
  command.add_option("--job-dir", job_dir, "Folder of the run (job_dir)");
  command.add_flag("--resume", resume, "Go on from the newest checkpoint of the job folder");
  command.add_option("--checkpoint", checkpoint, "Go on from this one; later ones are removed")
      ->type_name("STEP");
  command
      .add_option(
          "--allow-changes", allow_changes,
          "With --resume or --checkpoint: settings that may differ from the checkpoint's although they "
          "decide what is learnt, such as seed,data.split,data.train_file")
      ->type_name("KEY[,KEY]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_flag("--overwrite", overwrite, "Replace an earlier run of the job folder; exported versions stay")
      ->excludes("--resume")
      ->excludes("--checkpoint");
  command
      .add_option("--trace", trace_steps,
                  "Record the first STEPS steps of every rank in trace.json, for ui.perfetto.dev")
      ->type_name("STEPS")
      ->check(CLI::Range(1, 10000));
  command.add_flag("--no-export", no_export, "Do not export the trained model");
}

std::vector<std::string> TrainingArguments::all_overrides() const {
  auto all = overrides;
  if (!train_file.empty()) all.push_back(config::literal_override("data.train_file", train_file));
  if (!job_dir.empty()) all.push_back(config::literal_override("job_dir", job_dir));
  if (no_export) all.push_back("export.enabled=false");
  return all;
}

StartOptions TrainingArguments::start_options() const {
  StartOptions options{.resume = resume,
                       .from_step = {},
                       .trace_steps = trace_steps,
                       .allow_changes = allow_changes,
                       .overwrite = overwrite,
                       .device_chosen = nullptr};
  if (!allow_changes.empty() && !resume && checkpoint.empty())
    throw ConfigError("--allow-changes is for a run that goes on; give --resume or --checkpoint too");
  if (!checkpoint.empty()) {
    const auto digits = checkpoint.starts_with("step-") ? checkpoint.substr(5) : checkpoint;
    if (digits.empty() || digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos)
      throw ConfigError(
          fmt::format("--checkpoint: expected a step such as 1200 or step-1200, got '{}'", checkpoint));
    options.from_step = std::stoll(digits);
  }
  return options;
}

std::vector<std::string> TrainingArguments::worker_arguments() const {
  std::vector<std::string> words{"train", config};
  for (const auto& text : all_overrides()) words.insert(words.end(), {"--set", text});
  if (resume) words.emplace_back("--resume");
  if (trace_steps > 0) words.insert(words.end(), {"--trace", std::to_string(trace_steps)});
  if (overwrite) words.emplace_back("--overwrite");
  if (!checkpoint.empty()) words.insert(words.end(), {"--checkpoint", checkpoint});
  for (const auto& key : allow_changes) words.insert(words.end(), {"--allow-changes", key});
  return words;
}

}  // namespace ringtrain
