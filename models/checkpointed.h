#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace ringtrain {

/// `body(x)` by activation checkpointing (Chen et al. 2016): what the body computes inside is not kept for
/// backward, which computes it a second time. In the same numbers: autocast and copies of weights are those
/// of the first time, and with `random` so are the draws of the generator (dropout).
///
/// The body must not keep state of its own (running statistics would be updated twice), and its gradient
/// cannot be differentiated. Where no gradient of `x` is wanted it is `body(x)`.
at::Tensor checkpointed(const std::function<at::Tensor(const at::Tensor&)>& body, const at::Tensor& x,
                        bool random);

}  // namespace ringtrain
