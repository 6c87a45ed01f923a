#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "trainer/checkpoint/safetensors.h"

namespace ringtrain {

class JobLock;

/// Everything that the next step depends on. Random numbers and the position in the data are pure functions
/// of seed and step, so the step stands for them.
struct Checkpoint {
  std::int64_t step = 0;   ///< optimizer steps done
  NamedTensors weights;    ///< by the module's own parameter names
  NamedTensors optimizer;  ///< "exp_avg/hidden0.weight"
  /// An object: best metric, early stopping, sums of the epoch under way.
  nlohmann::json progress = nlohmann::json::object();
  nlohmann::json preprocessing = nlohmann::json::object();  ///< an object; empty in a loop of one's own
  std::string config;                                       ///< the resolved configuration, YAML
};

/// Which checkpoints stay: the newest ones, the best one, and what is kept for good.
struct Retention {
  std::int64_t keep = 3;        ///< the newest, at least one
  std::int64_t keep_every = 0;  ///< and each whose step is a multiple of this; 0: none
};

/// Checkpoints of a run, a folder each: FOLDER/step-N/{model.safetensors, optimizer.safetensors, state.json,
/// preprocessing.json, config.yaml, manifest.json}. A folder is whole or absent: it is staged, synced, read
/// back and renamed; then the file `latest` (and `best`) is moved; then old ones go. manifest.json holds size
/// and XXH3 of every file, and they are verified on loading.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::filesystem::path folder);
  /// From here on what others rely on is moved or removed only while `lock`, which outlives this, is held;
  /// else JobTakenError is thrown.
  void write_under(const JobLock& lock) { lock_ = &lock; }
  const JobLock* lock() const { return lock_; }

  /// Returns the folder. `is_best`: it becomes the best one too. Throws CheckpointError (a full disk, before
  /// anything is written where the room can be known; a file that reads back other than it was written):
  /// then all that was there is still there.
  /// `parts`: of so many ranks, the others of which call `save_part` (checkpoint_parts.h); `checkpoint` holds
  /// rank 0's part.
  std::filesystem::path save(const Checkpoint& checkpoint, bool is_best, const Retention& retention,
                             int parts = 1) const;
  /// The part of another rank's. Throws CheckpointError.
  void save_part(std::int64_t step, int rank, const NamedTensors& optimizer) const;
  /// Removes what a process that was killed left half made or half removed.
  void remove_leftovers() const;
  /// Removes all; the folder (which may be a link to elsewhere) stays.
  void clear() const;

  /// Step numbers, ascending.
  std::vector<std::int64_t> steps() const;
  std::optional<std::int64_t> best() const;
  /// Makes an existing checkpoint the best one. Returns whether it is there.
  bool mark_best(std::int64_t step) const;

  /// Loads and verifies one. Throws CheckpointError that names the file and what is wrong.
  Checkpoint load(std::int64_t step) const;
  /// The newest that is whole; one that is not is skipped with a warning. Throws CheckpointError when there
  /// is none.
  Checkpoint load_newest() const;

  /// Makes `to`/step-N, which `load` of a store of `to` takes: all but the optimizer's state. Throws
  /// CheckpointError.
  void copy_without_optimizer(std::int64_t step, const std::filesystem::path& to) const;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path folder_of(std::int64_t step) const;
  /// The hash of a checkpoint's manifest: stands for its content.
  std::string hash(std::int64_t step) const;

 private:
  void require_lock() const;
  void require_room(const Checkpoint& checkpoint) const;
  void write(const Checkpoint& checkpoint, const std::filesystem::path& folder, int parts) const;
  std::filesystem::path parts_of(std::int64_t step) const;
  void remove(const std::filesystem::path& folder) const;
  void apply(const Retention& retention, std::int64_t newest) const;
  std::filesystem::path folder_;
  const JobLock* lock_ = nullptr;
};

}  // namespace ringtrain
