#pragma once

#include <string>

#include "common/kind_choice.h"
#include "trainer/tasks/built_in_tasks.h"

namespace ringtrain {

/// The `task:` block: what the outputs mean, the loss, and how a decision is made.
struct TaskConfig : KindChoice<TaskKind> {
  explicit TaskConfig(const Kinds& known = built_in_tasks())
      : KindChoice("task", "What the model's outputs mean.", "binary_classification", known) {}
  std::string calibrate = "none";  ///< none | temperature (tasks/calibration.h)
  void describe(config::Visitor& v) {
    KindChoice::describe(v);
    v.field("calibrate", calibrate,
            "temperature: the outputs are divided by one number before they become probabilities, which is "
            "fitted on the validation part at the end and goes into the exported model, so that 80% comes "
            "true 80 times in a hundred (Guo et al. 2017). Ranks and decisions of classes stay as they are.",
            {"none", "temperature"});
  }
};

/// The names of a task's metrics of a part, `loss` first.
std::vector<std::string> metric_names(const TaskKind& kind);
/// Throws ConfigError for a metric that the task does not have.
bool larger_is_better(const TaskKind& kind, const std::string& metric);

/// The loss and the task's metrics. Collective, as TaskKind::judge.
MetricsReport judge(const TaskKind& kind, const Evaluation& answers, const std::vector<double>& thresholds);

}  // namespace ringtrain
