#pragma once

#include <cstdint>
#include <vector>

#include "data/order/epoch_order.h"

namespace ringtrain {

/// Which samples a rank reads in which step: a pure function of (seed, epoch, global batch number, rank,
/// world size). Resuming, also on another number of ranks, needs no state but the step.
///
/// An epoch (EpochOrder) is cut into global batches of `global_batch_size`, the last one smaller. A global
/// batch, by lane, is split over the ranks as evenly as possible, in rank order; a rank may get none of the
/// last one. Every sample is seen exactly once an epoch.
class Sampler {
 public:
  struct Options {
    std::int64_t samples = 0;
    std::int64_t global_batch_size = 1;
    std::uint64_t seed = 0;
    bool shuffle = true;
    int rank = 0;
    int world_size = 1;
  };
  /// Of samples in memory: one block, one lane, one window. Throws ConfigError when global_batch_size is not
  /// positive.
  explicit Sampler(const Options& options);
  /// Of samples in `order`; `options.samples`, `.seed` and `.shuffle` are its own.
  Sampler(const Options& options, EpochOrder order);

  std::int64_t batches_per_epoch() const;
  /// This rank's samples of global batch `batch` (0 ≤ batch < batches_per_epoch()) of `epoch` (from 0).
  std::vector<std::int64_t> indices(std::int64_t epoch, std::int64_t batch);
  /// The blocks that this rank reads from soon (EpochOrder::blocks_soon); empty where there is only one.
  std::vector<std::int64_t> blocks_soon(std::int64_t epoch, std::int64_t batch);
  /// The samples of all ranks.
  std::vector<std::int64_t> global_indices(std::int64_t epoch, std::int64_t batch);

 private:
  Range positions(std::int64_t batch) const;
  Options options_;
  EpochOrder order_;
};

}  // namespace ringtrain
