#pragma once

#include <vector>

#include "data/order/split_rule.h"

namespace ringtrain {

/// The part of each row by its time: the oldest are the training part, then validation, then test. `times`:
/// [rows], none NaN.
///
/// With folds the window expands, as that of scikit-learn's TimeSeriesSplit: of n rows and k folds the test
/// parts are the last k runs of n / (k + 1) rows, one after another; of all that is older the newest rows are
/// validation. What is newer than the fold is in no part.
///
/// Rows of one time stay together: a cut that would fall among them goes to their nearer end.
struct TimedSplit {
  std::vector<SplitPart> parts;  ///< [rows]
  std::vector<bool> used;        ///< [rows]; empty: all are
};
TimedSplit split_by_time(const SplitConfig& config, const std::vector<double>& times);

}  // namespace ringtrain
