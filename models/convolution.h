#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>

#include <variant>

#include "models/weight_shadow.h"

namespace ringtrain {

/// What `layer` gives for `x` [n, channels, height, width], whose padding is given in numbers.
inline at::Tensor convolve(const at::Tensor& x, const torch::nn::Conv2d& layer) {
  const auto& options = layer->options;
  const auto& padding = std::get<torch::ExpandingArray<2>>(options.padding());
  return at::conv2d(x, shadow_of(layer->weight), shadow_of(layer->bias), options.stride(), padding);
}

}  // namespace ringtrain
