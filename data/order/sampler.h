#pragma once

#include <cstdint>
#include <vector>

namespace ringtrain {

/// Which samples a rank reads in which step: a pure function of (seed, epoch, global batch number, rank,
/// world size). Resuming, also on another number of ranks, needs no state but the step.
///
/// An epoch is a permutation of all samples (Fisher-Yates with SplitMix64, see sampler.cpp), cut into global
/// batches of `global_batch_size`, the last one smaller. A global batch is split over the ranks as evenly as
/// possible, in rank order; a rank may get none of the last one. Every sample is seen exactly once an epoch.
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
  /// Throws ConfigError when global_batch_size is not positive.
  explicit Sampler(const Options& options);

  std::int64_t batches_per_epoch() const;
  /// This rank's samples of global batch `batch` (0 ≤ batch < batches_per_epoch()) of `epoch` (from 0).
  std::vector<std::int64_t> indices(std::int64_t epoch, std::int64_t batch);
  /// The samples of all ranks.
  std::vector<std::int64_t> global_indices(std::int64_t epoch, std::int64_t batch);

 private:
  void shuffle_for(std::int64_t epoch);
  Options options_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

/// The part [begin, end) of `count` things that falls to `part` of `parts`: as even as possible, the first
/// ones larger by one.
struct Range {
  std::int64_t begin, end;
};
Range even_share(std::int64_t count, int part, int parts);

}  // namespace ringtrain
