#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "comm/averaging/flat_parameters.h"
#include "comm/communicator.h"

namespace ringtrain {

/// What travels beside the gradients of a step: first a rank's own share, after `finish` the sum over all
/// ranks.
struct StepTotals {
  double weight = 0;    ///< of the samples: their number, or the sum of their class weights
  double loss_sum = 0;  ///< of their losses, each times its weight
  double samples = 0;
  double stop = 0;    ///< ranks that caught a signal
  double failed = 0;  ///< ranks whose step failed: their gradients are zero
};

/// Sums gradients over ranks: with the loss a *sum* over samples, and a division by the global weight once,
/// afterwards, N ranks compute what one rank computes on the joined batch, however uneven the shares are.
///
///     flat.zero_gradients();
///     if (!share.empty()) loss_sum.backward();      // as often as wanted: accumulation does not communicate
///     const StepTotals totals = averager.finish({weight, loss_sum, ...});
///     // flat.groups()[i].gradients now hold the sum over all samples of all ranks; divide by totals.weight
///
/// `finish` is collective. Its all-reduces are one per group of flat parameters, and one of a few float64
/// numbers.
class GradientAverager {
 public:
  /// Makes all ranks start from rank 0's values: broadcasts them. Collective.
  GradientAverager(FlatParameters& parameters, Communicator& gradients);
  /// Throws CommError.
  StepTotals finish(const StepTotals& mine);
  /// Bytes that `finish` reduces.
  std::int64_t bytes_per_step() const { return bytes_; }

 private:
  FlatParameters& parameters_;
  Communicator& gradients_;
  at::Tensor totals_;
  std::int64_t bytes_ = 0;
};

}  // namespace ringtrain
