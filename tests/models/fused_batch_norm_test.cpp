#include "models/fused_batch_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <cmath>

namespace ringtrain {
namespace {

struct Shape {
  std::vector<std::int64_t> sizes;
  bool shortcut, relu;
};

/// What a layer is given, and what came of it.
struct Layer {
  explicit Layer(const Shape& shape, at::ScalarType dtype = at::kFloat) : relu(shape.relu) {
    at::manual_seed(3);
    const auto image = [&] {
      return (at::randn(shape.sizes) * 3 + 50).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
    };
    const auto channels = shape.sizes[1];
    x = image().requires_grad_();
    if (shape.shortcut) shortcut = (image() - 50).requires_grad_();
    weighting = (image() - 50);
    const auto per_channel = [&](const at::Tensor& values) { return values.to(dtype); };
    state = {per_channel(at::randn({channels})).requires_grad_(),
             per_channel(at::randn({channels})).requires_grad_(),
             per_channel(at::zeros({channels})),
             per_channel(at::ones({channels})),
             0.1,
             1e-5};
  }

  at::Tensor fused() const { return fused_batch_norm(x, state, shortcut, relu); }
  at::Tensor plain() const {
    auto y = at::batch_norm(x, state.weight, state.bias, state.running_mean, state.running_var, true, 0.1,
                            1e-5, true);
    if (shortcut.defined()) y = y + shortcut;
    return relu ? at::relu(y) : y;
  }
  /// y, the gradients of all inputs, the running statistics.
  std::vector<at::Tensor> results(const at::Tensor& y) const {
    (y * weighting).sum().backward();
    std::vector<at::Tensor> all{y.detach(),        x.grad(),           state.weight.grad(),
                                state.bias.grad(), state.running_mean, state.running_var};
    if (shortcut.defined()) all.push_back(shortcut.grad());
    return all;
  }

  bool relu;
  at::Tensor x, shortcut, weighting;
  BatchNormState state;
};

class FusedBatchNorm : public testing::TestWithParam<Shape> {};

// Rows that fold, that do not, more than one block, one pixel an image.
INSTANTIATE_TEST_SUITE_P(Shapes, FusedBatchNorm,
                         testing::Values(Shape{{2, 1, 1, 1}, false, true}, Shape{{3, 5, 3, 5}, true, true},
                                         Shape{{4, 16, 14, 14}, true, true},
                                         Shape{{4, 16, 14, 14}, false, false},
                                         Shape{{4, 16, 14, 14}, true, false},
                                         Shape{{2, 64, 9, 7}, false, true}, Shape{{7, 100, 3, 3}, true, true},
                                         Shape{{6, 512, 1, 1}, false, true}));

TEST_P(FusedBatchNorm, IsBatchNormWithWhatFollowsIt) {
  const Layer layer(GetParam()), exact(GetParam(), at::kDouble);
  ASSERT_TRUE(fused_batch_norm_applies(layer.x, layer.shortcut, layer.state));
  const auto found = layer.results(layer.fused()), expected = exact.results(exact.plain());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double largest = std::max(1.0, expected[i].abs().max().item<double>());
    EXPECT_LT((found[i].to(at::kDouble) - expected[i]).abs().max().item<double>(), 2e-5 * largest) << i;
  }
}

TEST_P(FusedBatchNorm, TheNumberOfThreadsChangesNoBit) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Layer one(GetParam());
  const auto alone = one.results(one.fused());
  at::set_num_threads(3);
  const Layer two(GetParam());
  const auto shared = two.results(two.fused());
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_TRUE(at::equal(alone[i], shared[i])) << i;
}

TEST(FusedBatchNormLayer, AGradientOfAGradientIsRight) {
  const Shape shape{{3, 4, 2, 3}, true, true};
  const Layer fused(shape), plain(shape);
  const auto second = [](const Layer& of, const at::Tensor& y) {
    const auto first = torch::autograd::grad({(y.pow(2) * of.weighting).sum()}, {of.x}, {}, true, true)[0];
    return torch::autograd::grad({first.square().sum()}, {of.x, of.state.weight});
  };
  const auto found = second(fused, fused.fused()), expected = second(plain, plain.plain());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT((found[i] - expected[i]).abs().max().item<double>(),
              1e-3 * expected[i].abs().max().item<double>());
}

TEST(FusedBatchNormLayer, NotANumberIsNotCutOff) {
  const Layer layer({{2, 1, 2, 2}, false, true});
  at::NoGradGuard no_grad;
  layer.x[0][0][0][0] = std::nan("");
  EXPECT_TRUE(layer.fused().isnan().all().item<bool>());
}

TEST(FusedBatchNormLayer, LeavesOtherTensorsToATen) {
  const Layer layer({{2, 3, 4, 4}, true, true});
  EXPECT_FALSE(fused_batch_norm_applies(layer.x.contiguous(), layer.shortcut, layer.state));
  EXPECT_FALSE(fused_batch_norm_applies(layer.x, layer.shortcut.contiguous(), layer.state));
  EXPECT_FALSE(fused_batch_norm_applies(layer.x.to(at::kDouble), {}, layer.state));
  EXPECT_FALSE(fused_batch_norm_applies(layer.x.narrow(0, 0, 0), {}, layer.state));
  const Layer pixel({{1, 3, 1, 1}, false, true});
  EXPECT_FALSE(fused_batch_norm_applies(pixel.x, {}, pixel.state));
}

}  // namespace
}  // namespace ringtrain
