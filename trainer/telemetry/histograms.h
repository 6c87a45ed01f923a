#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>

#include "trainer/telemetry/telemetry.h"

namespace ringtrain {

/// 30 bins of one width from the least to the largest number; what is not finite is left out.
Histogram histogram_of(const at::Tensor& tensor);

/// Tells the histograms of all parameters, as weights/NAME, and of their gradients, as gradients/NAME: what
/// an update has left there, which is the mean over the batch of all ranks, clipped.
void tell_histograms(Telemetry& telemetry, std::int64_t step, const torch::nn::Module& model,
                     bool with_gradients);

}  // namespace ringtrain
