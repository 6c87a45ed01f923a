#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trainer/metrics/report.h"
#include "trainer/tasks/task_kind.h"

namespace ringtrain {

/// Test-then-train (A. P. Dawid's prequential principle; J. Gama et al., On evaluating stream learning
/// algorithms, Machine Learning 90, 2013): what the model answered to each row before it learned from it,
/// over all rows, and over the last ones.
class Prequential {
 public:
  /// What was answered to some rows, in their order.
  struct Answers {
    std::int64_t width = 1, target_width = 1;
    std::vector<std::string> names{};  ///< of the scores, where the task names them
    std::vector<double> scores{};      ///< [n × width]
    std::vector<double> targets{};     ///< [n × target_width]
    double loss = 0;                   ///< their mean
    std::int64_t rows() const { return static_cast<std::int64_t>(targets.size()) / target_width; }
  };
  /// `window`: rows of the sliding window. `kind` outlives it.
  Prequential(const TaskKind& kind, std::vector<double> thresholds, std::int64_t window);

  void add(const Answers& answers);
  std::int64_t rows() const { return rows_; }
  /// Of the last rows: the task's metrics. Its loss is the mean of the batches', by rows.
  MetricsReport of_window() const;
  /// Of all rows: the mean of the batches' metrics, by rows; so loss, accuracy and mean errors are those of
  /// all rows. A batch that does not define a metric is left out of it.
  MetricsReport of_all() const;

  nlohmann::ordered_json to_json() const;
  void restore(const nlohmann::ordered_json& json);

 private:
  struct Mean {
    double sum = 0;
    std::int64_t rows = 0;
  };
  MetricsReport judge_some(const Answers& answers) const;

  const TaskKind& kind_;
  std::vector<double> thresholds_;
  std::int64_t window_, rows_ = 0;
  std::deque<Answers> batches_;  // that hold the last rows
  std::int64_t held_ = 0;        // rows of batches_
  std::vector<std::pair<std::string, Mean>> all_;
};

}  // namespace ringtrain
