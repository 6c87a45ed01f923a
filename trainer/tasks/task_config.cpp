#include "trainer/tasks/task_config.h"

#include "common/text.h"

namespace ringtrain {

std::vector<std::string> metric_names(const TaskKind& kind) {
  std::vector<std::string> names{"loss"};
  for (const auto& metric : kind.metrics()) names.push_back(metric.name);
  return names;
}

bool larger_is_better(const TaskKind& kind, const std::string& metric) {
  if (metric == "loss") return false;
  for (const auto& one : kind.metrics())
    if (one.name == metric) return one.larger_is_better;
  const auto names = metric_names(kind);
  throw ConfigError(fmt::format("{} is not a metric of the task {}; it has: {}.{}", metric, kind.name(),
                                join(names), did_you_mean(metric, names)));
}

MetricsReport judge(const TaskKind& kind, const Evaluation& answers, const std::vector<double>& thresholds) {
  MetricsReport report = kind.judge(answers, thresholds);
  report.values.insert(report.values.begin(), {"loss", answers.loss});
  return report;
}

}  // namespace ringtrain
