#pragma once

#include <torch/nn/modules/normalization.h>

namespace ringtrain {

/// What a residual stream holds, and its layer normalisation.
struct Normed {
  at::Tensor sum, normed;
};

/// sum = x + branch (an undefined branch adds nothing), normed = norm(sum) over the last dimension.
///
/// On a GPU in 16 bits, in training, one kernel makes both, and one their gradients (kernels/layer_norm.cu):
/// `normed` then comes in the 16 bits that the products after it read, rounded once. Elsewhere these are
/// LibTorch's own operations.
Normed residual_norm(const at::Tensor& x, const at::Tensor& branch, torch::nn::LayerNormImpl& norm);
inline Normed residual_norm(const at::Tensor& x, const at::Tensor& branch, torch::nn::LayerNorm& norm) {
  return residual_norm(x, branch, *norm);
}

}  // namespace ringtrain
