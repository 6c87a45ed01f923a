#pragma once

#include <torch/nn/modules/linear.h>

namespace ringtrain {

/// x Wᵀ + b over the last dimension, as torch::nn::Linear; `relu` then cuts negative values off.
///
/// In training on a CPU its backward adds to `weight.grad()` and `bias.grad()` where they lie, in the matrix
/// product itself, if they are there (FlatParameters sees to it): no tensor for the gradient is made, and no
/// pass over the weights adds it up. Hooks at AccumulateGrad run as ever, with an undefined gradient.
/// torch::autograd::grad for such a weight finds nothing, and throws. Wherever this does not apply (no
/// gradient wanted, autocast, other devices, a gradient of a gradient) it is at::linear.
at::Tensor dense(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {},
                 bool relu = false);
inline at::Tensor dense(const at::Tensor& x, const torch::nn::Linear& layer, bool relu = false) {
  return dense(x, layer->weight, layer->bias, relu);
}

}  // namespace ringtrain
