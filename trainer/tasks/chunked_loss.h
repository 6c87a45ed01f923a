#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringtrain {

/// The sum of the cross entropies (nats) of logits [n, classes], any floating type, and their targets [n],
/// int64: 0-dim float64. It and its gradient are computed in float32 (of float64 logits in float64), on a CPU
/// over `rows` of them at a time, on a GPU by kernels that read the logits once (kernels/cross_entropy.cu);
/// the gradient is rounded once to the logits' own type. There never are all logits in float32, which of a
/// language model would be the largest tensors of a step.
at::Tensor chunked_cross_entropy(const at::Tensor& logits, const at::Tensor& targets, std::int64_t rows);

/// So many rows that one chunk is 64 MiB of float32.
std::int64_t rows_of_chunk(std::int64_t classes);

}  // namespace ringtrain
