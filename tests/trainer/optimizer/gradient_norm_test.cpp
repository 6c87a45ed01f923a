#include "trainer/optimizer/gradient_norm.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <limits>

namespace ringtrain {
namespace {

TEST(GradientNorm, IsThatOfAllGradients) {
  torch::nn::Linear model(2, 1);
  FlatParameters flat(*model);
  flat.views(flat.groups()[0].gradients, 0).at("weight").copy_(torch::tensor({{3.0, 0.0}}));
  flat.views(flat.groups()[0].gradients, 0).at("bias").fill_(4);
  EXPECT_DOUBLE_EQ(gradient_norm(flat), 5);
}

TEST(GradientNorm, SumsInFloat64) {
  // In float32 a large square swallows the small ones.
  for (const std::int64_t size : {1, 7, 8, 9, 100003}) {
    auto numbers = at::full({size}, 1e-4);
    numbers[size / 2] = 100;
    const double expected = 1e4 + static_cast<double>(size - 1) * static_cast<double>(1e-4F) * 1e-4F;
    EXPECT_NEAR(sum_of_squares({numbers}), expected, 1e-6) << size;
    EXPECT_NEAR(sum_of_squares({numbers.to(at::kDouble)}), expected, 1e-6) << size;
  }
  const auto part = at::full({10}, 2.0);
  EXPECT_EQ(sum_of_squares({part, at::zeros({0}), part}), 80);
}

TEST(GradientNorm, ByRowsToTheLastBitsOfFloat32) {
  for (const std::int64_t size : {1, 4095, 4096, 4097, 100003, 1 << 20}) {
    const auto numbers = (at::arange(size) + 1).mul(0.37).sin().to(at::kFloat) * 1e-3;
    const double expected = numbers.to(at::kDouble).square().sum().item<double>();
    const auto ours = squares_by_rows(numbers);
    EXPECT_EQ(ours.scalar_type(), at::kDouble);
    EXPECT_NEAR(ours.item<double>() / expected, 1, 1e-6) << size;
  }
  EXPECT_EQ(squares_by_rows(at::zeros({0})).item<double>(), 0);
  // Rows are summed up in float64: in float32 the small ones would be lost.
  auto rows = at::full({4096 * 3}, 1e-4);
  rows.narrow(0, 0, 4096).fill_(100);
  EXPECT_NEAR(squares_by_rows(rows).item<double>() - 4096e4, 8192e-8, 1e-5);
  rows[5000] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(squares_by_rows(rows).item<double>()));
}

TEST(GradientNorm, IsFiniteWhereAllGradientsAre) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_TRUE(std::isfinite(sum_of_squares({at::full({9}, largest)})));
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    for (const std::int64_t place : {0, 5, 16}) {
      auto numbers = at::ones({17});
      numbers[place] = bad;
      EXPECT_FALSE(std::isfinite(sum_of_squares({numbers}))) << bad << " at " << place;
    }
}

}  // namespace
}  // namespace ringtrain
