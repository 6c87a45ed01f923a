// The kernels' texts on emulated threads against LibTorch; tests/gpu runs them on a GPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/kernels/emulated_gpu.h"

// clang-format off
namespace emulated::bfloat16 {
#define NUMBER 1
#include "kernels/numbers.cu"
#include "kernels/cross_entropy.cu"
#undef NUMBER
}  // namespace emulated::bfloat16
namespace emulated::float16 {
#define NUMBER 2
#include "kernels/numbers.cu"
#include "kernels/cross_entropy.cu"
#undef NUMBER
}  // namespace emulated::float16
namespace emulated::float32 {
#define NUMBER 3
#include "kernels/numbers.cu"
#include "kernels/cross_entropy.cu"
#undef NUMBER
}  // namespace emulated::float32
namespace emulated::float64 {
#define NUMBER 4
#include "kernels/numbers.cu"
#include "kernels/cross_entropy.cu"
#undef NUMBER
}  // namespace emulated::float64
// clang-format on

namespace ringtrain {
namespace {

struct Answer {
  at::Tensor losses, wholes, gradient;  ///< the gradient: of all columns, those beyond the classes too
};

#define RINGTRAIN_EMULATED(type)                                                                             \
  Answer run_##type(const at::Tensor& wide, const at::Tensor& targets, int classes, double factor,           \
                    unsigned threads) {                                                                      \
    using namespace emulated::type;                                                                          \
    const auto options = wide.options().dtype(wide.scalar_type() == at::kDouble ? at::kDouble : at::kFloat); \
    const auto rows = wide.size(0);                                                                          \
    Answer answer{at::empty({rows}, options), at::empty({rows}, options),                                    \
                  at::full({rows, wide.size(1)}, 7, wide.options())};                                        \
    const auto* from = static_cast<const Number*>(wide.const_data_ptr());                                    \
    const long long stride = wide.stride(0);                                                                 \
    const auto* wanted = reinterpret_cast<const long long*>(targets.const_data_ptr<std::int64_t>());         \
    auto* wholes = static_cast<Wide*>(answer.wholes.mutable_data_ptr());                                     \
    emulated::launch(static_cast<unsigned>(rows), threads, [&] {                                             \
      cross_entropy(from, stride, wanted, classes, static_cast<Wide*>(answer.losses.mutable_data_ptr()),     \
                    wholes);                                                                                 \
    });                                                                                                      \
    emulated::launch(static_cast<unsigned>(rows), threads, [&] {                                             \
      cross_entropy_gradient(from, stride, wanted, classes, wholes, &factor,                                 \
                             static_cast<Number*>(answer.gradient.mutable_data_ptr()),                       \
                             static_cast<int>(wide.size(1)));                                                \
    });                                                                                                      \
    return answer;                                                                                           \
  }
RINGTRAIN_EMULATED(bfloat16)
RINGTRAIN_EMULATED(float16)
RINGTRAIN_EMULATED(float32)
RINGTRAIN_EMULATED(float64)
#undef RINGTRAIN_EMULATED

Answer run(const at::Tensor& wide, const at::Tensor& targets, int classes, double factor = 0.25,
           unsigned threads = 4) {
  switch (wide.scalar_type()) {
    case at::kBFloat16:
      return run_bfloat16(wide, targets, classes, factor, threads);
    case at::kHalf:
      return run_float16(wide, targets, classes, factor, threads);
    case at::kFloat:
      return run_float32(wide, targets, classes, factor, threads);
    default:
      return run_float64(wide, targets, classes, factor, threads);
  }
}

/// In float64, of the numbers as they are.
Answer expected(const at::Tensor& wide, const at::Tensor& targets, std::int64_t classes, double factor) {
  const at::Tensor logits = wide.narrow(1, 0, classes).to(at::kDouble).clone().requires_grad_();
  const auto losses = at::cross_entropy_loss(logits, targets, {}, at::Reduction::None);
  losses.sum().backward(at::scalar_tensor(factor, at::kDouble));
  at::Tensor gradient = at::zeros(wide.sizes(), at::kDouble);
  gradient.narrow(1, 0, classes).copy_(logits.grad());
  return {losses.detach(), at::logsumexp(logits.detach(), 1), gradient};
}

double furthest(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

constexpr std::int64_t kRows = 5;

at::Tensor some(at::ScalarType type, std::int64_t columns) {
  torch::manual_seed(4);
  return (at::randn({kRows, columns}, at::kDouble) * 4).to(type);
}

TEST(CrossEntropyKernel, IsCrossEntropyWithItsGradient) {
  const at::Tensor targets = at::tensor({0, 12, 7, 3, 1}, at::kLong);
  for (const auto& [type, tolerance] :
       {std::pair{at::kBFloat16, 1e-3}, {at::kHalf, 1.3e-4}, {at::kFloat, 1e-6}, {at::kDouble, 1e-14}})
    // Whole packs and parts of them; rows that begin where a pack does, and others; a class alone.
    for (const auto& [columns, classes] : {std::pair{64, 64}, {64, 50}, {61, 61}, {61, 40}, {16, 13}}) {
      SCOPED_TRACE(testing::Message() << type << " " << columns << " " << classes);
      const at::Tensor wide = some(type, columns), plain = wide.clone();
      const auto ours = run(wide, targets, classes), exact = expected(wide, targets, classes, 0.25);
      EXPECT_LT(furthest(ours.losses, exact.losses), type == at::kDouble ? 1e-13 : 1e-5);
      EXPECT_LT(furthest(ours.wholes, exact.wholes), type == at::kDouble ? 1e-13 : 1e-5);
      EXPECT_LT(furthest(ours.gradient, exact.gradient), tolerance);
      EXPECT_TRUE(at::equal(ours.gradient.narrow(1, classes, columns - classes),
                            at::zeros({kRows, columns - classes}, type)));
      EXPECT_TRUE(at::equal(wide, plain));
    }
}

TEST(CrossEntropyKernel, TheNumberOfThreadsChangesLittle) {
  const at::Tensor wide = some(at::kFloat, 70), targets = at::tensor({0, 12, 7, 3, 69}, at::kLong);
  const auto exact = expected(wide, targets, 70, 1);
  for (const unsigned threads : {1, 2, 8, 16})
    EXPECT_LT(furthest(run(wide, targets, 70, 1, threads).losses, exact.losses), 1e-5) << threads;
}

TEST(CrossEntropyKernel, SixteenBitsAreRoundedOnce) {
  const at::Tensor targets = at::tensor({0, 12, 7, 3, 1}, at::kLong);
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor wide = some(type, 48);
    const auto ours = run(wide, targets, 48, 1);
    const auto exact = expected(wide, targets, 48, 1).gradient.to(type);
    // But where float32 has come out on the other side of the middle.
    EXPECT_GT(ours.gradient.eq(exact).sum().item<std::int64_t>(), kRows * 48 - 3);
  }
}

TEST(CrossEntropyKernel, HugeAndHiddenLogits) {
  at::Tensor wide = some(at::kFloat, 32);
  wide[0].fill_(-INFINITY);
  wide[0][3] = 2;  // one class is left
  wide[1].fill_(1e30);
  wide[2].narrow(0, 0, 16).fill_(-INFINITY);
  wide[3][5] = NAN;
  wide[4].fill_(-INFINITY);
  wide[4][9] = NAN;
  const auto answer = run(wide, at::tensor({3, 7, 20, 1, 2}, at::kLong), 32, 1);
  EXPECT_EQ(answer.losses[0].item<float>(), 0);
  EXPECT_EQ(answer.gradient[0].abs().max().item<float>(), 0);
  EXPECT_NEAR(answer.losses[1].item<float>(), 0, 1e25);
  EXPECT_TRUE(std::isfinite(answer.losses[2].item<float>()));
  EXPECT_TRUE(std::isnan(answer.losses[3].item<float>()));
  EXPECT_TRUE(std::isnan(answer.losses[4].item<float>()));
}

TEST(CrossEntropyKernel, ATargetThatIsNoClassGivesNoNumber) {
  const auto answer = run(some(at::kFloat, 32), at::tensor({31, 32, -1, 3, 2}, at::kLong), 32, 1);
  EXPECT_TRUE(std::isfinite(answer.losses[0].item<float>()));
  EXPECT_TRUE(std::isnan(answer.losses[1].item<float>()));
  EXPECT_TRUE(std::isnan(answer.losses[2].item<float>()));
}

TEST(CrossEntropyKernel, TheFactorIsOnTheDeviceAndMayBeLarge) {
  const at::Tensor wide = some(at::kHalf, 48), targets = at::tensor({0, 12, 7, 3, 1}, at::kLong);
  const auto ours = run(wide, targets, 48, 8192), exact = expected(wide, targets, 48, 8192);
  EXPECT_TRUE(at::allclose(ours.gradient.to(at::kDouble), exact.gradient, 1e-3, 1e-3));
}

}  // namespace
}  // namespace ringtrain
