#include "trainer/tasks/chunked_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/errors.h"

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

TEST(ChunkedLoss, RunsBackwardOnce) {
  const auto loss = chunked_cross_entropy(logits_of(at::kFloat), targets(), 4);
  loss.backward({}, /*retain_graph=*/true);
  EXPECT_THROW(loss.backward(), std::exception);
}

TEST(ChunkedLoss, OfNoRowsIsZero) {
  const auto loss =
      chunked_cross_entropy(logits_of(at::kFloat).narrow(0, 0, 0), targets().narrow(0, 0, 0), 4);
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
}

}  // namespace
}  // namespace ringtrain
