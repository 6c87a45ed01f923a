#include "trainer/setup/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "common/errors.h"
#include "common/text.h"
#include "common/yaml_values.h"

namespace ringtrain {
namespace {

const char* const kTrainFile = "data.train_file";

bool is_under(std::string_view path, std::string_view section) {
  return path == section || (path.starts_with(section) && path[section.size()] == '.');
}

template <class Sections>
bool is_under_any(std::string_view path, const Sections& sections) {
  return std::any_of(sections.begin(), sections.end(), [&](const auto& one) { return is_under(path, one); });
}

using Words = std::vector<std::string>;

/// Sections and fields that decide the experiment. Of files it is the content that does.
bool decides(std::string_view path) {
  static const Words deciding{"seed",
                              "data",
                              "model",
                              "task",
                              "trainer.average.type",
                              "trainer.callbacks",
                              "trainer.checkpoint.metric",
                              "trainer.global_batch_size",
                              "trainer.optimizer.type"};
  // Of how something is computed, not what, any run may decide anew.
  static const Words free{kTrainFile,
                          "data.validation_file",
                          "data.test_file",
                          "data.prefetch_batches",
                          "model.checkpoint_activations",
                          "model.pad_vocabulary",
                          "model.weights",
                          "task.calibrate",
                          "task.chunked_loss"};
  return is_under_any(path, deciding) && !is_under_any(path, free);
}

/// The preprocessing of a checkpoint, which a resumed run takes over, follows from the others.
bool may_be_allowed(std::string_view path) {
  static const Words allowable{"seed", "data.split", "data.train_file", "model", "task", "trainer"};
  static const Words fitted{"task.type", "task.positive", "task.scale_target"};
  return is_under_any(path, allowable) && !is_under_any(path, fitted);
}

std::map<std::string, std::string> values_of(const std::string& yaml) {
  const auto values = config::yaml_values(yaml, "config.yaml");
  return {values.begin(), values.end()};
}

std::string shown(const std::string& value) { return value.empty() ? "nothing" : value; }

void require_known(const std::vector<std::string>& allowed) {
  static const Words known{"seed",
                           "data.split",
                           "data.train_file",
                           "model",
                           "task",
                           "trainer.callbacks",
                           "trainer.checkpoint.metric",
                           "trainer.global_batch_size",
                           "trainer.optimizer.type"};
  for (const auto& name : allowed)
    if (!is_under_any(name, known))
      throw ConfigError(fmt::format(
          "--allow-changes: '{}' is no setting whose change can be allowed; there are: {}, and what is below "
          "them.{}",
          name, join(known), did_you_mean(name, known)));
}

}  // namespace

std::vector<ChangedSetting> changed_settings(const Checkpoint& checkpoint, const RunConfig& now,
                                             const std::string& data_hash) {
  std::vector<ChangedSetting> changes;
  const auto before = values_of(checkpoint.config);
  for (const auto& [path, value] : config::yaml_values(now.to_yaml(), "config.yaml")) {
    const auto found = before.find(path);
    if (decides(path) && found != before.end() && found->second != value)
      changes.push_back({path, shown(found->second), shown(value), may_be_allowed(path)});
  }
  const auto known = checkpoint.progress.value(kDataHash, std::string());
  if (!known.empty() && known != data_hash)
    changes.push_back({kTrainFile, "content with the hash " + known, data_hash, true});
  return changes;
}

std::vector<ChangedSetting> require_same_experiment(const std::vector<ChangedSetting>& changes,
                                                    const std::vector<std::string>& allowed,
                                                    const std::string& where) {
  require_known(allowed);
  std::vector<ChangedSetting> taken;
  std::vector<std::string> refused, names;
  for (const auto& change : changes) {
    if (change.may_be_allowed && is_under_any(change.path, allowed)) {
      taken.push_back(change);
      continue;
    }
    refused.push_back(
        fmt::format("\n  {}: {} in the checkpoint, {} now{}", change.path, change.before, change.now,
                    change.may_be_allowed ? "" : " (the checkpoint's preprocessing follows from it)"));
    if (change.may_be_allowed) names.push_back(change.path);
  }
  if (refused.empty()) return taken;
  throw CheckpointError(fmt::format(
      "{} is of another experiment than this run; what differs:{}\nSet {} as in the checkpoint{}; or begin a "
      "new run: without --resume, with another --job-dir (trainer.start_from gives it the checkpoint's "
      "weights)",
      where, join(refused, ""), refused.size() == 1 ? "it" : "them",
      names.empty() ? ""
                    : fmt::format("; or go on all the same, with rows that may have been trained on in the "
                                  "other parts: --allow-changes {}",
                                  join(names, ","))));
}

bool changes_what_is_best(const std::vector<ChangedSetting>& changes) {
  static const Words measured{"seed", "data", "task", "trainer.checkpoint.metric"};
  return std::any_of(changes.begin(), changes.end(),
                     [](const auto& change) { return is_under_any(change.path, measured); });
}

std::vector<std::string> settings_without_effect(const Checkpoint& checkpoint, const RunConfig& now) {
  const auto before = values_of(checkpoint.config);
  const auto was = [&](const char* path, const std::string& value) {
    const auto found = before.find(path);
    return found != before.end() && found->second == value;
  };
  std::vector<std::string> texts;
  const auto look_at = [&](const char* path, const std::string& from) {
    if (!from.empty() && !was(path, from))
      texts.push_back(fmt::format("{}: {} has no effect: the run goes on from its own checkpoint of step {}",
                                  path, from, checkpoint.step));
  };
  look_at("trainer.start_from", now.trainer.start_from);
  look_at("model.weights.from", now.model.weights.from);
  if (now.trainer.checkpoint.at_start && checkpoint.step > 0 && !was("trainer.checkpoint.at_start", "true"))
    texts.push_back("trainer.checkpoint.at_start: true has no effect: the first step is done already");
  return texts;
}

}  // namespace ringtrain
