#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringtrain {

/// Row: true class; column: predicted class.
using Confusion = std::vector<std::vector<std::int64_t>>;

/// What was measured on one part of the data, by name, in a fixed order. A metric that the rows do not define
/// (ROC-AUC with one class only) is NaN.
struct MetricsReport {
  std::vector<std::pair<std::string, double>> values;
  Confusion confusion;  ///< empty for regression

  /// Replaces the metric of that name, or adds it at the end.
  void set(std::string_view name, double value);
  std::optional<double> find(std::string_view name) const;
  /// Throws ConfigError that lists the metrics there are, with "did you mean".
  double get(std::string_view name) const;

  /// {"accuracy": 0.99, ..., "confusion_matrix": [[50, 1], [2, 7]]}; NaN and infinity are null.
  nlohmann::ordered_json to_json() const;
  /// For the terminal: a line for each metric, then the confusion matrix. `labels`: names of the classes in
  /// their order; numbers when empty. Ends with a newline.
  std::string to_table(const std::vector<std::string>& labels = {}) const;
};

/// Whether a larger value of this metric is the better one: false for loss, perplexity, mae, rmse and what
/// ends in
/// "_loss".
bool larger_is_better(std::string_view metric);

}  // namespace ringtrain
