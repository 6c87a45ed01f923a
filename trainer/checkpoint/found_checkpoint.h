#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {

/// A checkpoint, by the folder of all of them and its step.
struct FoundCheckpoint {
  CheckpointStore store;
  std::int64_t step;
  Checkpoint load() const { return store.load(step); }
};

/// The one that `folder` stands for: itself (JOB/checkpoints/step-N); of a job's folder the best one, or the
/// newest where none is the best; of an exported version (BASE/NAME/VERSION) the one in it. Nothing for any
/// other folder.
std::optional<FoundCheckpoint> find_checkpoint(const std::filesystem::path& folder);

}  // namespace ringtrain
