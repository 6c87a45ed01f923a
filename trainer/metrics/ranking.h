#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ringtrain {

/// The rows that have one score.
struct TieGroup {
  double score = 0;
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
};

/// All rows by falling score: what ROC-AUC, average precision and thresholds are computed from. O(n log n).
/// `labels[i]` counts as positive when it equals `positive`. Throws Error when the sizes differ,
/// TrainingError that names the row when a score is NaN.
struct Ranking {
  Ranking(std::span<const double> scores, std::span<const std::int64_t> labels, std::int64_t positive = 1);
  std::vector<TieGroup> groups;
  std::int64_t positives = 0;
  std::int64_t negatives = 0;

  /// The probability that a positive row has a higher score than a negative one, ties counted half
  /// (Mann-Whitney U with midranks, exact in integers). NaN unless both classes occur.
  double roc_auc() const;
  /// Average precision: the sum over thresholds of (recall gained) x precision, without interpolation, as
  /// scikit-learn's average_precision_score. NaN when there is no positive row.
  double average_precision() const;
};

}  // namespace ringtrain
