#pragma once

#include <ATen/core/Tensor.h>

namespace ringtrain {

/// The parameters and buffers of a batch norm in training; all [channels].
struct BatchNormState {
  at::Tensor weight, bias, running_mean, running_var;
  double momentum, epsilon;
};

/// Whether fused_batch_norm takes this x: float32 on the CPU, channels last, several values a channel.
bool fused_batch_norm_applies(const at::Tensor& x, const at::Tensor& shortcut, const BatchNormState& state);

/// batch_norm(x) + shortcut, then max(0, y) with `relu`, in training, in two passes over memory instead of
/// four; so is its backward. Moves the running statistics on. x: [n, channels, height, width]; `shortcut`:
/// undefined, or as x. The same as at::batch_norm and what follows, up to rounding.
at::Tensor fused_batch_norm(const at::Tensor& x, const BatchNormState& state, const at::Tensor& shortcut,
                            bool relu);

}  // namespace ringtrain
