#pragma once

#include <ATen/core/Tensor.h>

namespace ringtrain {

/// The three matrix products of a linear layer in training, in float32 on the CPU, by oneDNN's batch-reduce
/// kernels (at::native::cpublas::brgemm). A kernel works on one block; what the blocks need transposed is
/// transposed block by block, so that it is still in the cache. Threads share the blocks; results do not
/// depend on their number.
///
/// All matrices have two dimensions, and their rows lie without gaps between elements: stride(1) is 1.
namespace matrix_product {

/// Whether they are faster here than ATen's, which are MKL's: so it is on AMD's processors with AVX-512,
/// where MKL takes its kernels for older ones (docs/decisions/2026-11-23-linear-layers.md). And whether the
/// user left oneDNN enabled. They are right everywhere.
bool faster_here();

/// y = x weightᵀ + bias, then max(0, y) with `relu`. x: [rows, in], weight: [out, in], bias: [out] or
/// undefined, y: [rows, out].
void forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool relu,
             const at::Tensor& y);

/// gradient of x = outer weight. outer: [rows, out].
void input_gradient(const at::Tensor& outer, const at::Tensor& weight, const at::Tensor& into);

/// into += outerᵀ x. into: [out, in].
void add_weight_gradient(const at::Tensor& outer, const at::Tensor& x, const at::Tensor& into);

/// into += the sum of outer's rows. into: [out].
void add_bias_gradient(const at::Tensor& outer, const at::Tensor& into);

}  // namespace matrix_product
}  // namespace ringtrain
