#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <span>

#include "trainer/metrics/regression.h"
#include "trainer/tasks/built_in_tasks.h"
#include "trainer/tasks/scaled_targets.h"

namespace ringtrain {
namespace {

/// One target: its loss is reported in its own unit. Several: a sample's loss is the mean over its targets,
/// each scaled (where they are), so that none counts more for its unit.
class Regression : public Task {
 public:
  Regression(Head head, std::string loss, const std::vector<TargetScale>& scales, std::int64_t targets)
      : Task(std::move(head), targets), loss_(std::move(loss)), scaled_(scales) {}

  /// Huber's loss with delta 1 of what is scaled is, in the target's unit, that with delta `scale`.
  double loss_unit() const override {
    if (targets() > 1) return 1;
    return loss_ == "l1" ? scaled_.scale() : scaled_.scale() * scaled_.scale();
  }

  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override {
    const bool several = this->targets() > 1;
    const auto values = several ? outputs : outputs.squeeze(1), wanted = scaled_(targets, outputs);
    if (!weights.defined()) {
      const auto sum = loss(values, wanted, at::Reduction::Sum);
      return {several ? sum / this->targets() : sum, count(outputs)};
    }
    const auto losses = loss(values, wanted, at::Reduction::None);
    return weighted(several ? losses.mean(1) : losses, weights);
  }

 private:
  at::Tensor loss(const at::Tensor& values, const at::Tensor& wanted, std::int64_t reduction) const {
    return loss_ == "l1"      ? at::l1_loss(values, wanted, reduction)
           : loss_ == "huber" ? at::huber_loss(values, wanted, reduction)
                              : at::mse_loss(values, wanted, reduction);
  }

  std::string loss_;
  ScaledTargets scaled_;
};

class RegressionKind : public TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<RegressionKind>(*this); }
  std::string name() const override { return "regression"; }
  std::string doc() const override {
    return "A number, or several: data.target is then a list. Of several the loss is the mean over the "
           "scaled "
           "targets; mae, rmse and r2 are means over the targets, and of each with its name behind it.";
  }
  void describe(config::Visitor& v) override {
    v.field("loss", loss_,
            "Loss of a sample: squared error, absolute error, or Huber's with delta 1 (in units of "
            "the scaled target: one standard deviation with scale_target). Reports are in the "
            "target's unit.",
            {"mse", "l1", "huber"});
    v.field("scale_target", scale_target_,
            "The network learns (target - mean) / deviation, both of the training part, so that the "
            "target's unit does not matter. Answers, losses and metrics are in the target's unit; "
            "exports undo it themselves.");
  }

  TargetKind target() const override { return TargetKind::number; }
  bool takes_several_targets() const override { return true; }
  bool scales_target() const override { return scale_target_; }
  std::vector<Metric> metrics() const override { return {{"mae", false}, {"rmse", false}, {"r2"}}; }

  MetricsReport judge(const Evaluation& answers, const std::vector<double>&) const override {
    if (answers.target_width == 1)
      return regression_metrics(answers.scores, answers.targets, answers.holders);
    MetricsReport report, by_target;
    for (const auto& metric : metrics()) report.set(metric.name, 0);
    for (std::int64_t k = 0; k < answers.target_width; ++k) {
      const auto of_one = regression_metrics(answers.score(k), answers.target(k), answers.holders);
      for (const auto& [name, value] : of_one.values) {
        report.set(name, *report.find(name) + value / static_cast<double>(answers.target_width));
        by_target.set(name + "_" + answers.names.at(static_cast<std::size_t>(k)), value);
      }
    }
    report.values.insert(report.values.end(), by_target.values.begin(), by_target.values.end());
    return report;
  }

  std::vector<double> losses(const Evaluation& answers,
                             const std::vector<TargetScale>& scales) const override {
    const bool several = answers.target_width > 1;
    std::vector<double> losses(answers.size());
    for (std::size_t i = 0; i < answers.targets.size(); ++i) {
      const auto k = i % static_cast<std::size_t>(answers.target_width);
      const double unit = scales.empty() ? 1 : scales.at(k).scale;
      const double error = answers.scores[i] - answers.targets[i];
      const double loss = several ? loss_of(error / unit, 1) : loss_of(error, unit);
      losses[i / static_cast<std::size_t>(answers.target_width)] +=
          loss / static_cast<double>(answers.target_width);
    }
    return losses;
  }

  std::unique_ptr<Task> make(const TaskData& data) const override {
    const auto targets = static_cast<std::int64_t>(std::max<std::size_t>(1, data.targets.size()));
    Head head{.form = AnswerForm::values, .outputs = targets, .operations = operations_of(data.scales)};
    if (targets > 1) head.names = data.targets;
    return std::make_unique<Regression>(std::move(head), loss_, data.scales, targets);
  }

 private:
  double loss_of(double error, double delta) const {
    const double size = std::abs(error);
    if (loss_ == "l1") return size;
    if (loss_ == "huber") return size < delta ? error * error / 2 : delta * (size - delta / 2);
    return error * error;
  }

  std::string loss_ = "mse";  ///< mse | l1 | huber
  bool scale_target_ = true;
};

}  // namespace

std::shared_ptr<TaskKind> regression_kind() { return std::make_shared<RegressionKind>(); }

}  // namespace ringtrain
