#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "comm/averaging/flat_parameters.h"

namespace ringtrain {

/// The sum of the squares of all numbers of `gradients` (1-d), in one pass, in float64 (of float32 on a GPU
/// in two stages, see squares_by_rows). Not finite exactly when a gradient is not, or when squares overflow:
/// of float64, and of float32 on a GPU.
double sum_of_squares(const std::vector<at::Tensor>& gradients);

/// The same as a 0-dim float64 tensor of their device, for which nothing waits.
at::Tensor sum_of_squares_on_device(const std::vector<at::Tensor>& gradients);

/// The norm of all gradients together.
double gradient_norm(const FlatParameters& parameters);

/// The sum of squares of float32 `gradients`, 1-d: rows of 4,096 in float32, whose squares are added in
/// float64. [] float64 on their device; without a copy of them in float64.
at::Tensor squares_by_rows(const at::Tensor& gradients);

}  // namespace ringtrain
