#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"

namespace ringtrain {

/// How a regression's target is scaled: the network learns (target - shift) / scale.
struct TargetScale {
  double shift = 0;
  double scale = 1;
};

/// Mean and standard deviation of `target` [rows] (float32 or float64) over `train_rows`: each rank adds up
/// its share in float64 and the sums are reduced over `control` (two passes), so that all ranks have the same
/// numbers. The scale of a constant target is 1, and so is one that float32 cannot hold. Collective.
TargetScale fit_target_scale(const at::Tensor& target, const std::vector<std::int64_t>& train_rows,
                             Communicator& control);

}  // namespace ringtrain
