#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>

#include "trainer/telemetry/telemetry.h"

namespace ringtrain {

/// 30 bins of one width from the least to the largest number; what is not finite is left out.
Histogram histogram_of(const at::Tensor& tensor);

/// Tells the histograms of all parameters, as weights/NAME, and, where `weight` is not 0, of their gradients
/// divided by it, as gradients/NAME.
void tell_histograms(Telemetry& telemetry, std::int64_t step, const torch::nn::Module& model, double weight);

}  // namespace ringtrain
