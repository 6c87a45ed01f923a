#include "trainer/precision/autocast.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "trainer/precision/forward.h"

namespace ringtrain {
namespace {

struct Line : Model {
  Line() : Model("Line") { layer = register_module("layer", torch::nn::Linear(8, 2)); }
  at::Tensor forward(const at::Tensor& inputs) override {
    const at::Tensor outputs = layer(inputs);
    inside = outputs.scalar_type();
    return outputs;
  }
  torch::nn::Linear layer{nullptr};
  at::ScalarType inside = at::ScalarType::Undefined;
};

TEST(Autocast, TypesOfAPrecision) {
  EXPECT_EQ(parameter_type("float64"), at::kDouble);
  for (const char* precision : {"float32", "bfloat16", "float16"})
    EXPECT_EQ(parameter_type(precision), at::kFloat);
  EXPECT_EQ(autocast_type("bfloat16"), at::kBFloat16);
  EXPECT_EQ(autocast_type("float16"), at::kHalf);
  EXPECT_FALSE(autocast_type("float32") || autocast_type("float64"));
}

TEST(Autocast, ProductsAreInSixteenBitsAndAnswersInFloat32) {
  torch::manual_seed(1);
  const auto model = std::make_shared<Line>();
  const auto inputs = torch::randn({5, 8});
  const auto exact = forward(model, inputs, {});
  EXPECT_EQ(model->inside, at::kFloat);
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const auto answer = forward(model, inputs, type);
    EXPECT_EQ(model->inside, type);
    EXPECT_EQ(answer.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::allclose(answer, exact, 2e-2, 2e-2));
    EXPECT_FALSE(at::equal(answer, exact)) << "it was rounded";
    model->zero_grad();
    answer.sum().backward();
    EXPECT_EQ(model->layer->weight.grad().scalar_type(), at::kFloat);
    EXPECT_TRUE(at::allclose(model->layer->weight.grad(), inputs.sum(0).expand({2, 8}), 2e-2, 2e-2));
  }
}

TEST(Autocast, EndsWithItsScope) {
  const auto before = at::autocast::get_autocast_dtype(at::kCPU);
  {
    const Autocast scope(at::kCPU, at::kHalf);
    EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU));
    const Autocast none(at::kCPU, {});
    EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU));
  }
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_EQ(at::autocast::get_autocast_dtype(at::kCPU), before);
}

// A cast that outlived the optimizer's step would answer with the old weights.
TEST(Autocast, SeesNewWeights) {
  const auto model = std::make_shared<Line>();
  const auto inputs = at::ones({1, 8});
  const auto before = forward(model, inputs, at::kBFloat16).detach().clone();
  {
    const torch::NoGradGuard no_grad;
    model->layer->weight.add_(1);
  }
  const auto after = forward(model, inputs, at::kBFloat16);
  EXPECT_TRUE(at::allclose(after.detach() - before, at::full({1, 2}, 8.0), 2e-2, 0.1));
}

}  // namespace
}  // namespace ringtrain
