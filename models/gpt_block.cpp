#include "models/gpt_block.h"

#include <ATen/ATen.h>

#include "models/dense.h"
#include "models/residual_norm.h"

namespace ringtrain {

CausalAttention::CausalAttention(std::int64_t width, std::int64_t heads, double dropout)
    : Module("CausalAttention"),
      width_(width),
      heads_(heads),
      dropout_(dropout),
      c_attn_(register_module("c_attn", torch::nn::Linear(width, 3 * width))),
      c_proj_(register_module("c_proj", torch::nn::Linear(width, width))) {}

at::Tensor CausalAttention::forward(const at::Tensor& x) {
  // Split, not narrow: its backward is one concatenation, not three zero-filled copies and two sums.
  const auto parts = dense(x, c_attn_).split(width_, 2);
  const auto heads = [this](const at::Tensor& part) {
    return at::unflatten(part, 2, {heads_, width_ / heads_}).transpose(1, 2);
  };
  const double dropout = is_training() ? dropout_ : 0;
  const auto mixed = at::scaled_dot_product_attention(heads(parts[0]), heads(parts[1]), heads(parts[2]), {},
                                                      dropout, /*is_causal=*/true);
  return dense(mixed.transpose(1, 2).flatten(2), c_proj_);
}

FeedForward::FeedForward(std::int64_t width)
    : Module("FeedForward"),
      c_fc_(register_module("c_fc", torch::nn::Linear(width, 4 * width))),
      c_proj_(register_module("c_proj", torch::nn::Linear(4 * width, width))) {}

at::Tensor FeedForward::forward(const at::Tensor& x) {
  return dense(at::gelu(dense(x, c_fc_), "tanh"), c_proj_);
}

GptBlock::GptBlock(std::int64_t width, std::int64_t heads, double dropout)
    : Module("GptBlock"),
      dropout_(dropout),
      ln_1_(register_module("ln_1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})))),
      attn_(register_module("attn", std::make_shared<CausalAttention>(width, heads, dropout))),
      ln_2_(register_module("ln_2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})))),
      mlp_(register_module("mlp", std::make_shared<FeedForward>(width))) {}

ResidualStream GptBlock::forward(const ResidualStream& stream) {
  const auto dropped = [this](const at::Tensor& y) {
    return dropout_ > 0 ? at::dropout(y, dropout_, is_training()) : y;
  };
  const auto first = residual_norm(stream.x, stream.branch, ln_1_);
  const auto second = residual_norm(first.sum, dropped(attn_->forward(first.normed)), ln_2_);
  return {second.sum, dropped(mlp_->forward(second.normed))};
}

}  // namespace ringtrain
