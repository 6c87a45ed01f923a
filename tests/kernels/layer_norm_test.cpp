// The kernels' texts on emulated threads against LibTorch; tests/gpu runs them on a GPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/kernels/emulated_gpu.h"

// clang-format off
namespace emulated::narrow_bfloat16 {
#define NUMBER 1
#define WIDTH 64
#include "kernels/numbers.cu"
#include "kernels/layer_norm.cu"
#undef WIDTH
#undef NUMBER
}  // namespace emulated::narrow_bfloat16
namespace emulated::wide_float16 {
#define NUMBER 2
#define WIDTH 264
#include "kernels/numbers.cu"
#include "kernels/layer_norm.cu"
#undef WIDTH
#undef NUMBER
}  // namespace emulated::wide_float16
// clang-format on

namespace ringtrain {
namespace {

constexpr std::int64_t kRows = 21;  // not whole blocks
constexpr unsigned kThreads = 256, kBlocks = 2;
constexpr double kEpsilon = 1e-5;

struct Inputs {
  at::Tensor x, branch, weight, bias, of_normed, of_sum;  ///< branch and of_sum may be undefined
};

struct Answer {
  at::Tensor sum, normed, to_x, to_branch, to_weight, to_bias;
};

Inputs some(std::int64_t width, at::ScalarType type, bool branch, bool of_sum) {
  torch::manual_seed(6);
  const auto drawn = [&](double scale, at::ScalarType as) {
    return (at::randn({kRows, width}, at::kDouble) * scale + 0.3).to(as);
  };
  Inputs inputs{drawn(2, at::kFloat), {}, {}, {}, drawn(1, type), {}};
  if (branch) inputs.branch = drawn(1, type);
  if (of_sum) inputs.of_sum = drawn(1, at::kFloat);
  inputs.weight = at::randn({width}, at::kFloat);
  inputs.bias = at::randn({width}, at::kFloat);
  return inputs;
}

template <class Number>
const Number* at_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const Number*>(tensor.const_data_ptr()) : nullptr;
}
template <class Number>
Number* to(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<Number*>(tensor.mutable_data_ptr()) : nullptr;
}

#define RINGTRAIN_EMULATED(name)                                                                          \
  Answer run_##name(const Inputs& in) {                                                                   \
    using namespace emulated::name;                                                                       \
    const auto empty = [&](at::ScalarType type) { return at::full(in.x.sizes(), 7, type); };              \
    const int rows = kRows;                                                                               \
    const auto type = in.of_normed.scalar_type();                                                         \
    Answer answer;                                                                                        \
    answer.sum = in.branch.defined() ? empty(at::kFloat) : in.x;                                          \
    answer.normed = empty(type);                                                                          \
    const at::Tensor means = at::empty({kRows}), rstds = at::empty({kRows});                              \
    emulated::launch((kRows + 7) / 8, kThreads, [&] {                                                     \
      layer_norm(at_of<float>(in.x), at_of<Number>(in.branch), at_of<float>(in.weight),                   \
                 at_of<float>(in.bias), kEpsilon, rows, to<float>(answer.sum), to<Number>(answer.normed), \
                 to<float>(means), to<float>(rstds));                                                     \
    });                                                                                                   \
    answer.to_x = empty(at::kFloat);                                                                      \
    if (in.branch.defined()) answer.to_branch = empty(type);                                              \
    const at::Tensor partial = at::full({kBlocks, 2, in.x.size(1)}, 7, at::kFloat);                       \
    emulated::launch(kBlocks, kThreads, [&] {                                                             \
      layer_norm_gradient(at_of<Number>(in.of_normed), at_of<float>(in.of_sum), at_of<float>(answer.sum), \
                          at_of<float>(in.weight), at_of<float>(means), at_of<float>(rstds), rows,        \
                          to<float>(answer.to_x), to<Number>(answer.to_branch), to<float>(partial));      \
    });                                                                                                   \
    answer.to_weight = partial.sum(0).select(0, 0);                                                       \
    answer.to_bias = partial.sum(0).select(0, 1);                                                         \
    return answer;                                                                                        \
  }
RINGTRAIN_EMULATED(narrow_bfloat16)
RINGTRAIN_EMULATED(wide_float16)
#undef RINGTRAIN_EMULATED

/// LibTorch's, in float64.
Answer expected(const Inputs& in) {
  const auto leaf = [](const at::Tensor& tensor) { return tensor.to(at::kDouble).clone().requires_grad_(); };
  const at::Tensor x = leaf(in.x), weight = leaf(in.weight), bias = leaf(in.bias);
  const at::Tensor branch = in.branch.defined() ? leaf(in.branch) : at::Tensor();
  const at::Tensor sum = branch.defined() ? x + branch : x;
  const at::Tensor normed = at::layer_norm(sum, {in.x.size(1)}, weight, bias, kEpsilon);
  at::Tensor loss = (normed * in.of_normed.to(at::kDouble)).sum();
  if (in.of_sum.defined()) loss = loss + (sum * in.of_sum.to(at::kDouble)).sum();
  loss.backward();
  return {sum.detach(),  normed.detach(), x.grad(), branch.defined() ? branch.grad() : at::Tensor(),
          weight.grad(), bias.grad()};
}

void compare(const Answer& ours, const Answer& exact, double rounding) {
  const auto near = [](const at::Tensor& a, const at::Tensor& b, double tolerance, const char* what) {
    EXPECT_TRUE(at::allclose(a.to(at::kDouble), b, tolerance, tolerance)) << what;
  };
  near(ours.sum, exact.sum, 1e-6, "sum");
  near(ours.normed, exact.normed, rounding, "normed");
  near(ours.to_x, exact.to_x, 1e-5, "to_x");
  if (exact.to_branch.defined()) near(ours.to_branch, exact.to_branch, rounding, "to_branch");
  near(ours.to_weight, exact.to_weight, 1e-5, "to_weight");
  near(ours.to_bias, exact.to_bias, 1e-5, "to_bias");
}

TEST(LayerNormKernel, IsTheSumsLayerNormWithItsGradients) {
  for (const bool branch : {true, false})
    for (const bool of_sum : {true, false}) {
      SCOPED_TRACE(testing::Message() << branch << of_sum);
      const auto narrow = some(64, at::kBFloat16, branch, of_sum);
      compare(run_narrow_bfloat16(narrow), expected(narrow), 5e-3);
      const auto wide = some(264, at::kHalf, branch, of_sum);
      compare(run_wide_float16(wide), expected(wide), 6e-4);
    }
}

TEST(LayerNormKernel, ConstantRowsHaveTheBias) {
  auto inputs = some(64, at::kBFloat16, false, false);
  inputs.x.fill_(1000);
  const auto answer = run_narrow_bfloat16(inputs);
  EXPECT_TRUE(at::equal(answer.normed, inputs.bias.to(at::kBFloat16).expand({kRows, 64})));
}

}  // namespace
}  // namespace ringtrain
