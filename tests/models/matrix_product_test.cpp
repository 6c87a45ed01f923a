#include "models/matrix_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/dense.h"

namespace ringtrain::matrix_product {
namespace {

/// Of `a`, against sums in float64.
void expect_close(const at::Tensor& a, const at::Tensor& expected) {
  const double largest = std::max(1.0, expected.abs().max().item<double>());
  EXPECT_LT((a.to(at::kDouble) - expected).abs().max().item<double>(), 1e-5 * largest);
}

struct Shape {
  std::int64_t rows, in, out;
};

/// Of each: less than a block, whole blocks, blocks and a rest.
class MatrixProduct : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { at::manual_seed(5); }
  const std::int64_t rows = GetParam().rows, in = GetParam().in, out = GetParam().out;
  at::Tensor x = at::randn({rows, in}), weight = at::randn({out, in}), bias = at::randn({out}),
             outer = at::randn({rows, out});
};

INSTANTIATE_TEST_SUITE_P(Shapes, MatrixProduct,
                         testing::Values(Shape{1, 1, 1}, Shape{3, 5, 7}, Shape{4, 4, 4}, Shape{33, 77, 131},
                                         Shape{128, 512, 64}, Shape{129, 513, 65}, Shape{600, 30, 200},
                                         Shape{1030, 20, 6}));

TEST_P(MatrixProduct, ForwardIsALinearLayer) {
  const auto exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
  const auto y = at::full({rows, out}, std::nan(""));
  forward(x, weight, bias, /*relu=*/false, y);
  expect_close(y, exact);
  forward(x, weight, bias, /*relu=*/true, y);
  expect_close(y, exact.relu());
  forward(x, weight, {}, /*relu=*/false, y);
  expect_close(y, exact - bias.to(at::kDouble));
}

TEST_P(MatrixProduct, GradientsAreThoseOfALinearLayer) {
  const auto exact_x = outer.to(at::kDouble).mm(weight.to(at::kDouble));
  const auto exact_weight = outer.to(at::kDouble).t().mm(x.to(at::kDouble));
  const auto of_x = at::full({rows, in}, std::nan("")), of_weight = at::full({out, in}, 2.0F),
             of_bias = at::full({out}, 2.0F);
  input_gradient(outer, weight, of_x);
  expect_close(of_x, exact_x);
  add_weight_gradient(outer, x, of_weight);
  expect_close(of_weight, exact_weight + 2);
  add_bias_gradient(outer, of_bias);
  expect_close(of_bias, outer.to(at::kDouble).sum(0) + 2);
}

TEST_P(MatrixProduct, PartsOfLargerMatricesServe) {
  const auto part = [](const at::Tensor& matrix) {
    auto larger = at::full({matrix.size(0) + 2, matrix.size(1) + 3}, std::nan(""));
    auto view = larger.narrow(0, 1, matrix.size(0)).narrow(1, 2, matrix.size(1));
    view.copy_(matrix);
    return view;
  };
  const auto y = at::empty({rows, out}), of_x = at::empty({rows, in}), of_weight = at::zeros({out, in});
  forward(x, weight, bias, true, y);
  input_gradient(outer, weight, of_x);
  add_weight_gradient(outer, x, of_weight);
  const auto y2 = part(y), of_x2 = part(of_x), of_weight2 = part(at::zeros({out, in}));
  forward(part(x), part(weight), bias, true, y2);
  input_gradient(part(outer), part(weight), of_x2);
  add_weight_gradient(part(outer), part(x), of_weight2);
  expect_close(y2, y.to(at::kDouble));
  expect_close(of_x2, of_x.to(at::kDouble));
  expect_close(of_weight2, of_weight.to(at::kDouble));
}

TEST_P(MatrixProduct, TheNumberOfThreadsChangesNoBit) {
  const auto all = [&] {
    std::vector<at::Tensor> results{at::empty({rows, out}), at::empty({rows, in}), at::zeros({out, in})};
    forward(x, weight, bias, true, results[0]);
    input_gradient(outer, weight, results[1]);
    add_weight_gradient(outer, x, results[2]);
    return results;
  };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = all();
  at::set_num_threads(3);
  const auto shared = all();
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_TRUE(at::equal(alone[i], shared[i])) << i;
}

TEST(MatrixProductForward, NotANumberIsNotCutOff) {
  const auto y = at::empty({1, 2});
  forward(at::full({1, 1}, std::numeric_limits<float>::quiet_NaN()), at::ones({2, 1}), {}, true, y);
  EXPECT_TRUE(y.isnan().all().item<bool>());
}

/// The way that `dense` takes with float32 and enough rows, whichever it is on this processor.
TEST(DenseLayerInFloat32, IsALinearLayer) {
  at::manual_seed(6);
  const auto leaf = [](const at::Tensor& tensor) {
    auto one = tensor.clone().requires_grad_();
    one.mutable_grad() = at::zeros_like(tensor);
    return one;
  };
  const auto x = at::randn({2, 80, 40}), weight = at::randn({24, 40}), bias = at::randn({24});
  const auto x1 = leaf(x), w1 = leaf(weight), b1 = leaf(bias), x2 = leaf(x.to(at::kDouble)),
             w2 = leaf(weight.to(at::kDouble)), b2 = leaf(bias.to(at::kDouble));
  const auto y1 = dense(x1, w1, b1, true), y2 = at::relu(at::linear(x2, w2, b2));
  expect_close(y1.detach(), y2.detach());
  y1.square().sum().backward();
  y2.square().sum().backward();
  expect_close(x1.grad(), x2.grad());
  expect_close(w1.grad(), w2.grad());
  expect_close(b1.grad(), b2.grad());
}

}  // namespace
}  // namespace ringtrain::matrix_product
