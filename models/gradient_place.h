#pragma once

#include <ATen/core/Tensor.h>

namespace ringtrain {

/// Where a gradient of `parameter` can be added to: its `.grad`, if that is there; else undefined.
inline at::Tensor gradient_place(const at::Tensor& parameter) {
  if (!parameter.is_leaf()) return {};
  const at::Tensor& gradient = parameter.grad();
  return gradient.defined() && gradient.layout() == at::kStrided ? gradient : at::Tensor();
}

}  // namespace ringtrain
