#include "trainer/tasks/chunked_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace ringtrain {
namespace {

constexpr std::int64_t kRows = 23, kClasses = 41;

at::Tensor logits_of(at::ScalarType type) {
  torch::manual_seed(2);
  return (at::randn({kRows, kClasses}, at::kDouble) * 3).to(type).requires_grad_();
}

at::Tensor targets() { return (at::arange(kRows) * 7).remainder(kClasses); }

TEST(ChunkedLoss, IsCrossEntropyWithItsGradient) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-13}, {at::kFloat, 1e-6}})
    for (const std::int64_t rows : {1, 5, 23, 100}) {
      SCOPED_TRACE(rows);
      const at::Tensor ours = logits_of(type), theirs = logits_of(type);
      const auto loss = chunked_cross_entropy(ours, targets(), rows);
      const auto expected = at::cross_entropy_loss(theirs, targets(), {}, at::Reduction::Sum);
      EXPECT_EQ(loss.scalar_type(), at::kDouble);
      EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 100 * tolerance);
      loss.backward(at::full_like(loss, 0.25));
      expected.backward(at::full_like(expected, 0.25));
      EXPECT_EQ(ours.grad().scalar_type(), type);
      EXPECT_TRUE(at::allclose(ours.grad(), theirs.grad(), tolerance, tolerance));
    }
}

TEST(ChunkedLoss, SixteenBitsAreSummedInMore) {
  const at::Tensor ours = logits_of(at::kBFloat16),
                   exact = logits_of(at::kBFloat16).detach().to(at::kFloat).requires_grad_();
  const auto loss = chunked_cross_entropy(ours, targets(), 4);
  const auto expected = at::cross_entropy_loss(exact, targets(), {}, at::Reduction::Sum);
  EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-4);
  loss.backward();
  expected.backward();
  EXPECT_EQ(ours.grad().scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::allclose(ours.grad().to(at::kFloat), exact.grad(), 1e-2, 1e-3));
}

TEST(ChunkedLoss, TakesAViewAndLeavesTheLogits) {
  const at::Tensor wide = logits_of(at::kDouble), plain = wide.detach().clone();
  const auto loss = chunked_cross_entropy(wide.narrow(1, 0, 30), targets().remainder(30), 4);
  loss.backward();
  EXPECT_TRUE(at::equal(wide.detach(), plain));
  EXPECT_TRUE(at::equal(wide.grad().narrow(1, 30, 11), at::zeros({kRows, 11}, at::kDouble)));
}

TEST(ChunkedLoss, BackwardMayRunAgain) {
  const at::Tensor logits = logits_of(at::kFloat);
  const auto loss = chunked_cross_entropy(logits, targets(), 4);
  loss.backward({}, /*retain_graph=*/true);
  const auto once = logits.grad().clone();
  loss.backward();
  EXPECT_TRUE(at::equal(logits.grad(), 2 * once));
}

// One in many classes is below what float16 holds, until the loss scale lifts it.
TEST(ChunkedLoss, TheLossScaleReachesSmallProbabilities) {
  torch::manual_seed(3);
  const at::Tensor values = (at::randn({3, 50000}) * 2 - 4).to(at::kHalf);
  values.select(1, 7).fill_(9);
  const at::Tensor ours = values.clone().requires_grad_(), exact = values.to(at::kDouble).requires_grad_();
  const at::Tensor wanted = at::tensor({7, 7, 11}, at::kLong);
  constexpr double kScale = 8192;
  const auto loss = chunked_cross_entropy(ours, wanted, 2);
  loss.backward(at::full_like(loss, kScale));
  const auto expected = at::cross_entropy_loss(exact, wanted, {}, at::Reduction::Sum);
  expected.backward(at::full_like(expected, kScale));
  EXPECT_LT(exact.grad().abs().median().item<double>() / kScale, 3e-6);
  EXPECT_TRUE(at::allclose(ours.grad().to(at::kDouble), exact.grad(), 2e-3, 1e-6));
}

TEST(ChunkedLoss, OfNoRowsIsZero) {
  const auto loss =
      chunked_cross_entropy(logits_of(at::kFloat).narrow(0, 0, 0), targets().narrow(0, 0, 0), 4);
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
}

}  // namespace
}  // namespace ringtrain
