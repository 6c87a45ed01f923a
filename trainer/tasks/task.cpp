#include "trainer/tasks/task.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstdlib>
#include <numeric>

#include "common/errors.h"
#include "common/text.h"
#include "trainer/tasks/language_model.h"

namespace ringtrain {
namespace {

/// Two classes, one logit; or K classes, K logits. Losses are weighted by class and, with gamma > 0, focal.
class Classification : public Task {
 public:
  Classification(std::int64_t outputs, const std::vector<double>& weights, double gamma)
      : outputs_(outputs), gamma_(gamma), weighted_(!weights.empty()) {
    if (weighted_) weights_ = at::tensor(weights, at::kDouble);
  }
  std::int64_t outputs() const override { return outputs_; }

  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const bool plain = gamma_ <= 0 && !weighted_;
    const auto reduction = plain ? at::Reduction::Sum : at::Reduction::None;
    at::Tensor losses = outputs_ == 1
                            ? at::binary_cross_entropy_with_logits(
                                  outputs.squeeze(1), targets.to(outputs.scalar_type()), {}, {}, reduction)
                            : at::cross_entropy_loss(outputs, targets, {}, reduction);
    const auto count = [&] {
      return at::scalar_tensor(targets.size(0), outputs.options().requires_grad(false));
    };
    if (plain) return {losses, count()};
    // Cross entropy is -log p of the sample's class, for one logit as for K.
    if (gamma_ > 0) losses = at::pow(1 - at::exp(-losses), gamma_) * losses;
    if (!weighted_) return {losses.sum(), count()};
    const auto weights = weights_like(outputs).index_select(0, targets);
    return {(losses * weights).sum(), weights.sum()};
  }

  at::Tensor scores(const at::Tensor& outputs) const override {
    if (outputs_ > 1) return at::softmax(outputs, 1);
    const auto positive = at::sigmoid(outputs);
    return at::cat({1 - positive, positive}, 1);
  }

 private:
  /// Copied once: a copy from the host cannot be recorded (trainer/step/recorded_step.h).
  const at::Tensor& weights_like(const at::Tensor& outputs) const {
    if (!placed_.defined() || placed_.device() != outputs.device() ||
        placed_.scalar_type() != outputs.scalar_type())
      placed_ = weights_.to(outputs.options().requires_grad(false));
    return placed_;
  }

  std::int64_t outputs_;
  double gamma_;
  bool weighted_;
  at::Tensor weights_;
  mutable at::Tensor placed_;
};

class Regression : public Task {
 public:
  explicit Regression(std::string loss) : loss_(std::move(loss)) {}
  std::int64_t outputs() const override { return 1; }
  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const auto values = outputs.squeeze(1);
    const auto sum = loss_ == "l1"      ? at::l1_loss(values, targets, at::Reduction::Sum)
                     : loss_ == "huber" ? at::huber_loss(values, targets, at::Reduction::Sum)
                                        : at::mse_loss(values, targets, at::Reduction::Sum);
    return {sum, at::scalar_tensor(targets.size(0), outputs.options().requires_grad(false))};
  }
  at::Tensor scores(const at::Tensor& outputs) const override { return outputs; }

 private:
  std::string loss_;
};

std::vector<double> class_weights(const TaskConfig& config, const std::vector<std::string>& labels,
                                  const std::vector<std::int64_t>& counts) {
  const std::string& kind = config.class_weights.front();
  if (kind == "none") return {};
  std::vector<double> weights;
  if (kind == "balanced") {
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    for (const auto count : counts)
      weights.push_back(total / (static_cast<double>(counts.size()) * static_cast<double>(count)));
    return weights;
  }
  if (config.class_weights.size() != labels.size())
    throw ConfigError(fmt::format("task.class_weights: expected {} numbers, one for each class ({}), got {}",
                                  labels.size(), join(labels), config.class_weights.size()));
  for (const auto& word : config.class_weights) weights.push_back(std::strtod(word.c_str(), nullptr));
  return weights;
}

}  // namespace

at::Tensor Task::right(const at::Tensor& outputs, const at::Tensor& targets) const {
  return scores(outputs).argmax(1).eq(targets).sum();
}

TargetKind target_kind(const TaskConfig& config) {
  return config.type == "regression" ? TargetKind::number : TargetKind::classes;
}

std::unique_ptr<Task> make_task(const TaskConfig& config, const std::vector<std::string>& labels,
                                const std::vector<std::int64_t>& class_counts, std::int64_t vocabulary) {
  if (config.type == "language_model") return make_language_model_task(vocabulary);
  if (config.type == "regression") return std::make_unique<Regression>(config.loss);
  const bool binary = config.type == "binary_classification";
  if (binary && labels.size() != 2)
    throw ConfigError(
        fmt::format("task.type: binary_classification needs two classes, but the target has {}: {}. Use "
                    "classification, or another target",
                    labels.size(), join(labels)));
  return std::make_unique<Classification>(binary ? 1 : static_cast<std::int64_t>(labels.size()),
                                          class_weights(config, labels, class_counts), config.focal_gamma);
}

}  // namespace ringtrain
