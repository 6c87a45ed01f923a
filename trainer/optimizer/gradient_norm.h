#pragma once

#include <vector>

#include "comm/averaging/flat_slice.h"

namespace ringtrain {

/// The sum of the squares of all gradients of `slices`, in one pass, in float64. Not finite exactly when a
/// gradient is not (float64 gradients: or when their squares overflow).
double sum_of_squares(const std::vector<FlatSlice>& slices);

/// The norm of all gradients together.
double gradient_norm(const FlatParameters& parameters);

}  // namespace ringtrain
