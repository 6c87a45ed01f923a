#include "data/tokens/token_dataset.h"

#include <ATen/ATen.h>

namespace ringtrain {

std::int64_t window_count(std::int64_t tokens, std::int64_t context) {
  return tokens > 0 ? (tokens - 1) / context : 0;
}

TokenDataset::TokenDataset(std::shared_ptr<const TokenFile> file, std::int64_t context, std::int64_t first,
                           std::int64_t count)
    : file_(std::move(file)), context_(context), first_(first), count_(count) {}

Batch TokenDataset::read(const std::vector<std::int64_t>& indices) const {
  const auto n = static_cast<std::int64_t>(indices.size());
  const at::Tensor inputs = at::empty({n, context_}, at::kLong), targets = at::empty_like(inputs),
                   sample = at::empty({n}, at::kLong);
  auto* input = inputs.mutable_data_ptr<std::int64_t>();
  auto* target = targets.mutable_data_ptr<std::int64_t>();
  auto* row = sample.mutable_data_ptr<std::int64_t>();
  for (const auto index : indices) {
    const std::int64_t begin = (first_ + index) * context_;
    file_->copy(begin, context_, input);
    file_->copy(begin + 1, context_, target);
    input += context_;
    target += context_;
    *row++ = begin;
  }
  return {inputs, targets, sample};
}

}  // namespace ringtrain
