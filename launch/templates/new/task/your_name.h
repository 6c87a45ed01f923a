// A loss and metrics of your own, `task: {type: your_name}`: for amounts above 0 whose errors count by ratio,
// so that 10% of a small one weighs as much as 10% of a large one (gamma regression with a log link).
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringtrain/common/errors.h"
#include "ringtrain/trainer/tasks/task_kind.h"

namespace your_name_kind {

/// The loss, and what outputs mean.
class YourNameLoss : public ringtrain::Task {
 public:
  // The network's one output is the logarithm of the amount; the head makes the answer of it. Training, each
  // exported form, `predict` and `serve` follow it.
  YourNameLoss()
      : Task({.form = ringtrain::AnswerForm::values,
              .outputs = 1,
              .operations = {{ringtrain::HeadOperation::Kind::exponential}}}) {}

  // `outputs`: [n, 1]; targets: [n]. Sums, not means: they are added up over the ranks and divided once, so
  // that any number of ranks computes what one does. `weights`: of the rows, where the data have them.
  ringtrain::LossSum loss_sum(const at::Tensor& outputs, const ringtrain::Fields& targets,
                              const at::Tensor& weights) const override {
    const auto logs = outputs.squeeze(1);
    const auto losses = logs + targets.only().to(logs.scalar_type()) * (-logs).exp();
    if (weights.defined()) return weighted(losses, weights);
    return {losses.sum(), count(outputs)};
  }
};

/// What a configuration chooses, and what others ask of the task.
class YourNameKind : public ringtrain::TaskKind {
 public:
  // Each configuration has a copy with options of its own.
  std::shared_ptr<ringtrain::TaskKind> clone() const override {
    return std::make_shared<YourNameKind>(*this);
  }
  std::string name() const override { return "your_name"; }
  std::string doc() const override { return "An amount above 0 whose errors count by ratio."; }
  // Each option once: for YAML, for errors with file and line, for the reference that `config` prints.
  void describe(ringtrain::config::Visitor& v) override {
    v.field("tolerance", tolerance_, "An answer is right that is off by so much of the amount, or less.",
            ringtrain::config::positive());
  }

  ringtrain::TargetKind target() const override { return ringtrain::TargetKind::number; }
  // What reports list, and trainer.checkpoint.metric may name: is larger better?
  std::vector<ringtrain::Metric> metrics() const override { return {{"off_by", false}, {"within", true}}; }

  // Each rank has the rows that it answered. `mean`, `sum` and `count` go over the rows of all ranks: never a
  // mean of the ranks' means. What a row throws is thrown on all ranks.
  ringtrain::MetricsReport judge(const ringtrain::Evaluation& answers,
                                 const std::vector<double>&) const override {
    const auto off_by = [&](std::size_t i) {
      if (!(answers.targets[i] > 0))
        throw ringtrain::DataError("row " + std::to_string(answers.rows[i]) + " (0 is the first) is to be " +
                                   std::to_string(answers.targets[i]) +
                                   "; task your_name takes amounts above 0");
      return std::abs(answers.scores[i] / answers.targets[i] - 1);
    };
    ringtrain::MetricsReport report;
    report.set("off_by", answers.mean(off_by));
    report.set("within", answers.mean([&](std::size_t i) { return off_by(i) <= tolerance_ ? 1 : 0; }));
    return report;
  }

  // The loss of each row from its answer alone: `evaluate` asks it of exported models.
  std::vector<double> losses(const ringtrain::Evaluation& answers,
                             const std::vector<ringtrain::TargetScale>&) const override {
    std::vector<double> losses;
    for (std::size_t i = 0; i < answers.size(); ++i)
      losses.push_back(std::log(answers.scores[i]) + answers.targets[i] / answers.scores[i]);
    return losses;
  }

  std::unique_ptr<ringtrain::Task> make(const ringtrain::TaskData&) const override {
    return std::make_unique<YourNameLoss>();
  }

 private:
  double tolerance_ = 0.1;
};

}  // namespace your_name_kind
