#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "comm/averaging/gradient_reduction.h"
#include "data/dataset.h"
#include "trainer/precision/shadow_copies.h"
#include "trainer/step/joined_batch_norms.h"
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
  ShadowCopies* copies = nullptr;           ///< of the parameters; null: autocast casts them
  const JoinedBatchNorms* norms = nullptr;  ///< null: each rank has statistics of its own
  Trace* trace = nullptr;

  /// How many of `of` pieces a rank with `size` samples works through: empty ones are the last ones, and of
  /// no use but where all ranks join their statistics.
  int pieces(int of, std::int64_t size) const;

  /// Works through the first `pieces` of `of` even shares of the batch, whose gradients add up in the flat
  /// ones (zeroed here); in the last one's backward the reduction may begin. The loss is a sum; its gradient
  /// is `seed`, known to all ranks, which only keeps gradients of usual size, times `scale`, [] float32 on
  /// the device, where that is defined. `add` takes each piece's loss, and the number of its samples.
  void run(const Batch& batch, int pieces, int of, double seed, const at::Tensor& scale,
           const std::function<void(const LossSum& loss, std::int64_t samples)>& add) const;
};

}  // namespace ringtrain
