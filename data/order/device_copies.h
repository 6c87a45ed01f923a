#pragma once

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <memory>
#include <optional>

#include "data/dataset.h"

namespace ringtrain {

/// Copies of batches on a device, made on a stream of their own beside the device's work. On a CPU it does
/// nothing. Never run on a GPU yet.
class DeviceCopies {
 public:
  /// When a batch's copies are there; null on a CPU.
  using Ready = std::shared_ptr<c10::Event>;

  explicit DeviceCopies(at::Device device);
  /// Puts copies of inputs, targets and weights, which are under way, in the place of these. Any thread.
  Ready start(Batch& batch);
  /// The work that the calling thread gives the device from now on waits for them.
  void finish(const Batch& batch, const Ready& ready) const;

 private:
  at::Device device_;
  std::optional<c10::Stream> stream_;
};

}  // namespace ringtrain
