// A task of one's own: `task: {type: poisson}`. How often something happens: the network's output is the
// logarithm of the mean (Poisson regression).
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringtrain/trainer/tasks/task_kind.h"

namespace rides {

/// The loss, and what outputs mean.
class Poisson : public ringtrain::Task {
 public:
  // The head turns outputs into answers: here exp(output). Training, every exported form, `predict` and the
  // server are written from it.
  Poisson()
      : Task({.form = ringtrain::AnswerForm::values,
              .outputs = 1,
              .operations = {{ringtrain::HeadOperation::Kind::exponential}}}) {}

  // Sums, not means: they are added up over the ranks and divided once. So any number of ranks computes what
  // one rank does.
  ringtrain::LossSum loss_sum(const at::Tensor& outputs, const ringtrain::Fields& targets,
                              const at::Tensor& weights) const override {
    const auto logs = outputs.squeeze(1);
    const auto losses = logs.exp() - targets.only().to(logs.scalar_type()) * logs;
    if (weights.defined()) return weighted(losses, weights);
    return {losses.sum(), count(outputs)};
  }
};

/// What a configuration chooses, and what others ask of the task.
class PoissonKind : public ringtrain::TaskKind {
 public:
  std::shared_ptr<TaskKind> clone() const override { return std::make_shared<PoissonKind>(*this); }
  std::string name() const override { return "poisson"; }
  std::string doc() const override { return "How often something happens."; }
  void describe(ringtrain::config::Visitor&) override {}  // it has no options

  ringtrain::TargetKind target() const override { return ringtrain::TargetKind::number; }
  // What reports list, and trainer.checkpoint.metric may name. Smaller is better.
  std::vector<ringtrain::Metric> metrics() const override { return {{"deviance", false}}; }

  // Each rank has the rows that it answered. `mean` (and `sum`, `count`) goes over the rows of all ranks: a
  // metric is computed once, never averaged over ranks.
  ringtrain::MetricsReport judge(const ringtrain::Evaluation& answers,
                                 const std::vector<double>&) const override {
    ringtrain::MetricsReport report;
    report.set("deviance", answers.mean([&](std::size_t row) {
      return deviance(answers.targets[row], answers.scores[row]);
    }));
    return report;
  }

  // The loss of each row from its answer alone: `evaluate` asks it of exported models.
  std::vector<double> losses(const ringtrain::Evaluation& answers,
                             const std::vector<ringtrain::TargetScale>&) const override {
    std::vector<double> losses;
    for (std::size_t row = 0; row < answers.size(); ++row)
      losses.push_back(answers.scores[row] - answers.targets[row] * std::log(answers.scores[row]));
    return losses;
  }

  std::unique_ptr<ringtrain::Task> make(const ringtrain::TaskData&) const override {
    return std::make_unique<Poisson>();
  }

 private:
  /// As scikit-learn's mean_poisson_deviance.
  static double deviance(double target, double mean) {
    return 2 * ((target > 0 ? target * std::log(target / mean) : 0) - target + mean);
  }
};

}  // namespace rides
