#include "trainer/tasks/task.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cfloat>
#include <cstdlib>
#include <numeric>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "trainer/tasks/language_model.h"

namespace ringtrain {
namespace {

/// Two classes, one logit; or K classes, K logits. Losses are weighted by class and, with gamma > 0, focal.
class Classification : public Task {
 public:
  Classification(std::int64_t outputs, const std::vector<double>& weights, const TaskConfig& config)
      : outputs_(outputs),
        gamma_(config.focal_gamma),
        smoothing_(config.label_smoothing),
        weighted_(!weights.empty()) {
    if (weighted_) weights_ = at::tensor(weights, at::kDouble);
  }
  std::int64_t outputs() const override { return outputs_; }

  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const bool plain = gamma_ <= 0 && !weighted_;
    const auto reduction = plain ? at::Reduction::Sum : at::Reduction::None;
    at::Tensor losses = outputs_ == 1 ? at::binary_cross_entropy_with_logits(
                                            outputs.squeeze(1), wanted(targets, outputs), {}, {}, reduction)
                                      : at::cross_entropy_loss(outputs, targets, {}, reduction,
                                                               /*ignore_index=*/-100, smoothing_);
    const auto count = [&] {
      return at::scalar_tensor(targets.size(0), outputs.options().requires_grad(false));
    };
    if (plain) return {losses, count()};
    // Cross entropy is -log p of the sample's class, for one logit as for K.
    if (gamma_ > 0) losses = at::pow(doubt(losses), gamma_) * losses;
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
  /// 1 - p of a loss -log p, with all its digits where p is nearly 1; never 0, where the derivative of a
  /// power below 1 is infinite, and infinity times a loss of 0 no number.
  static at::Tensor doubt(const at::Tensor& losses) {
    const double least = losses.scalar_type() == at::kDouble ? DBL_MIN : FLT_MIN;
    return at::clamp_min(at::neg(at::expm1(at::neg(losses))), least);
  }

  /// Of one logit: the probability of class 1 that is trained towards.
  at::Tensor wanted(const at::Tensor& targets, const at::Tensor& outputs) const {
    const auto exact = targets.to(outputs.scalar_type());
    return smoothing_ > 0 ? exact * (1 - smoothing_) + smoothing_ / 2 : exact;
  }

  /// Copied once: a copy from the host cannot be recorded (trainer/step/recorded_step.h).
  const at::Tensor& weights_like(const at::Tensor& outputs) const {
    if (!placed_.defined() || placed_.device() != outputs.device() ||
        placed_.scalar_type() != outputs.scalar_type())
      placed_ = weights_.to(outputs.options().requires_grad(false));
    return placed_;
  }

  std::int64_t outputs_;
  double gamma_, smoothing_;
  bool weighted_;
  at::Tensor weights_;
  mutable at::Tensor placed_;
};

class Regression : public Task {
 public:
  Regression(std::string loss, const TargetScale& scale) : loss_(std::move(loss)), scale_(scale) {}
  std::int64_t outputs() const override { return 1; }
  /// Huber's loss with delta 1 of what is scaled is, in the target's unit, that with delta `scale`.
  double loss_unit() const override { return loss_ == "l1" ? scale_.scale : scale_.scale * scale_.scale; }

  LossSum loss_sum(const at::Tensor& outputs, const at::Tensor& targets) const override {
    const auto values = outputs.squeeze(1), wanted = scaled(targets, outputs);
    const auto sum = loss_ == "l1"      ? at::l1_loss(values, wanted, at::Reduction::Sum)
                     : loss_ == "huber" ? at::huber_loss(values, wanted, at::Reduction::Sum)
                                        : at::mse_loss(values, wanted, at::Reduction::Sum);
    return {sum, at::scalar_tensor(targets.size(0), outputs.options().requires_grad(false))};
  }
  at::Tensor scores(const at::Tensor& outputs) const override {
    return scales() ? outputs.to(at::kDouble) * scale_.scale + scale_.shift : outputs;
  }

 private:
  bool scales() const { return scale_.shift != 0 || scale_.scale != 1; }

  /// In float64: the difference of two large numbers is what is left of them.
  at::Tensor scaled(const at::Tensor& targets, const at::Tensor& outputs) const {
    if (!scales()) return targets;
    return ((targets.to(at::kDouble) - scale_.shift) / scale_.scale).to(outputs.scalar_type());
  }

  std::string loss_;
  TargetScale scale_;
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
                                  labels.size(), shortened(labels), config.class_weights.size()));
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
                                const std::vector<std::int64_t>& class_counts, std::int64_t vocabulary,
                                const TargetScale& scale) {
  if (config.type == "language_model") return make_language_model_task(vocabulary, config.chunked_loss);
  if (config.type == "regression") return std::make_unique<Regression>(config.loss, scale);
  const bool binary = config.type == "binary_classification";
  if (!binary && config.type != "classification")
    throw ConfigError(fmt::format("task.type: unknown '{}'", config.type));
  if (binary && labels.size() != 2)
    throw ConfigError(fmt::format(
        "task.type: binary_classification needs two classes, but the target has {}: {}. Use {}, "
        "or another target",
        labels.size(), shortened(labels),
        count_decimals(labels) > 0 ? "regression to predict a number, classification" : "classification"));
  return std::make_unique<Classification>(binary ? 1 : static_cast<std::int64_t>(labels.size()),
                                          class_weights(config, labels, class_counts), config);
}

}  // namespace ringtrain
