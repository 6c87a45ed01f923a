#pragma once

#include <ATen/ATen.h>

#include <algorithm>

namespace ringtrain {

// What the sums of a step make of its update. `Number` is a double of the host (a plain step), or a 0-dim
// float64 tensor (a recorded one, where nothing may wait for a number of the device).

inline double at_least(double number, double least) { return std::max(number, least); }
inline at::Tensor at_least(const at::Tensor& number, double least) { return number.clamp_min(least); }

/// What the summed gradients are divided by, to be those of the joined batch's mean loss: backward has taken
/// the batch's size already (Pass::run), so it is the weight of all samples of all ranks against that.
template <class Number>
Number divisor_of(const Number& weight, double global_batch_size) {
  return weight / global_batch_size;
}

/// The same where the gradient, of the length `norm` after the division, is longer than `clip`.
template <class Number>
Number clipped(const Number& divisor, const Number& norm, double clip) {
  return divisor * at_least((norm + 1e-6) / clip, 1.0);
}

}  // namespace ringtrain
