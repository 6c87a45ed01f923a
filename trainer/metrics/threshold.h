#pragma once

#include <span>
#include <vector>

#include "trainer/metrics/holders.h"
#include "trainer/metrics/ranking.h"

/// Choosing the decision threshold of a binary classifier: class 1 is predicted when score >= threshold.
///
/// The candidates lie halfway between neighbouring distinct scores, so that rounding differences at serving
/// time do not flip a row; further "all rows" (the lowest score) and "no row" (halfway from the highest score
/// to 1, or just above it when it is 1 or more). Halfway is rounded to float32, the precision that a served
/// model compares in, when that keeps the two scores apart; else it is the upper of the two. Of candidates
/// that are equally good the highest threshold wins. With one class only, or no rows, there is nothing to
/// choose: 0.5. Deterministic, and the same bits on any number of ranks; O(n log n).
///
/// Columns hold this rank's rows; a row is positive as RankedColumn says. Collective; throws as Ranking does.
namespace ringtrain {

/// Of each column the threshold with the best F1 of class 1.
std::vector<double> best_f1_thresholds(std::span<const RankedColumn> columns, const Holders& holders = {});

/// Of each column the threshold with the least false positives + `cost_ratio` x false negatives.
/// `cost_ratio`: what a false negative costs in units of a false positive; positive and finite, else
/// ConfigError.
std::vector<double> least_cost_thresholds(std::span<const RankedColumn> columns, double cost_ratio,
                                          const Holders& holders = {});

}  // namespace ringtrain
