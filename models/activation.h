#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace ringtrain {

/// Names of the activations that `activate` knows: relu, gelu, silu, tanh.
const std::vector<std::string>& activation_names();

/// Applies the activation `name`, one of activation_names().
at::Tensor activate(const std::string& name, const at::Tensor& x);

}  // namespace ringtrain
