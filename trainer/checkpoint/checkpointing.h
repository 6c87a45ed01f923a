#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "comm/world.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/checkpoint/checkpoint_writer.h"
#include "trainer/checkpoint/replica_snapshot.h"
#include "trainer/step/replica.h"
#include "trainer/telemetry/telemetry.h"

namespace ringtrain {

/// The checkpoints of a run while it trains. Rank 0 writes them, behind training's back; of a sharded
/// optimizer each rank writes its own part where all ranks see the same folder, else rank 0 gathers them. A
/// checkpoint that cannot be written is a warning: the earlier ones are still there, and the next one may
/// find room.
class Checkpointing {
 public:
  /// What is given outlives this. Collective.
  Checkpointing(World& world, Communicator& gradients, const CheckpointStore& store,
                const Retention& retention, Replica& replica, Telemetry& telemetry);

  /// Copies the replica and returns; waits only for the copy, and for the checkpoint before where that is
  /// still being written. `about`: all but the tensors. Throws on all ranks when the job folder is
  /// another run's now. Collective.
  void save(const Checkpoint& about, bool is_best);
  /// Tells the log what became of those that were written meanwhile.
  void tell();
  /// Waits until nobody reads the replica's copy any more: before the replica is laid out anew.
  void settle();
  /// Waits for the last one; one that failed is tried once more. Throws CheckpointError on all ranks when
  /// that fails too. Collective.
  void finish();
  /// The step of the newest one that was begun; -1: none.
  std::int64_t newest() const { return newest_step_; }

 private:
  void require_lock() const;
  bool in_parts() const { return shared_folder_; }
  void take();
  void begin();

  World& world_;
  Communicator& gradients_;
  const CheckpointStore& store_;
  Replica& replica_;
  Telemetry& telemetry_;
  bool shared_folder_ = false;  // of a sharded optimizer each rank writes its part
  bool writes_ = false;         // this rank
  ReplicaSnapshot snapshot_;
  std::map<std::int64_t, double> blocked_seconds_;  // by step
  Checkpoint about_;                                // the newest one
  std::int64_t newest_step_ = -1;
  bool is_best_ = false, failed_ = false;
  std::string error_;
  std::optional<CheckpointWriter> writer_;  // always; the last: it reads the snapshot
};

}  // namespace ringtrain
