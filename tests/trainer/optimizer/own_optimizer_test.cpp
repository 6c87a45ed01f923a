#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>

#include "common/errors.h"
#include "trainer/optimizer/optimizer.h"
#include "trainer/optimizer/schedule.h"
#include "trainer/run_config.h"

namespace ringtrain {
namespace {

/// Lion (Chen et al. 2023).
class LionKind : public OptimizerOfAnyRate<LionKind> {
 public:
  std::string name() const override { return "lion"; }
  std::string doc() const override { return "The sign of a mean of gradients."; }
  void describe(config::Visitor& v) override {
    v.field("beta1", beta1_, "Decay of the mean, for the update.", config::fraction_below_one());
    v.field("beta2", beta2_, "Decay of the mean that is kept.", config::fraction_below_one());
  }
  std::vector<std::string> state_names() const override { return {"mean"}; }
  bool needs_counts() const override { return false; }

  template <class Rate>
  void step(const Operands& with, const Rate& lr, const std::optional<at::Tensor>& divisor,
            const std::optional<at::Tensor>& skips) const {
    for (std::size_t i = 0; i < with.values.size(); ++i) {
      const auto &values = with.values[i], &mean = with.state[0][i];
      const auto gradients = divisor ? with.gradients[i] / *divisor : with.gradients[i];
      const auto direction = at::sign(mean * beta1_ + gradients * (1 - beta1_));
      set(values, values - (direction + values * with.weight_decay) * lr, skips);
      set(mean, mean * beta2_ + gradients * (1 - beta2_), skips);
    }
  }

 private:
  static void set(const at::Tensor& place, const at::Tensor& to, const std::optional<at::Tensor>& skips) {
    place.copy_(skips ? at::where(*skips > 0, place, to) : to);
  }

  double beta1_ = 0.9, beta2_ = 0.99;
};

class InverseSquareRootKind : public ScheduleKind {
 public:
  std::shared_ptr<ScheduleKind> clone() const override {
    return std::make_shared<InverseSquareRootKind>(*this);
  }
  std::string name() const override { return "inverse_sqrt"; }
  std::string doc() const override { return "Falls with the root of the steps."; }
  void describe(config::Visitor& v) override {
    v.field("time_scale", time_scale_, "It has halved after three times so many steps.", config::positive());
  }
  double rate(double base, std::int64_t after, std::int64_t) const override {
    return base * std::sqrt(time_scale_ / (time_scale_ + static_cast<double>(after)));
  }

 private:
  double time_scale_ = 1000;
};

Catalogue with_own() {
  auto catalogue = Catalogue::built_in();
  catalogue.add(std::make_shared<LionKind>());
  catalogue.add(std::make_shared<InverseSquareRootKind>());
  return catalogue;
}

RunConfig run_of(const std::string& optimizer, const std::string& schedule) {
  return RunConfig::from_text("data: {train_file: a.csv, target: y}\ntrainer:\n  optimizer: " + optimizer +
                                  "\n  schedule: " + schedule + "\n",
                              "own.yaml", with_own());
}

RunConfig lion() {
  return run_of("{type: lion, lr: 0.05, weight_decay: 0.1, beta1: 0.8, beta2: 0.95}",
                "{type: inverse_sqrt, time_scale: 3, warmup_steps: 2}");
}

std::vector<double> numbers(const at::Tensor& tensor) {
  const auto flat = tensor.detach().flatten().contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// One parameter, its gradients in float64 divided by 6.
struct ByHand {
  std::vector<double> values;
  std::vector<double> mean = std::vector<double>(values.size(), 0.0);

  void step(const std::vector<double>& gradients, double lr) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double gradient = gradients[i] / 6, mixed = 0.8 * mean[i] + (1 - 0.8) * gradient;
      values[i] -= lr * ((mixed > 0 ? 1.0 : -1.0) + 0.1 * values[i]);
      mean[i] = 0.95 * mean[i] + (1 - 0.95) * gradient;
    }
  }
};

void expect_near(const std::vector<double>& numbers, const std::vector<double>& expected) {
  ASSERT_EQ(numbers.size(), expected.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_NEAR(numbers[i], expected[i], 1e-12) << i;
}

TEST(OwnOptimizer, StepsAsItsFormula) {
  const auto run = lion();
  torch::manual_seed(7);
  torch::nn::Linear model(5, 3);
  model->to(torch::kDouble);
  FlatParameters flat(*model);
  const auto optimizer = make_optimizer(run.trainer.optimizer, flat);
  std::vector<ByHand> by_hand;
  for (const auto& entry : flat.entries()) by_hand.push_back({numbers(entry.parameter)});
  ASSERT_EQ(by_hand.size(), 2U);
  constexpr int kSteps = 8;
  for (int step = 0; step < kSteps; ++step) {
    const double lr = learning_rate(run.trainer.schedule, run.trainer.optimizer.lr, step, kSteps);
    EXPECT_NEAR(lr, step < 2 ? 0.05 * (step + 1) / 2 : 0.05 * std::sqrt(3.0 / (3 + step - 2)), 1e-15) << step;
    const std::vector<bool> unused{step == 3, step == 5};  // each sits out one step
    for (std::size_t e = 0; e < by_hand.size(); ++e) {
      const auto gradients = flat.entries()[e].parameter.grad();
      gradients.copy_(torch::randn_like(gradients));
      if (!unused[e]) by_hand[e].step(numbers(gradients), lr);
    }
    optimizer->step(lr, 6.0, unused);
    for (std::size_t e = 0; e < by_hand.size(); ++e) {
      const auto& entry = flat.entries()[e];
      expect_near(numbers(entry.parameter), by_hand[e].values);
      expect_near(numbers(flat.view(optimizer->state().at("mean")[0], entry)), by_hand[e].mean);
    }
  }
}

// What a recorded step calls: the same step, or none at all.
TEST(OwnOptimizer, NumbersOfTheDeviceMakeTheSameStep) {
  const auto run = lion();
  const at::Tensor lr = at::full({1}, 0.1), divisor = at::full({}, 6.0, at::kDouble);
  torch::nn::Linear model(5, 3), other(5, 3);
  FlatParameters flat(*model), flat_other(*other);
  auto &values = flat.groups()[0].values, &others = flat_other.groups()[0].values;
  others.copy_(values);
  const auto optimizer = make_optimizer(run.trainer.optimizer, flat);
  const auto on_device = make_optimizer(run.trainer.optimizer, flat_other);
  for (int step = 0; step < 3; ++step) {
    flat.groups()[0].gradients.copy_(torch::randn_like(values));
    flat_other.groups()[0].gradients.copy_(flat.groups()[0].gradients);
    optimizer->step(0.1, 6.0);
    on_device->begin();
    on_device->apply_all(Optimizer::DeviceNumbers{lr, divisor, at::zeros({})});
    EXPECT_TRUE(at::allclose(values, others, 1e-6, 1e-6)) << step;
  }
  const auto before = others.clone(), mean = on_device->state().at("mean")[0].clone();
  flat_other.groups()[0].gradients.fill_(std::numeric_limits<double>::quiet_NaN());
  on_device->begin();
  on_device->apply_all(Optimizer::DeviceNumbers{lr, divisor, at::ones({})});
  EXPECT_TRUE(at::equal(others, before));
  EXPECT_TRUE(at::equal(on_device->state().at("mean")[0], mean));
}

TEST(OwnOptimizer, StandsInTheResolvedConfiguration) {
  const auto text = lion().to_yaml();
  EXPECT_NE(text.find("type: lion"), std::string::npos) << text;
  EXPECT_NE(text.find("time_scale: 3"), std::string::npos) << text;
  EXPECT_EQ(RunConfig::from_text(text, "own.yaml", with_own()).to_yaml(), text);
}

TEST(OwnOptimizer, UnknownTypesAreToldWhatThereIs) {
  try {
    run_of("{type: lio}", "{type: inverse_sqr}");
    FAIL();
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    for (const std::string part :
         {"trainer.optimizer.type: expected one of: sgd, adam, adamw, lion; got 'lio'. Did you mean 'lion'?",
          "trainer.schedule.type: expected one of: constant, step, cosine, inverse_sqrt; got 'inverse_sqr'. "
          "Did you mean 'inverse_sqrt'?"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  RunConfig run;
  run.trainer.optimizer.rule.type = "lion";  // not in the built-in catalogue
  EXPECT_THROW(run.trainer.optimizer.rule.kind(), ConfigError);
  auto catalogue = with_own();
  EXPECT_THROW(catalogue.add(std::make_shared<LionKind>()), ConfigError);
  EXPECT_THROW(catalogue.add(std::make_shared<InverseSquareRootKind>()), ConfigError);
}

}  // namespace
}  // namespace ringtrain
