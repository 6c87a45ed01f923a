#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cstdint>

namespace ringtrain {

/// Causal self-attention of several heads (Vaswani et al. 2017): c_attn makes queries, keys and values,
/// c_proj mixes the heads. [n, T, width] in and out.
class CausalAttention : public torch::nn::Module {
 public:
  CausalAttention(std::int64_t width, std::int64_t heads, double dropout);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t width_, heads_;
  double dropout_;
  torch::nn::Linear c_attn_, c_proj_;
};

/// The feed-forward part: c_fc to four times the width, GELU by its tanh form, c_proj back.
class FeedForward : public torch::nn::Module {
 public:
  explicit FeedForward(std::int64_t width);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear c_fc_, c_proj_;
};

/// What runs through the blocks: x + branch, not yet added. The branch may be undefined: nothing to add.
struct ResidualStream {
  at::Tensor x, branch;
};

/// A block of GPT-2: x + attn(ln_1(x)), then x + mlp(ln_2(x)).
class GptBlock : public torch::nn::Module {
 public:
  GptBlock(std::int64_t width, std::int64_t heads, double dropout);
  ResidualStream forward(const ResidualStream& stream);

 private:
  double dropout_;
  torch::nn::LayerNorm ln_1_;
  std::shared_ptr<CausalAttention> attn_;
  torch::nn::LayerNorm ln_2_;
  std::shared_ptr<FeedForward> mlp_;
};

}  // namespace ringtrain
