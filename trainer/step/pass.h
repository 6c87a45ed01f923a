#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "comm/averaging/gradient_reduction.h"
#include "data/dataset.h"
#include "trainer/step/replica.h"
#include "trainer/tasks/task.h"
#include "trainer/telemetry/trace.h"

namespace ringtrain {

/// Forward and backward: what a plain step does, and one that is recorded as a graph.
struct Pass {
  const Task& task;
  Replica& replica;
  GradientReduction& reduction;
  at::Device device;
  std::optional<c10::ScalarType> autocast;  ///< trainer/precision/autocast.h
  Trace* trace = nullptr;

  /// Works through the first `pieces` of `of` even shares of the batch, whose gradients add up in the flat
  /// ones (zeroed here); in the last one's backward the reduction may begin. The loss is a sum; its gradient
  /// is `seed`, known to all ranks, which only keeps gradients of usual size. `add` takes each piece's loss,
  /// and the number of its samples.
  void run(const Batch& batch, int pieces, int of, double seed,
           const std::function<void(const LossSum& loss, std::int64_t samples)>& add) const;
};

}  // namespace ringtrain
