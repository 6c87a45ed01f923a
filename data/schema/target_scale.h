#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.h"
#include "data/schema/preprocessing.h"

namespace ringtrain {

/// Mean and standard deviation of each column of `target` [rows] or [rows, targets] (float32 or float64) over
/// `train_rows`: each rank adds up its share in float64 and the sums are reduced over `control` (two passes),
/// so that all ranks have the same numbers. The scale of a constant target is 1, and so is one that float32
/// cannot hold. Collective.
std::vector<TargetScale> fit_target_scale(const at::Tensor& target,
                                          const std::vector<std::int64_t>& train_rows, Communicator& control);

/// That of a target with such training values; a constant one has scale 1.
TargetScale target_scale_of(double mean, double deviation, double low, double high);

}  // namespace ringtrain
