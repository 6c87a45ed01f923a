// The path of the kernels, with stand-ins for them on the CPU: a program of its own, since every GPT in it
// would take that path.
#include "models/residual_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/library.h>
#include <torch/types.h>

#include <tuple>

#include "models/autocast.h"
#include "models/gpt.h"

namespace ringtrain {
namespace {

int calls = 0;

using Four = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

Four stand_in(const at::Tensor& x, const std::optional<at::Tensor>& branch, const at::Tensor& weight,
              const at::Tensor& bias, double epsilon, at::ScalarType type) {
  ++calls;
  const at::Tensor sum = branch ? x + *branch : x;
  const auto [normed, mean, rstd] = at::native_layer_norm(sum, {x.size(-1)}, weight, bias, epsilon);
  return {branch ? sum : at::Tensor(), normed.to(type), mean, rstd};
}

Four backward_stand_in(const at::Tensor& of_normed, const std::optional<at::Tensor>& of_sum,
                       const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& mean,
                       const at::Tensor& rstd, bool branch) {
  auto [to_x, to_weight, to_bias] =
      at::native_layer_norm_backward(of_normed.to(at::kFloat), sum, {sum.size(-1)}, mean, rstd, weight,
                                     at::zeros_like(weight), {true, true, true});
  if (of_sum) to_x = to_x + *of_sum;
  return {to_x, branch ? to_x.to(of_normed.scalar_type()) : at::Tensor(), to_weight, to_bias};
}

TORCH_LIBRARY_IMPL(ringtrain, CPU, m) {
  m.impl("residual_norm", stand_in);
  m.impl("residual_norm_backward", backward_stand_in);
}

TEST(ResidualNorm, GradientsReachAllThatWentIn) {
  torch::manual_seed(8);
  for (const bool branch : {true, false}) {
    SCOPED_TRACE(branch);
    torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({16}));
    std::vector<std::vector<at::Tensor>> found;
    const at::Tensor values = at::randn({2, 3, 16}), more = at::randn({2, 3, 16}).to(at::kBFloat16);
    for (const bool fused : {true, false}) {
      norm->zero_grad();
      const at::Tensor x = values.clone().requires_grad_(), b = more.clone().requires_grad_();
      Normed made;
      const int before = calls;
      {
        const Autocast autocast(c10::DeviceType::CPU, fused ? std::optional(at::kBFloat16) : std::nullopt);
        made = residual_norm(x, branch ? b : at::Tensor(), norm);
      }
      EXPECT_EQ(calls, before + fused);
      EXPECT_EQ(made.normed.scalar_type(), fused ? at::kBFloat16 : at::kFloat);
      (made.normed.to(at::kFloat).pow(2).sum() + made.sum.pow(3).sum()).backward();
      found.push_back({x.grad(), branch ? b.grad().to(at::kFloat) : x.grad(), norm->weight.grad().clone(),
                       norm->bias.grad().clone()});
    }
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(at::allclose(found[0][i], found[1][i], 5e-2, 5e-2)) << i;
  }
}

TEST(ResidualNorm, AGptTakesItInTrainingAlone) {
  torch::manual_seed(9);
  GptKind kind;
  kind.layers = 2;
  kind.heads = 2;
  kind.width = 16;
  kind.context = 8;
  kind.vocabulary = 11;
  for (const bool again : {false, true}) {
    kind.checkpoint_activations = again;
    const Network model = kind.make({.outputs = 11});
    const at::Tensor tokens = at::randint(11, {3, 8}, at::kLong);
    const int before = calls;
    {
      const Autocast autocast(c10::DeviceType::CPU, at::kBFloat16);
      model.forward(Fields(tokens)).to(at::kFloat).sum().backward();
    }
    EXPECT_EQ(calls, before + 5 + (again ? 4 : 0));
    for (const auto& item : model->named_parameters())
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
    const at::NoGradGuard no_grad;
    const Autocast autocast(c10::DeviceType::CPU, at::kBFloat16);
    model.forward(Fields(tokens));
    EXPECT_EQ(calls, before + 5 + (again ? 4 : 0));
  }
}

}  // namespace
}  // namespace ringtrain
