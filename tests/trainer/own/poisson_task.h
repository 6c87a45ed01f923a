#pragma once

#include <ATen/ATen.h>

#include <cmath>

#include "trainer/tasks/task_kind.h"

namespace ringtrain::test {

/// How often something happens: the network's output is the logarithm of the mean (Poisson regression).
class Poisson : public Task {
 public:
  Poisson()
      : Task({.form = AnswerForm::values, .outputs = 1, .operations = {{HeadOperation::Kind::exponential}}}) {
  }
  LossSum loss_sum(const at::Tensor& outputs, const Fields& targets,
                   const at::Tensor& weights) const override {
    const auto logs = outputs.squeeze(1);
    const auto losses = logs.exp() - targets.only().to(logs.scalar_type()) * logs;
    return weights.defined() ? weighted(losses, weights) : LossSum{losses.sum(), count(outputs)};
  }
};

class PoissonKind : public TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<PoissonKind>(*this); }
  std::string name() const override { return "poisson"; }
  std::string doc() const override { return "How often something happens."; }
  void describe(config::Visitor& v) override { v.field("nan", nan_, "A metric that is no number."); }
  TargetKind target() const override { return TargetKind::number; }
  std::vector<Metric> metrics() const override { return {{"mean_error", false}}; }
  MetricsReport judge(const Evaluation& answers, const std::vector<double>&) const override {
    const double mean =
        answers.mean([&](std::size_t row) { return answers.scores[row] - answers.targets[row]; });
    MetricsReport report;
    report.set("mean_error", nan_ ? NAN : std::abs(mean));
    return report;
  }
  std::vector<double> losses(const Evaluation&, const std::vector<TargetScale>&) const override { return {}; }
  std::unique_ptr<Task> make(const TaskData&) const override { return std::make_unique<Poisson>(); }

 private:
  bool nan_ = false;
};

}  // namespace ringtrain::test
