// The kernels on a GPU against LibTorch in float64 on the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "comm/gpu.h"
#include "comm/nccl/nccl_library.h"
#include "models/autocast.h"
#include "models/padded_product.h"
#include "models/residual_norm.h"
#include "trainer/tasks/chunked_loss.h"

namespace ringtrain {
namespace {

class GpuKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (!nccl::is_built() || !find_gpus().why_none.empty()) GTEST_SKIP() << "no GPU, or a build without NCCL";
    nccl::load();
    torch::manual_seed(5);
  }
};

double furthest(const at::Tensor& a, const at::Tensor& b) {
  return (a.cpu().to(at::kDouble) - b.cpu().to(at::kDouble)).abs().max().item<double>();
}

TEST_F(GpuKernels, CrossEntropy) {
  constexpr std::int64_t kRows = 300, kClasses = 5003, kWidth = 5120;
  const at::Tensor exact = at::randn({kRows, kClasses}, at::kDouble) * 3;
  const at::Tensor targets = at::randint(kClasses, {kRows}, at::kLong);
  for (const auto& [type, tolerance] :
       {std::pair{at::kBFloat16, 4e-3}, {at::kHalf, 5e-4}, {at::kFloat, 1e-6}, {at::kDouble, 1e-13}})
    for (const bool padded : {false, true}) {
      SCOPED_TRACE(testing::Message() << type << padded);
      const at::Tensor kept = exact.to(type);
      at::Tensor theirs = kept.to(at::kDouble).clone().requires_grad_();
      const auto loss = at::cross_entropy_loss(theirs, targets, {}, at::Reduction::Sum);
      loss.backward(at::full_like(loss, 0.5));
      at::Tensor wide =
          at::randn({kRows, padded ? kWidth : kClasses}, at::TensorOptions(type).device(at::kCUDA));
      wide.narrow(1, 0, kClasses).copy_(kept);
      wide.requires_grad_();
      const auto ours = chunked_cross_entropy(wide.narrow(1, 0, kClasses), targets.cuda(), 64);
      ours.backward(at::full_like(ours, 0.5));
      EXPECT_NEAR(ours.item<double>() / kRows, loss.item<double>() / kRows, 2e-6);
      EXPECT_LT(furthest(wide.grad().narrow(1, 0, kClasses), theirs.grad()), tolerance);
      EXPECT_EQ(wide.grad().narrow(1, kClasses, wide.size(1) - kClasses).abs().sum().item<double>(), 0);
    }
}

TEST_F(GpuKernels, CrossEntropyOfAPaddedProduct) {
  const auto options = at::TensorOptions(at::kCUDA).dtype(at::kDouble);
  at::Tensor x = at::randn({6, 7, 16}, options).requires_grad_(),
             weight = at::randn({57, 16}, options).requires_grad_();
  const at::Tensor targets = at::randint(57, {42}, options.dtype(at::kLong));
  std::vector<std::vector<at::Tensor>> gradients;
  for (const std::int64_t multiple : {1, 128}) {
    const auto logits = padded_product(x, weight, multiple).flatten(0, 1);
    const auto loss = chunked_cross_entropy(logits, targets, 8);
    loss.backward();
    gradients.push_back({x.grad().clone(), weight.grad().clone()});
    x.mutable_grad().zero_();
    weight.mutable_grad().zero_();
  }
  for (int i = 0; i < 2; ++i) EXPECT_LT(furthest(gradients[0][i], gradients[1][i]), 1e-12);
}

TEST_F(GpuKernels, ResidualNorm) {
  constexpr std::int64_t kRows = 1000, kWidth = 768;
  for (const bool branch : {true, false}) {
    torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({kWidth}));
    {
      const at::NoGradGuard no_grad;
      norm->weight.normal_();
      norm->bias.normal_();
    }
    torch::nn::LayerNorm exact(torch::nn::LayerNormOptions({kWidth}));
    exact->to(at::kDouble);
    {
      const at::NoGradGuard no_grad;
      exact->weight.copy_(norm->weight);
      exact->bias.copy_(norm->bias);
    }
    norm->to(at::kCUDA);
    const at::Tensor values = at::randn({2, kRows / 2, kWidth}) * 2,
                     more = at::randn_like(values).to(at::kBFloat16);
    const at::Tensor of_normed = at::randn_like(values).to(at::kBFloat16), of_sum = at::randn_like(values);
    const auto leaf = [](const at::Tensor& x) { return x.clone().requires_grad_(); };
    const at::Tensor x = leaf(values.cuda()), b = leaf(more.cuda());
    const at::Tensor x64 = leaf(values.to(at::kDouble)), b64 = leaf(more.to(at::kDouble));
    Normed ours;
    {
      const Autocast autocast(c10::DeviceType::CUDA, at::kBFloat16);
      ours = residual_norm(x, branch ? b : at::Tensor(), norm);
    }
    ASSERT_EQ(ours.normed.scalar_type(), at::kBFloat16);  // the kernel was used
    const at::Tensor sum = branch ? x64 + b64 : x64;
    const at::Tensor normed = exact->forward(sum);
    torch::autograd::backward({ours.normed, ours.sum}, {of_normed.cuda(), of_sum.cuda()});
    torch::autograd::backward({normed, sum}, {of_normed.to(at::kDouble), of_sum.to(at::kDouble)});
    const auto near = [](const at::Tensor& a, const at::Tensor& c, double tolerance, const char* what) {
      EXPECT_TRUE(at::allclose(a.detach().cpu().to(at::kDouble), c.detach(), tolerance, tolerance)) << what;
    };
    near(ours.sum, sum, 1e-6, "sum");
    near(ours.normed, normed, 5e-3, "normed");
    near(x.grad(), x64.grad(), 1e-4, "x");
    if (branch) near(b.grad(), b64.grad(), 5e-3, "branch");
    near(norm->weight.grad(), exact->weight.grad(), 2e-4, "weight");
    near(norm->bias.grad(), exact->bias.grad(), 2e-4, "bias");
  }
}

}  // namespace
}  // namespace ringtrain
