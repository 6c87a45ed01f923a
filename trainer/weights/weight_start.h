#pragma once

#include "trainer/step/replica.h"
#include "trainer/weights/stored_weights.h"

namespace ringtrain {

/// What a replica begins with that took `model.weights`.
struct WeightStart {
  WholeState optimizer;           ///< for share_replica, where `model.weights.optimizer` is set; else empty
  std::vector<std::string> told;  ///< for the log
};

/// Fills `replica` with what `stored` holds of it, as `model.weights` says. Rank 0 only; the others get it by
/// broadcast_weights, or share_replica. `step`: of the replica; with `model.weights.optimizer`: steps_done.
/// Throws CheckpointError with everything that does not fit (weight_fit.h, torch_optimizer.h).
WeightStart begin_with_weights(const StoredWeights& stored, const RunConfig& config, Replica& replica,
                               std::int64_t step);

}  // namespace ringtrain
