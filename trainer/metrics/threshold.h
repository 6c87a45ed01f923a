#pragma once

#include <cstdint>
#include <span>

/// Choosing the decision threshold of a binary classifier: class 1 is predicted when score >= threshold.
///
/// The candidates lie halfway between neighbouring distinct scores, so that rounding differences at serving
/// time do not flip a row; further "all rows" (the lowest score) and "no row" (halfway from the highest score
/// to 1, or just above it when it is 1 or more). Halfway is rounded to float32, the precision that a served
/// model compares in, when that keeps the two scores apart; else it is the upper of the two. Of candidates
/// that are equally good the highest threshold wins. With one class only, or no rows, there is nothing to
/// choose: 0.5. Deterministic; O(n log n).
namespace ringtrain {

/// The threshold with the best F1 of class 1.
double best_f1_threshold(std::span<const double> scores, std::span<const std::int64_t> labels);

/// The threshold with the least false positives + `cost_ratio` x false negatives. `cost_ratio`: what a false
/// negative costs in units of a false positive; positive and finite, else ConfigError.
double least_cost_threshold(std::span<const double> scores, std::span<const std::int64_t> labels,
                            double cost_ratio);

}  // namespace ringtrain
