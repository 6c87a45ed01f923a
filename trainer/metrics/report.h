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
  /// For the terminal: a line for each metric, then the confusion matrix; of more than kMostShown classes the
  /// pairs that are confused most in its place. `labels`: names of the classes in their order; numbers when
  /// empty. Ends with a newline.
  std::string to_table(const std::vector<std::string>& labels = {}) const;
};

/// How many classes a confusion matrix on the terminal has at most.
inline constexpr std::size_t kMostShown = 20;

/// Rows of one class that were taken for another one.
struct Confused {
  std::size_t actual = 0, predicted = 0;
  std::int64_t rows = 0;
};
/// The pairs with the most rows, falling; of equal ones the first in class order first.
std::vector<Confused> worst_pairs(const Confusion& confusion, std::size_t most = 10);

/// The matrix as CSV: a line a true class, "true,NAME,NAME,...". Names are quoted where they need it.
std::string confusion_csv(const Confusion& confusion, const std::vector<std::string>& labels);

}  // namespace ringtrain
