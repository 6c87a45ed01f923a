#include "models/padded_product.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace ringtrain {
namespace {

TEST(PaddedProduct, IsTheProductWithItsGradients) {
  torch::manual_seed(1);
  for (const std::int64_t multiple : {8, 13, 128}) {
    const auto x = at::randn({3, 5, 7}, at::kDouble).requires_grad_(),
               w = at::randn({13, 7}, at::kDouble).requires_grad_();
    const auto x2 = x.detach().clone().requires_grad_(), w2 = w.detach().clone().requires_grad_();
    const auto ours = padded_product(x, w, multiple), expected = at::linear(x2, w2);
    ASSERT_EQ(ours.sizes(), expected.sizes());
    EXPECT_TRUE(at::allclose(ours, expected, 1e-13, 1e-13));
    ours.sin().sum().backward();
    expected.sin().sum().backward();
    EXPECT_TRUE(at::allclose(x.grad(), x2.grad(), 1e-12, 1e-12));
    EXPECT_TRUE(at::allclose(w.grad(), w2.grad(), 1e-12, 1e-12));
  }
}

TEST(PaddedProduct, CastsUnderAutocast) {
  torch::manual_seed(1);
  const auto x = at::randn({4, 7}), w = at::randn({13, 7}).requires_grad_();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto y = padded_product(x, w, 16);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(w.grad().scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(w.grad()[3], x.sum(0), 2e-2, 2e-2));
}

}  // namespace
}  // namespace ringtrain
