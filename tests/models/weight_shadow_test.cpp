#include "models/weight_shadow.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include "models/autocast.h"
#include "models/convolution.h"
#include "models/dense.h"

namespace ringtrain {
namespace {

TEST(WeightShadow, StandsForAParameterWithinItsScope) {
  const auto parameter = at::ones({2, 3}).requires_grad_(), other = at::ones({2}).requires_grad_();
  WeightShadow shadow;
  shadow.add(parameter, parameter.detach().to(at::kBFloat16) * 2);
  EXPECT_TRUE(shadow_of(parameter).is_same(parameter));
  {
    const WeightShadow::Scope scope(&shadow);
    EXPECT_EQ(shadow_of(parameter).scalar_type(), at::kBFloat16);
    EXPECT_EQ(shadow_of(parameter)[1][2].item<float>(), 2);
    EXPECT_TRUE(shadow_of(other).is_same(other));
    EXPECT_FALSE(shadow_of(at::Tensor()).defined());
    const WeightShadow::Scope none(nullptr);
    EXPECT_TRUE(shadow_of(parameter).is_same(parameter));
  }
  EXPECT_EQ(WeightShadow::current(), nullptr);
}

TEST(WeightShadow, PassesItsGradientOn) {
  const auto parameter = at::ones({2, 3}).requires_grad_();
  int arrived = 0;
  const auto accumulator = torch::autograd::impl::grad_accumulator(parameter);
  accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
      [&arrived](const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) {
        ++arrived;
        return outputs;
      }));
  WeightShadow shadow;
  shadow.add(parameter, parameter.detach().to(at::kBFloat16));
  const WeightShadow::Scope scope(&shadow);
  (shadow_of(parameter) * 3).sum().backward();  // there is no gradient yet
  EXPECT_TRUE(at::equal(parameter.grad(), at::full({2, 3}, 3.0)));
  const auto place = parameter.grad();
  (shadow_of(parameter) * 2 + shadow_of(parameter)).sum().backward();
  EXPECT_TRUE(parameter.grad().is_same(place));
  EXPECT_TRUE(at::equal(place, at::full({2, 3}, 6.0)));
  EXPECT_EQ(arrived, 2);
}

TEST(WeightShadow, ProductsHaveAutocastsBits) {
  torch::manual_seed(3);
  const torch::nn::Linear linear(7, 5);
  const torch::nn::Conv2d convolution(torch::nn::Conv2dOptions(2, 3, 3).stride(2).padding(1));
  const auto x = at::randn({4, 2, 5, 7});
  const auto run = [&](const WeightShadow* shadow) {
    for (const auto& parameter : {linear->weight, linear->bias, convolution->weight, convolution->bias})
      parameter.mutable_grad() = at::ones_like(parameter).detach();
    const WeightShadow::Scope scope(shadow);
    const Autocast cast(at::kCPU, at::kBFloat16);
    const auto y = dense(x, linear, /*relu=*/true), z = convolve(x, convolution);
    (y.sum() + (z * z).sum()).backward();
    return std::vector<at::Tensor>{y.detach(),
                                   z.detach(),
                                   linear->weight.grad(),
                                   linear->bias.grad(),
                                   convolution->weight.grad(),
                                   convolution->bias.grad()};
  };
  WeightShadow shadow;
  for (const auto& parameter : {linear->weight, linear->bias, convolution->weight, convolution->bias})
    shadow.add(parameter, parameter.detach().to(at::kBFloat16));
  const auto with = run(&shadow), without = run(nullptr);
  for (std::size_t i = 0; i < with.size(); ++i) EXPECT_TRUE(at::equal(with[i], without[i])) << i;
}

}  // namespace
}  // namespace ringtrain
