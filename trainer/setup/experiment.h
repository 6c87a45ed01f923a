#pragma once

#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/run_config.h"

/// Whether a run that goes on from a checkpoint is still the same experiment: the same rows learnt from, the
/// same meaning of inputs and outputs, the same network, the same measure of what is best. What only says how
/// long, how fast and where it runs (epochs, learning rate and schedule, logging, checkpoints, ranks, device)
/// may change at any time.
namespace ringtrain {

/// A setting that decides the experiment, by its path, and its two values. "data.train_file" stands for the
/// file's content.
struct ChangedSetting {
  std::string path, before, now;
  bool may_be_allowed = true;  ///< false: the checkpoint's own preprocessing follows from it
};

/// What differs between a checkpoint and a run that shall go on from it. Settings that only one of the two
/// configurations has (of another version of ringtrain) are not compared, nor is a hash that the checkpoint
/// lacks. `data_hash`: of the files as they are now (DataKind::hash).
std::vector<ChangedSetting> changed_settings(const Checkpoint& checkpoint, const RunConfig& now,
                                             const std::string& data_hash);

/// Returns those of `changes` that `allowed` names, each by its path or a path above it ("data.split").
/// Throws CheckpointError, that begins with `where` and names all others with both values and the option that
/// allows them; ConfigError for a name in `allowed` that is no such setting.
std::vector<ChangedSetting> require_same_experiment(const std::vector<ChangedSetting>& changes,
                                                    const std::vector<std::string>& allowed,
                                                    const std::string& where);

/// Whether a best value found before such a change cannot be compared with one found after it.
bool changes_what_is_best(const std::vector<ChangedSetting>& changes);

/// Settings that are new against the checkpoint's and have no effect when a run goes on, in words.
std::vector<std::string> settings_without_effect(const Checkpoint& checkpoint, const RunConfig& now);

/// Where a checkpoint's progress keeps the hash of the data.
inline constexpr const char* kDataHash = "data_hash";

}  // namespace ringtrain
