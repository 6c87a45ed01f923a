#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringtrain {

/// x · weightᵀ, x [..., k], weight [n, k], computed with n rounded up to a multiple of `multiple`: matrix
/// products of a GPU are made of tiles, and one with 50,257 columns takes several times as long as one with
/// 50,304. The result is [..., n], a view of what was computed. Under autocast the weight is cast first.
at::Tensor padded_product(const at::Tensor& x, const at::Tensor& weight, std::int64_t multiple);

}  // namespace ringtrain
