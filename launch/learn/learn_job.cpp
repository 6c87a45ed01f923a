#include "launch/learn/learn_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/literal_override.h"
#include "common/log.h"
#include "common/text.h"
#include "common/yaml_values.h"
#include "launch/commands/version_origin.h"
#include "launch/learn/stream_journal.h"
#include "serving/repository/version_state.h"
#include "storage/location.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

/// The settings that what is learnt follows from.
bool decides(const std::string& path) {
  for (const char* start :
       {"seed", "data.", "model.", "task.", "learn.", "trainer.optimizer", "trainer.precision",
        "trainer.clip_norm", "trainer.global_batch_size", "trainer.accumulate"})
    if (path.starts_with(start)) return path != "data.train_file" && path != "learn.checkpoint_steps";
  return false;
}

std::string shown_stream(const std::string& stream) {
  return stream == "-" ? stream : fs::weakly_canonical(stream).string();
}

ordered_json about_job(const LearnOptions& options, const RunConfig& config, const fs::path& version,
                       const Manifest& manifest) {
  ordered_json settings;
  for (const auto& [path, value] : config::yaml_values(config.to_yaml(), "config.yaml"))
    if (decides(path)) settings[path] = value;
  return {{"kind", "job"},
          {"step", 0},
          {"from", version.string()},
          {"stream", shown_stream(options.stream)},
          {"schema", hash_text(manifest.preprocessing.to_json().dump())},
          {"settings", std::move(settings)}};
}

/// Throws ConfigError where the configuration is of other rows than the version.
void require_fitting_version(const RunConfig& config, const Manifest& manifest, const fs::path& version) {
  const auto& schema = manifest.preprocessing;
  std::vector<std::string> problems;
  if (schema.tokens || schema.signature)
    problems.push_back("it reads no columns: a stream's rows are those of a table");
  if (config.task.type != manifest.task)
    problems.push_back(fmt::format("its task is {}, task.type is {}", manifest.task, config.task.type));
  const auto table = config.data.kind().table(config.data.train_file);
  if (!table)
    problems.push_back(fmt::format("data.format: {} is no table", config.data.kind().name()));
  else if (table->targets != schema.targets)
    problems.push_back(
        fmt::format("it predicts {}, data.target is {}", join(schema.targets), join(table->targets)));
  if (!problems.empty()) throw ConfigError(fmt::format("{}: {}", version.string(), join(problems, "; ")));
}

/// Sets aside what needs an end, or a part of the data. Says so once, on rank 0.
void set_aside(RunConfig& config, const Catalogue& catalogue) {
  const auto shape = [](const RunConfig& one) {
    std::string text;
    for (const auto& [path, value] : config::yaml_values(one.to_yaml(), "config.yaml"))
      if (path.starts_with("trainer.schedule")) text += path + "=" + value + " ";
    return text;
  };
  const auto before = shape(config);
  config.trainer.schedule = ScheduleConfig(catalogue.schedules);
  if (before != shape(config))
    log::info(
        "trainer.schedule has no effect: a stream has no end; trainer.optimizer.lr is the learning rate");
  if (config.trainer.shard_optimizer) log::info("trainer.shard_optimizer has no effect on a stream");
  config.trainer.shard_optimizer = false;
  const auto& most = config.learn.limits.learning_rate;
  if (most > 0 && config.trainer.optimizer.lr > most) {
    log::info(fmt::format("trainer.optimizer.lr: {}, brought down to learn.limits.learning_rate: {}",
                          config.trainer.optimizer.lr, most));
    config.trainer.optimizer.lr = most;
  }
}

}  // namespace

RunConfig load_learn_config(const LearnOptions& options, const Catalogue& catalogue) {
  auto overrides = options.overrides;
  overrides.push_back(config::literal_override("data.train_file", options.stream));
  auto config = RunConfig::load(options.config, overrides, catalogue);
  if (Location(config.job_dir).is_remote())
    throw ConfigError(
        fmt::format("job_dir: {}: a journal is made durable on this machine's disk; name a folder "
                    "here with --job-dir",
                    config.job_dir));
  if (!config.export_.enabled)
    throw ConfigError("export.enabled: a version that is not exported cannot be made live");
  set_aside(config, catalogue);
  if (config.learn.metric.empty()) config.learn.metric = config.trainer.checkpoint.metric;
  larger_is_better(config.task.kind(), config.learn.metric);
  return config;
}

LearnJob::LearnJob(const LearnOptions& options, const RunConfig& config, const StopSignal& signal)
    : files_{Location(config.job_dir).local()}, store_(files_.folder / "checkpoints") {
  ensure_writable_folder(store_.folder());
  JobLock::Options lock_options;
  lock_options.told_to_stop = [&signal] { return signal.caught(); };
  lock_ = std::make_unique<JobLock>(files_.folder, lock_options);
  store_.write_under(*lock_);
  if (options.resume) {
    if (!fs::exists(files_.journal()))
      throw ConfigError(
          fmt::format("--resume: {} holds no job of `learn` (there is no journal.jsonl); leave "
                      "--resume out to begin one",
                      files_.folder.string()));
    resumed_ = store_.load_newest();
  } else if (!store_.steps().empty() && !options.overwrite) {
    throw ConfigError(
        fmt::format("{} holds a run already. Go on with it: --resume; replace it: --overwrite; or "
                    "name another folder with --job-dir",
                    files_.folder.string()));
  }
  find_anchor(options, config);
}

void LearnJob::find_anchor(const LearnOptions& options, const RunConfig& config) {
  version_ = fs::absolute(find_version(options.from)).lexically_normal();
  std::string began = unique_word();
  if (resumed_) {
    // The live version may be one that this job has made since.
    const auto entries = StreamJournal::read(files_.journal());
    const fs::path before = entries.empty() ? "" : entries.front().value("from", "");
    if (before.parent_path() != version_.parent_path())
      throw ConfigError(fmt::format("--from {}: the job in {} learns for {}; give that, or another --job-dir",
                                    options.from, files_.folder.string(), before.parent_path().string()));
    version_ = before;
    began = entries.front().value("began", "");
  }
  manifest_ = Manifest::read(version_);
  require_fitting_version(config, manifest_, version_);
  const auto origin = origin_of(manifest_, version_);
  anchor_ = CheckpointStore(origin.parent_path()).load(manifest_.provenance.value("step", std::int64_t{-1}));
  about_ = about_job(options, config, version_, manifest_);
  about_["began"] = began;
}

void LearnJob::claim(const LearnOptions& options, const RunConfig& config) {
  lock_->require();
  store_.remove_leftovers();
  if (!resumed_ && options.overwrite) store_.clear();
  for (const auto step : store_.steps())
    if (resumed_ && step > resumed_->step) fs::remove_all(store_.folder_of(step));
  write_file_atomically(files_.folder / "config.yaml", config.to_yaml());
}

}  // namespace ringtrain
