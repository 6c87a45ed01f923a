#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/dataset.h"
#include "data/order/sampler.h"

namespace ringtrain {

/// Batches in training order, read ahead by a thread of its own (`prefetch_batches` at most; 0: read when
/// asked). For a GPU it is 2 at least: that thread also copies them there, from pinned memory and on a stream
/// of its own, while the GPU works on the batch before.
class Loader {
 public:
  struct Step {
    std::int64_t epoch;
    std::int64_t batch;  ///< number of the global batch in its epoch
    Batch samples;       ///< this rank's part; may be empty
  };
  /// Starts at global step `first_step` (epoch = step / batches_per_epoch) and goes on without end. `dataset`
  /// outlives the loader.
  Loader(const Dataset& dataset, Sampler sampler, std::int64_t first_step, std::int64_t prefetch_batches,
         at::Device device = at::kCPU);
  ~Loader();
  /// The next batch, its inputs and targets on the device: work that the calling thread gives the device from
  /// now on may use them. An exception of the reading thread is thrown here, at the batch it belongs to.
  Step next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
