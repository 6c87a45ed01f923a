#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

/// What a report says of answers whose truth is known. All take scores and truths of the same rows; what the
/// rows do not define is NaN, and null in JSON.
namespace ringtrain::report {

/// A threshold's place on both curves.
struct RankingPoint {
  double threshold = 0;
  double false_positive_rate = 0, true_positive_rate = 0;  ///< ROC
  double precision = 0;                                    ///< its recall is the true positive rate
};

/// ROC and precision-recall of one class against the rest, from all scores. A row is taken for positive where
/// its score is at least the threshold.
struct RankingCurves {
  std::int64_t positives = 0, negatives = 0;
  double roc_auc = 0;                ///< ties counted half
  double average_precision = 0;      ///< as scikit-learn's average_precision_score
  std::vector<RankingPoint> points;  ///< by falling threshold; the first takes no row, the last all
  /// `positive`: nonzero where the row is.
  static RankingCurves of(std::span<const double> scores, const std::vector<char>& positive);
  /// The place of a threshold.
  RankingPoint at(double threshold) const;
  /// Each of the points that are left stands on the exact curve; about `most` are.
  std::vector<RankingPoint> thinned(std::size_t most) const;
};

/// Whether a probability of 0.8 comes true in 8 of 10 cases: ten bins of equal width over [0, 1], the last
/// one with 1.
struct Calibration {
  struct Bin {
    double low = 0, high = 0;
    std::int64_t rows = 0;
    double said = 0, seen = 0;  ///< mean probability, share that came true
  };
  std::vector<Bin> bins;
  double expected_error = 0;  ///< ECE: the mean of |said - seen|, by rows
  static Calibration of(std::span<const double> probabilities, const std::vector<char>& came_true);
};

/// Of K probabilities a row: the mean of the sum of squared differences to 1 for the true class and 0 for the
/// others; of two classes half of that, which is the square of one of them (Brier 1950, as scikit-learn).
double brier_score(std::span<const double> probabilities, std::int64_t classes,
                   std::span<const std::int64_t> truth);

/// Of a regression: how far answers lie from targets.
struct Residuals {
  std::int64_t rows = 0;
  double mean = 0;  ///< of answer - target: the bias
  double mean_absolute = 0, root_mean_square = 0, r2 = 0;
  std::vector<double> quantiles;  ///< of answer - target: 0, 0.05, 0.25, 0.5, 0.75, 0.95, 1
  std::vector<double> edges;
  std::vector<double> counts;  ///< histogram of answer - target within the 0.5% and 99.5% quantiles
  static Residuals of(std::span<const double> answers, std::span<const double> targets);
};

/// null where it is not finite.
nlohmann::ordered_json finite(double value);

}  // namespace ringtrain::report
