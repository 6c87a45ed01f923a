#include "models/checkpointed.h"

#include <ATen/ATen.h>
#include <c10/util/intrusive_ptr.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace ringtrain {
namespace {

// With copies of weights, autocast and dropout: tests/trainer/precision/shadow_copies_test.cpp.
TEST(Checkpointed, KeepsNothingOfTheInside) {
  c10::weak_intrusive_ptr<at::TensorImpl> inside(at::zeros({1}).getIntrusivePtr());
  int calls = 0;
  const auto body = [&](const at::Tensor& x) {
    ++calls;
    const auto y = x.sin();
    inside = c10::weak_intrusive_ptr<at::TensorImpl>(y.getIntrusivePtr());
    return y * y;  // needs y for its gradient
  };
  const auto x = at::linspace(0, 1, 5, at::kDouble).requires_grad_();
  const auto y = checkpointed(body, x * 2, false);
  EXPECT_TRUE(inside.expired());
  EXPECT_EQ(calls, 1);
  y.sum().backward();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(at::allclose(x.grad(), 2 * (4 * x.detach()).sin(), 1e-12, 1e-12));  // d sin²(2x)

  const at::NoGradGuard no_gradient;
  checkpointed(body, x, false);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace ringtrain
