#pragma once

#include <string>

#include "common/kind_choice.h"
#include "trainer/tasks/built_in_tasks.h"

namespace ringtrain {

/// The `task:` block: what the outputs mean, the loss, and how a decision is made.
struct TaskConfig : KindChoice<TaskKind> {
  explicit TaskConfig(const Kinds& known = built_in_tasks())
      : KindChoice("task", "What the model's outputs mean.", "binary_classification", known) {}
};

/// The names of a task's metrics of a part, `loss` first.
std::vector<std::string> metric_names(const TaskKind& kind);
/// Throws ConfigError for a metric that the task does not have.
bool larger_is_better(const TaskKind& kind, const std::string& metric);

/// The loss and the task's metrics. Collective, as TaskKind::judge.
MetricsReport judge(const TaskKind& kind, const Evaluation& answers, const std::vector<double>& thresholds);

}  // namespace ringtrain
