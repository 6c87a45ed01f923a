#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "comm/averaging/flat_parameters.h"

namespace ringtrain {

/// The sum of the squares of all numbers of `gradients` (1-d), in one pass, in float64. Not finite exactly
/// when a gradient is not (float64 gradients: or when their squares overflow).
double sum_of_squares(const std::vector<at::Tensor>& gradients);

/// The same as a 0-dim float64 tensor of their device, for which nothing waits.
at::Tensor sum_of_squares_on_device(const std::vector<at::Tensor>& gradients);

/// The norm of all gradients together.
double gradient_norm(const FlatParameters& parameters);

}  // namespace ringtrain
