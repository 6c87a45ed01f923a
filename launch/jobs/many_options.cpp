#include "launch/jobs/many_options.h"

#include <fmt/format.h>

#include <utility>

#include "comm/launcher.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/literal_override.h"
#include "common/yaml_values.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
constexpr const char* kJournal = "journal.jsonl";

/// The folders below that hold runs, and what the command itself wrote.
void remove_earlier(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / kJournal, error)) return;
  for (const char* file : {"cross_validation.json", "out_of_fold.csv", "tune.json", "best.yaml"})
    fs::remove(folder / file, error);
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (entry.is_directory() &&
        (name.starts_with("fold-") || name.starts_with("repeat-") || name.starts_with("trial-")))
      fs::remove_all(entry.path());
  }
  fs::remove(folder / kJournal);
}

/// Without what says where and not what.
nlohmann::ordered_json settings_of(const RunConfig& run) {
  auto settings = nlohmann::ordered_json::object();
  for (const auto& [path, value] : config::yaml_values(run.to_yaml(), "the configuration"))
    if (path != "job_dir") settings[path] = value;
  return settings;
}

}  // namespace

void ManyOptions::add_to(CLI::App& command) {
  command.add_option("CONFIG", config, "Configuration, YAML (see `ringtrain config`)")->required();
  command.add_option("--set", overrides, "Override a field in all trainings: --set trainer.epochs=3")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--train-file", train_file, "Train on this file (data.train_file)");
  command.add_option("--job-dir", job_dir, "Folder of all trainings, each of which has one in it");
  command.add_option("--ranks", ranks, "Start so many ranks with mpirun for each training")
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--jobs", jobs, "Trainings at once; as many as the cores (or GPUs) suffice for, by default")
      ->check(CLI::Range(1, 4096));
  command.add_flag("--overwrite", overwrite, "Begin anew where the folder holds such trainings");
}

std::vector<std::string> ManyOptions::all_overrides() const {
  auto all = overrides;
  if (!train_file.empty()) all.push_back(config::literal_override("data.train_file", train_file));
  return all;
}

fs::path ManyOptions::folder(const RunConfig& run, const char* ending) const {
  return job_dir.empty() ? run.job_dir + ending : job_dir;
}

Training ManyOptions::training(std::string name, fs::path folder,
                               const std::vector<std::string>& more_overrides) const {
  Training training{std::move(name), std::move(folder), {config}};
  auto& words = training.arguments;
  if (ranks) words.insert(words.end(), {"--ranks", std::to_string(*ranks)});
  // Theirs come first, so that --set may bring them back.
  std::vector<std::string> all{"trainer.report=false"};
  const auto given = all_overrides();
  all.insert(all.end(), given.begin(), given.end());
  all.insert(all.end(), more_overrides.begin(), more_overrides.end());
  for (const auto& text : all) words.insert(words.end(), {"--set", text});
  return training;
}

ManyFolder::ManyFolder(fs::path folder, const ManyOptions& options, const RunConfig& run,
                       nlohmann::ordered_json about)
    : folder_(std::move(folder)) {
  if (launcher::started_rank() && launcher::announced_ranks() > 1)
    throw ConfigError(
        "this command starts the trainings itself, but this process is one of several that mpirun or srun "
        "started; call it without them, and give each training its ranks: --ranks N");
  ensure_writable_folder(folder_);
  lock_.emplace(folder_);
  if (options.overwrite) remove_earlier(folder_);
  about["ranks"] = options.ranks_of_each();
  about["data"] = run.data.kind().hash(run.data.train_file);
  about["settings"] = settings_of(run);
  journal_.emplace(folder_ / kJournal, about);
}

}  // namespace ringtrain
