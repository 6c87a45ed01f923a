#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "trainer/tasks/built_in_tasks.h"
#include "trainer/tasks/scaled_targets.h"

namespace ringtrain {
namespace {

/// The pinball loss (Koenker and Bassett 1978) of a quantile q: q * d where the target lies d above the
/// answer, (q - 1) * d where below. A sample's loss is the mean over its quantiles.
class QuantileRegression : public Task {
 public:
  QuantileRegression(Head head, const std::vector<double>& quantiles, const std::vector<TargetScale>& scales)
      : Task(std::move(head)), quantiles_(quantiles), scaled_(scales) {}

  double loss_unit() const override { return scaled_.scale(); }

  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override {
    const auto above = scaled_(targets, outputs).unsqueeze(1) - outputs;
    const auto& quantiles = quantiles_.on(outputs.device(), outputs.scalar_type());
    const auto losses = at::maximum(quantiles * above, (quantiles - 1) * above).mean(1);
    return weights.defined() ? weighted(losses, weights) : LossSum{losses.sum(), count(outputs)};
  }

 private:
  PlacedNumbers quantiles_;
  ScaledTargets scaled_;
};

double pinball(double target, double answer, double quantile) {
  const double above = target - answer;
  return std::max(quantile * above, (quantile - 1) * above);
}

class QuantileRegressionKind : public TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<QuantileRegressionKind>(*this); }
  std::string name() const override { return "quantile_regression"; }
  std::string doc() const override {
    return "Quantiles of a number: between the 0.1 and the 0.9 quantile lie 80% of what may come. The loss "
           "is "
           "the mean pinball loss, in the target's unit; coverage is the share of rows at or between the "
           "lowest and the highest quantile, crossed the share of rows whose quantiles are out of order.";
  }
  void describe(config::Visitor& v) override {
    v.field("quantiles", quantiles_, "Which ones, rising, each between 0 and 1.");
    bool good = !quantiles_.empty();
    for (std::size_t k = 0; k < quantiles_.size(); ++k)
      good = good && quantiles_[k] > 0 && quantiles_[k] < 1 && (k == 0 || quantiles_[k - 1] < quantiles_[k]);
    v.require("quantiles", good, "expected rising numbers, each above 0 and below 1");
    v.field("scale_target", scale_target_,
            "The network learns (target - mean) / deviation, both of the training part. Answers, losses and "
            "metrics are in the target's unit; exports undo it themselves.");
  }

  TargetKind target() const override { return TargetKind::number; }
  bool scales_target() const override { return scale_target_; }
  std::vector<Metric> metrics() const override {
    std::vector<Metric> metrics{{"coverage"}, {"crossed", false}};
    for (const double quantile : quantiles_) metrics.push_back({name_of("pinball_", quantile), false});
    return metrics;
  }

  MetricsReport judge(const Evaluation& answers, const std::vector<double>&) const override {
    const auto width = quantiles_.size();
    const auto values = [&](std::size_t row) { return answers.scores.data() + row * width; };
    MetricsReport report;
    report.set("coverage", answers.mean([&](std::size_t row) {
      const double target = answers.targets[row];
      return target >= values(row)[0] && target <= values(row)[width - 1] ? 1 : 0;
    }));
    report.set("crossed", answers.mean([&](std::size_t row) {
      return std::is_sorted(values(row), values(row) + width) ? 0 : 1;
    }));
    for (std::size_t k = 0; k < width; ++k)
      report.set(name_of("pinball_", quantiles_[k]), answers.mean([&](std::size_t row) {
        return pinball(answers.targets[row], values(row)[k], quantiles_[k]);
      }));
    return report;
  }

  std::vector<double> losses(const Evaluation& answers, const std::vector<TargetScale>&) const override {
    const auto width = quantiles_.size();
    std::vector<double> losses(answers.size());
    for (std::size_t row = 0; row < losses.size(); ++row)
      for (std::size_t k = 0; k < width; ++k)
        losses[row] += pinball(answers.targets[row], answers.scores[row * width + k], quantiles_[k]) /
                       static_cast<double>(width);
    return losses;
  }

  std::unique_ptr<Task> make(const TaskData& data) const override {
    Head head{.form = AnswerForm::values,
              .outputs = static_cast<std::int64_t>(quantiles_.size()),
              .operations = operations_of(data.scales)};
    for (const double quantile : quantiles_) head.names.push_back(name_of("q", quantile));
    return std::make_unique<QuantileRegression>(std::move(head), quantiles_, data.scales);
  }

 private:
  static std::string name_of(const char* what, double quantile) {
    return fmt::format("{}{}", what, quantile);
  }

  std::vector<double> quantiles_{0.1, 0.5, 0.9};
  bool scale_target_ = true;
};

}  // namespace

std::shared_ptr<TaskKind> quantile_regression_kind() { return std::make_shared<QuantileRegressionKind>(); }

}  // namespace ringtrain
