#pragma once

#include <span>

#include "trainer/metrics/report.h"

namespace ringtrain {

/// mae, rmse and r2 in float64 over all rows. r2 (coefficient of determination) is as scikit-learn's
/// r2_score: NaN with fewer than two rows; where all targets are the same, 1 for exact predictions and 0
/// otherwise. Without rows all are NaN. Throws Error when the sizes differ.
MetricsReport regression_metrics(std::span<const double> predictions, std::span<const double> targets);

}  // namespace ringtrain
