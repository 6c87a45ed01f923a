#include "models/dense.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

namespace ringtrain {
namespace {

/// A layer, an input and what backward of a loss of it gives.
struct Case {
  explicit Case(std::vector<std::int64_t> sizes, bool bias = true) {
    torch::manual_seed(2);
    layer = torch::nn::Linear(torch::nn::LinearOptions(sizes.back(), 5).bias(bias));
    layer->to(at::kDouble);
    x = torch::randn(sizes, at::kDouble).requires_grad_();
  }
  void put_gradients() {
    for (auto& parameter : layer->parameters()) parameter.mutable_grad() = at::full_like(parameter, 0.5);
  }
  std::vector<at::Tensor> backward(const at::Tensor& y) {
    y.square().sum().backward();
    std::vector<at::Tensor> gradients{x.grad()};
    for (auto& parameter : layer->parameters()) gradients.push_back(parameter.grad());
    return gradients;
  }
  torch::nn::Linear layer{nullptr};
  at::Tensor x;
};

void expect_same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double offset = 0) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(at::allclose(a[i], i > 0 ? b[i] + offset : b[i], 1e-12, 1e-13)) << i;
}

struct Way {
  std::vector<std::int64_t> sizes;
  bool bias, relu;
};

class Dense : public testing::TestWithParam<Way> {};

TEST_P(Dense, HasTheValuesAndGradientsOfLinear) {
  const auto& [sizes, bias, relu] = GetParam();
  const auto plain = [&, with_relu = relu](Case& one) {
    const auto y = one.layer(one.x);
    return with_relu ? at::relu(y) : y;
  };
  Case expected(sizes, bias), fresh(sizes, bias), added(sizes, bias);
  const auto wanted = expected.backward(plain(expected));
  const auto y = dense(fresh.x, fresh.layer, relu);
  EXPECT_TRUE(at::allclose(y, plain(expected), 1e-12, 1e-13));
  expect_same(fresh.backward(y), wanted);

  added.put_gradients();
  const auto* place = added.layer->weight.grad().const_data_ptr();
  expect_same(added.backward(dense(added.x, added.layer, relu)), wanted, 0.5);
  EXPECT_EQ(added.layer->weight.grad().const_data_ptr(), place);
}

INSTANTIATE_TEST_SUITE_P(Ways, Dense,
                         testing::Values(Way{{7, 3}, true, false}, Way{{7, 3}, true, true},
                                         Way{{7, 3}, false, true}, Way{{2, 4, 3}, true, false},
                                         Way{{2, 4, 3}, false, false}, Way{{0, 3}, true, true}));

TEST(DenseLayer, AWeightUsedTwiceGetsBoth) {
  Case expected({4, 5}), used({4, 5});
  used.put_gradients();
  const auto wanted = expected.backward(expected.layer(at::relu(expected.layer(expected.x))));
  expect_same(used.backward(dense(dense(used.x, used.layer, true), used.layer)), wanted, 0.5);
}

TEST(DenseLayer, HooksOfTheWeightRun) {
  Case one({4, 3});
  one.put_gradients();
  int calls = 0;
  const auto accumulator = torch::autograd::impl::grad_accumulator(one.layer->weight);
  struct Count : torch::autograd::FunctionPostHook {
    explicit Count(int& counter) : calls(counter) {}
    torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                              const torch::autograd::variable_list&) override {
      ++calls;
      return outputs;
    }
    int& calls;
  };
  accumulator->add_post_hook(std::make_unique<Count>(calls));
  one.backward(dense(one.x, one.layer));
  EXPECT_EQ(calls, 1);
}

TEST(DenseLayer, AFrozenWeightStaysWithoutGradient) {
  Case one({4, 3});
  one.layer->weight.set_requires_grad(false);
  dense(one.x, one.layer).sum().backward();
  EXPECT_FALSE(one.layer->weight.grad().defined());
  EXPECT_TRUE(one.x.grad().defined());
  EXPECT_TRUE(one.layer->bias.grad().defined());
}

TEST(DenseLayer, AGradientOfAGradientIsRight) {
  Case expected({4, 3}), one({4, 3});
  one.put_gradients();
  const auto second = [](Case& of, const at::Tensor& y) {
    const auto first = torch::autograd::grad({y.pow(3).sum()}, {of.x}, {}, true, /*create_graph=*/true)[0];
    return torch::autograd::grad({first.square().sum()}, {of.x})[0];
  };
  EXPECT_TRUE(at::allclose(second(one, dense(one.x, one.layer)), second(expected, expected.layer(expected.x)),
                           1e-12, 1e-13));
}

TEST(DenseLayer, UnderAutocastItIsLinear) {
  torch::nn::Linear layer(3, 5);
  const auto x = torch::ones({4, 3});
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto y = dense(x, layer);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(layer->weight.grad().scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace ringtrain
