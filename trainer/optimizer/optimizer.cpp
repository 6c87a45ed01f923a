#include "trainer/optimizer/optimizer.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringtrain {
namespace {

/// One zeroed tensor like each group's values.
std::vector<at::Tensor> like_values(const FlatParameters& parameters) {
  std::vector<at::Tensor> tensors;
  for (const auto& group : parameters.groups()) tensors.push_back(at::zeros_like(group.values));
  return tensors;
}

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerConfig& config, FlatParameters& parameters) : Optimizer(parameters), config_(config) {
    if (config.momentum > 0) momentum_ = like_values(parameters);
  }
  std::map<std::string, std::vector<at::Tensor>> state() const override {
    if (momentum_.empty()) return {};
    return {{"momentum", momentum_}};
  }

 protected:
  void update(std::size_t i, double lr, const std::optional<at::Tensor>& divisor) override {
    const auto& group = parameters_.groups()[i];
    const auto momentum = momentum_.empty() ? at::TensorList{} : at::TensorList(&momentum_[i], 1);
    at::_fused_sgd_({group.values}, {group.gradients}, momentum, config_.weight_decay, config_.momentum, lr,
                    /*dampening=*/0.0, config_.nesterov, /*maximize=*/false, /*is_first_step=*/steps_ == 0,
                    divisor);
  }

 private:
  OptimizerConfig config_;
  std::vector<at::Tensor> momentum_;
};

class Adam : public Optimizer {
 public:
  Adam(const OptimizerConfig& config, FlatParameters& parameters)
      : Optimizer(parameters),
        config_(config),
        mean_(like_values(parameters)),
        square_(like_values(parameters)) {
    for (const auto& group : parameters.groups())
      count_.push_back(at::zeros({}, group.values.options().dtype(at::kFloat)));
  }
  std::map<std::string, std::vector<at::Tensor>> state() const override {
    return {{"exp_avg", mean_}, {"exp_avg_sq", square_}};
  }

 protected:
  void update(std::size_t i, double lr, const std::optional<at::Tensor>& divisor) override {
    const auto& group = parameters_.groups()[i];
    count_[i] += 1;
    if (config_.type == "adamw")
      at::_fused_adamw_({group.values}, {group.gradients}, {mean_[i]}, {square_[i]}, {}, {count_[i]}, lr,
                        config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                        /*maximize=*/false, divisor);
    else
      at::_fused_adam_({group.values}, {group.gradients}, {mean_[i]}, {square_[i]}, {}, {count_[i]}, lr,
                       config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                       /*maximize=*/false, divisor);
  }
  void restored() override {
    for (auto& count : count_) count.fill_(static_cast<double>(steps_));
  }

 private:
  OptimizerConfig config_;
  std::vector<at::Tensor> mean_, square_, count_;
};

}  // namespace

void Optimizer::step(double lr, double divisor) {
  for (std::size_t i = 0; i < parameters_.groups().size(); ++i) {
    const auto& gradients = parameters_.groups()[i].gradients;
    std::optional<at::Tensor> inside;
    if (gradients.scalar_type() == at::kFloat)
      inside = at::scalar_tensor(divisor, gradients.options());
    else if (divisor != 1)
      gradients.div_(divisor);  // the fused calls take no float64 divisor
    update(i, lr, inside);
  }
  ++steps_;
}

void Optimizer::resume(std::int64_t steps) {
  steps_ = steps;
  restored();
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, FlatParameters& parameters) {
  if (config.type == "sgd") return std::make_unique<Sgd>(config, parameters);
  return std::make_unique<Adam>(config, parameters);
}

double gradient_norm(const FlatParameters& parameters) {
  double squares = 0;
  for (const auto& group : parameters.groups()) {
    const double norm = at::linalg_vector_norm(group.gradients, 2, {}, false, at::kDouble).item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

}  // namespace ringtrain
