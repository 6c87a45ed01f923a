#pragma once

#include "trainer/metrics/column.h"
#include "trainer/metrics/holders.h"
#include "trainer/metrics/report.h"

namespace ringtrain {

/// mae, rmse and r2 in float64 over all rows. r2 (coefficient of determination) is as scikit-learn's
/// r2_score: NaN with fewer than two rows; where all targets are the same, 1 for exact predictions and 0
/// otherwise. Without rows all are NaN. Throws Error when the sizes differ. The rows are this rank's; all of
/// `holders` count, with the same bits on any number of ranks. Collective.
MetricsReport regression_metrics(const Column& predictions, const Column& targets,
                                 const Holders& holders = {});

}  // namespace ringtrain
