#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/dataset.h"
#include "data/order/sampler.h"

namespace ringtrain {

/// Batches in training order, read ahead by a thread of its own (`prefetch_batches` at most; 0: read when
/// asked).
class Loader {
 public:
  struct Step {
    std::int64_t epoch;
    std::int64_t batch;  ///< number of the global batch in its epoch
    Batch samples;       ///< this rank's part; may be empty
  };
  /// Starts at global step `first_step` (epoch = step / batches_per_epoch) and goes on without end. `dataset`
  /// outlives the loader.
  Loader(const Dataset& dataset, Sampler sampler, std::int64_t first_step, std::int64_t prefetch_batches);
  ~Loader();
  /// The next batch. An exception of the reading thread is thrown here, at the batch it belongs to.
  Step next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
