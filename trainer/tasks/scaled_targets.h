#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/schema/head.h"
#include "data/schema/target_scale.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// Targets as the network learns them: (target - shift) / scale, of each column its own.
class ScaledTargets {
 public:
  /// Empty: as they are.
  explicit ScaledTargets(const std::vector<TargetScale>& scales);
  /// `targets`: [n], or [n, scales]. In float64, for the difference of two large numbers is what is left of
  /// them; then of the type of `like`.
  at::Tensor operator()(const at::Tensor& targets, const at::Tensor& like) const;
  /// Of the first one; 1 where they are as they are.
  double scale() const { return scales_.empty() ? 1 : scales_.front().scale; }

 private:
  std::vector<TargetScale> scales_;
  PlacedNumbers shift_, scale_;
};

/// What undoes it, behind `outputs` values of which each is of its own target, or all are of the only one.
std::vector<HeadOperation> operations_of(const std::vector<TargetScale>& scales);

}  // namespace ringtrain
