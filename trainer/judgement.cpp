#include "trainer/judgement.h"

#include <fmt/format.h>

#include <cmath>

#include "common/files.h"
#include "trainer/metrics/classification.h"
#include "trainer/metrics/regression.h"
#include "trainer/metrics/threshold.h"

namespace ringtrain {
namespace {

std::vector<std::int64_t> classes_of(const Evaluation& answers) {
  return {answers.targets.begin(), answers.targets.end()};
}

/// The second of two probabilities of each row.
std::vector<double> positive_scores(const Evaluation& answers) {
  std::vector<double> scores;
  scores.reserve(answers.targets.size());
  for (std::size_t row = 0; row < answers.targets.size(); ++row)
    scores.push_back(answers.scores[2 * row + 1]);
  return scores;
}

/// Perplexity: e to the loss in nats a token.
MetricsReport language_metrics(const Evaluation& answers) {
  MetricsReport report;
  report.set("perplexity", std::exp(answers.loss));
  report.set("accuracy", answers.accuracy);
  return report;
}

MetricsReport task_metrics(const Evaluation& answers, const TaskConfig& task, double threshold) {
  if (task.type == "language_model") return language_metrics(answers);
  if (task.type == "regression") return regression_metrics(answers.scores, answers.targets);
  if (task.type == "binary_classification")
    return binary_metrics(positive_scores(answers), classes_of(answers), threshold);
  return multiclass_metrics(answers.scores, answers.width, classes_of(answers));
}

}  // namespace

double choose_threshold(const Evaluation& validation, const TaskConfig& task) {
  if (task.type != "binary_classification") return 0.5;
  if (task.threshold == "fixed") return task.fixed_threshold;
  if (validation.targets.empty()) return 0.5;
  const auto scores = positive_scores(validation);
  const auto labels = classes_of(validation);
  return task.threshold == "cost" ? least_cost_threshold(scores, labels, task.cost_ratio)
                                  : best_f1_threshold(scores, labels);
}

MetricsReport judge(const Evaluation& answers, const TaskConfig& task, double threshold) {
  MetricsReport report = task_metrics(answers, task, threshold);
  report.values.insert(report.values.begin(), {"loss", answers.loss});
  return report;
}

void write_predictions(const std::filesystem::path& file, const Evaluation& answers) {
  std::string text = "row,target";
  for (std::int64_t i = 0; i < answers.width; ++i) text += fmt::format(",score{}", i);
  text += '\n';
  const auto width = static_cast<std::size_t>(answers.width);
  for (std::size_t n = 0; n < answers.rows.size(); ++n) {
    text += fmt::format("{},{}", answers.rows[n], answers.targets[n]);
    for (std::size_t i = 0; i < width; ++i) text += fmt::format(",{}", answers.scores[n * width + i]);
    text += '\n';
  }
  write_file_atomically(file, text);
}

}  // namespace ringtrain
