#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config.h"
#include "data/schema/target_scale.h"
#include "data/table/table.h"
#include "trainer/metrics/report.h"
#include "trainer/tasks/answers.h"
#include "trainer/tasks/task.h"

namespace ringtrain {

/// A metric of a part of the data.
struct Metric {
  std::string name;
  bool larger_is_better = true;
};

/// What the data say to a task.
struct TaskData {
  std::vector<std::string> targets{};        ///< names of the target columns
  std::vector<std::string> labels{};         ///< names of classes or labels
  std::vector<std::int64_t> class_counts{};  ///< samples of each class, or label, in the training part
  std::int64_t rows = 0;                     ///< of the training part
  std::int64_t vocabulary = 0;               ///< of a language model
  /// How the targets are scaled, one each; empty: not at all. Targets are given as they are.
  std::vector<TargetScale> scales{};
};

/// One kind of task with its options: the `task:` block of a configuration with this `type`. What others need
/// to know of a task they ask here, never by its name.
class TaskKind {
 public:
  virtual ~TaskKind() = default;
  /// A copy with options of its own.
  virtual std::shared_ptr<TaskKind> clone() const = 0;
  virtual std::string name() const = 0;
  virtual std::string doc() const = 0;
  virtual void describe(config::Visitor& v) = 0;

  /// How the target columns are read.
  virtual TargetKind target() const = 0;
  virtual bool takes_several_targets() const { return false; }
  /// Whether samples are tokens (data.format: tokens), in place of rows of a table.
  virtual bool reads_tokens() const { return false; }
  /// Whether the network learns (target - mean) / deviation.
  virtual bool scales_target() const { return false; }
  /// Of a task with a positive class: its name, "" for the second one; else nothing.
  virtual std::optional<std::string> positive_class() const { return std::nullopt; }
  /// Whether a target whose values look like a number to predict is worth a word.
  virtual bool predicts_classes() const { return false; }

  /// Of a part, beside `loss`, in the order of reports.
  virtual std::vector<Metric> metrics() const = 0;
  /// Their values, of the rows of all ranks: collective, where `answers` has several (Evaluation::sum, mean,
  /// count; trainer/metrics). Every rank returns the same. `thresholds`: as Head::thresholds. There may be
  /// more than `metrics` names: by target.
  virtual MetricsReport judge(const Evaluation& answers, const std::vector<double>& thresholds) const = 0;
  /// The decision thresholds, chosen on these answers (those of the validation part); there may be no rows.
  /// Collective, and the same on every rank.
  virtual std::vector<double> choose_thresholds(const Evaluation&) const { return {}; }
  /// [n]: the loss of each of this rank's rows, from its scores alone (those of an exported model). Without
  /// weights; what a loss does beyond the plain one (focal, smoothed) is left out.
  virtual std::vector<double> losses(const Evaluation& answers,
                                     const std::vector<TargetScale>& scales) const = 0;

  /// Throws ConfigError when the data do not fit the task or its options.
  virtual std::unique_ptr<Task> make(const TaskData& data) const = 0;
};

}  // namespace ringtrain
